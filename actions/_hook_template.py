"""The template of a Job, in a file: checked when the configuration is loaded, so far as a Job could be none.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actions._hook_yaml import Manifest, Path_
from cluster.names import is_label

_VARIABLE = re.compile(r"\$\(([^)]*)\)")
_OWN = {"": ("apiVersion", "kind", "metadata", "spec"), "metadata": ("name", "namespace", "labels", "annotations")}
_POD: Path_ = ("spec", "template", "spec")
_AGAIN = "what it does may be done more than once for one alert"


@dataclass(frozen=True, slots=True)
class JobTemplate:
    """What a Job is made of.

    Attributes:
        path: the file's.
        digest: tells what stands in it from what stood there before.
        document: the Job as the file has it.
    """

    path: Path
    digest: str
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """What the names of its Jobs begin with."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str | None:
        """Where the file wants it; None where it does not say."""
        found = self.document["metadata"].get("namespace")
        return None if found is None else str(found)

    def doubts(self) -> Iterator[str]:
        """Why it may be run more often than once, or not at all."""
        spec = self.document["spec"]
        if (again := spec.get("backoffLimit") or 0) > 0:
            yield f"has a backoffLimit of {again}: {_AGAIN}"
        for key in ("completions", "parallelism"):
            if (several := spec.get(key) or 1) > 1:
                yield f"has {several} {key}: {_AGAIN}"
        if spec["template"]["spec"].get("restartPolicy") == "OnFailure":
            yield f"has the restartPolicy OnFailure, and not Never: {_AGAIN}"
        if spec.get("podFailurePolicy"):
            yield f"has a podFailurePolicy, by which failures may not count: {_AGAIN}"
        if spec.get("suspend"):
            yield "has suspend: nothing runs until somebody takes that away"


def read_template(path: Path) -> JobTemplate:
    """Read a template.

    Raises:
        ValueError: it is none; the message has the place.
    """
    manifest = Manifest(path)
    document = _Checked(manifest).job()
    told = json.dumps(document, sort_keys=True)
    return JobTemplate(path, hashlib.sha256(told.encode(errors="replace")).hexdigest()[:16], document)


@dataclass(frozen=True, slots=True)
class _Checked:
    manifest: Manifest

    def job(self) -> dict[str, Any]:
        job = self._mapping(self.manifest.document, ())
        for key, wanted in (("apiVersion", "batch/v1"), ("kind", "Job")):
            if job.get(key) != wanted:
                raise self.manifest.unfit((key,), f"should be {wanted}")
        metadata = self._mapping(job.get("metadata"), ("metadata",))
        for part, there in (("", job), ("metadata", metadata)):
            for key in there:
                if key not in _OWN[part]:
                    path = tuple(filter(None, (part, key)))
                    raise self.manifest.unfit(path, f"may not stand here; there are: {', '.join(_OWN[part])}")
        for key in ("name", "namespace"):
            if (key == "name" or key in metadata) and not is_label(str(metadata.get(key, ""))):
                raise self.manifest.unfit(("metadata", key), "should be small letters, digits and -, at most 63")
        for key in ("labels", "annotations"):
            self._texts(metadata.get(key, {}), ("metadata", key))
        spec = self._mapping(job.get("spec"), ("spec",))
        for key in ("backoffLimit", "completions", "parallelism", "ttlSecondsAfterFinished", "activeDeadlineSeconds"):
            value = spec.get(key, 0)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise self.manifest.unfit(("spec", key), "should be a whole number, 0 or more")
        template = self._mapping(spec.get("template"), ("spec", "template"))
        about = self._mapping(template.get("metadata", {}), ("spec", "template", "metadata"))
        self._texts(about.get("labels", {}), ("spec", "template", "metadata", "labels"))
        pod = self._mapping(template.get("spec"), _POD)
        self._pod(pod)
        return {**job, "metadata": metadata, "spec": {**spec, "template": {**template, "spec": pod}}}

    def _pod(self, pod: dict[str, Any]) -> None:
        if pod.get("restartPolicy", "Never") not in ("Never", "OnFailure"):
            raise self.manifest.unfit((*_POD, "restartPolicy"), "should be Never (or OnFailure)")
        if not pod.get("containers"):
            raise self.manifest.unfit((*_POD, "containers"), "is missing")
        for key in ("initContainers", "containers"):
            listed = pod.get(key, [])
            if not isinstance(listed, list):
                raise self.manifest.unfit((*_POD, key), "should be a list")
            for at, each in enumerate(listed):
                self._container(self._mapping(each, (*_POD, key, at)), (*_POD, key, at))

    def _container(self, container: dict[str, Any], path: Path_) -> None:
        """Check its variables; and that what an alert says is put into none of its commands: a shell would run it."""
        listed = container.get("env", [])
        if not isinstance(listed, list):
            raise self.manifest.unfit((*path, "env"), "should be a list")
        of_alerts: set[str] = set()
        for at, each in enumerate(listed):
            here = (*path, "env", at)
            if not isinstance(name := self._mapping(each, here).get("name"), str) or not name:
                raise self.manifest.unfit((*here, "name"), "should be text")
            if not isinstance(value := each.get("value", ""), str):
                raise self.manifest.unfit((*here, "value"), "should be text: it wants quotes")
            if _named(value, of_alerts):
                of_alerts.add(name)
        for place, text in _texts({key: each for key, each in container.items() if key != "env"}, path):
            if name := _named(text, of_alerts):
                message = f"has $({name}), which would become a part of it, whatever an alert says"
                raise self.manifest.unfit(place, f'{message}; a shell may have it as "${name}", in quotes')

    def _mapping(self, value: Any, path: Path_) -> dict[str, Any]:
        """A mapping, without the keys that have nothing behind them."""
        if not isinstance(value, dict):
            raise self.manifest.unfit(path, "is missing" if value is None and path else "should be a mapping")
        return {key: each for key, each in value.items() if each is not None}

    def _texts(self, value: Any, path: Path_) -> None:
        for key, each in self._mapping(value, path).items():
            if not isinstance(each, str):
                raise self.manifest.unfit((*path, key), "should be text: it wants quotes")


def _named(text: str, of_alerts: set[str]) -> str:
    """The variable that the kubelet would put in there, of those that hold what an alert says."""
    return next((name for name in _VARIABLE.findall(text) if name.startswith("ALERT_") or name in of_alerts), "")


def _texts(value: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _texts(each, (*path, at))
