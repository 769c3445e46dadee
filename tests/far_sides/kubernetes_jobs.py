"""Jobs on the Kubernetes API server on loopback, and what a program in one of them would find in its environment.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/ and Expand in
https://github.com/kubernetes/kubernetes/blob/master/third_party/forked/golang/expansion/expand.go
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.far_sides.http_server import Answer, Request
from tests.far_sides.kubernetes import Kubernetes, Object, answered

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)


class KubernetesJobs(Kubernetes):
    """Takes Jobs in the namespaces that there are; each has what `status` was set to.

    Attributes:
        namespaces: those that there are.
        jobs: by namespace and name.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        """Starts without any Job."""
        super().__init__(certificate)
        self.namespaces = {"automation"}
        self.jobs: dict[tuple[str, str], Object] = {}

    def set_status(self, name: str, **status: Any) -> None:
        """Says how the Job of that name goes."""
        for (_, known), job in self.jobs.items():
            if known == name:
                job["status"] = status

    def answer(self, request: Request) -> Answer:
        """Answers what is asked of Jobs as the API server does."""
        parts = urlsplit(request.path).path.strip("/").split("/")
        if parts[:4] != ["apis", "batch", "v1", "namespaces"] or parts[5:6] != ["jobs"]:
            return super().answer(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return refusal(401, "Unauthorized", "Unauthorized")
        namespace, names = unquote(parts[4]), [unquote(each) for each in parts[6:]]
        verb = {"GET": "get", "POST": "create"}.get(request.method, "")
        if f"{verb} jobs" in self.denied:
            words = f'jobs.batch is forbidden: User "system:serviceaccount:a:b" cannot {verb} resource "jobs"'
            return refusal(403, "Forbidden", f'{words} in API group "batch" in the namespace "{namespace}"')
        if verb == "create" and not names:
            return self._create(namespace, request)
        found = self.jobs.get((namespace, *names)) if verb == "get" and len(names) == 1 else None  # type: ignore[arg-type]
        return answered(found) if found else refusal(404, "NotFound", f'jobs.batch "{"/".join(names)}" not found')

    def _create(self, namespace: str, request: Request) -> Answer:
        if request.headers["Content-Type"] != "application/json":
            return refusal(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        job: Object = request.json()
        if (job.get("apiVersion"), job.get("kind")) != ("batch/v1", "Job"):
            return refusal(400, "BadRequest", "the object provided is unrecognized")
        if wrong := _mistyped(job):
            return refusal(400, "BadRequest", f"Job in version v1 cannot be handled as a Job: {wrong}")
        if namespace not in self.namespaces:
            return refusal(404, "NotFound", f'namespaces "{namespace}" not found')
        name = job["metadata"].get("name", "")
        if wrong := _invalid(job, namespace):
            return refusal(422, "Invalid", f'Job.batch "{name}" is invalid: {wrong}')
        if (namespace, name) in self.jobs:
            return refusal(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        self.jobs[namespace, name] = {**job, "status": {}}
        return Answer(201, json.dumps(self.jobs[namespace, name]).encode(), {"Content-Type": "application/json"})


def _containers(job: Object) -> list[Object]:
    pod = job["spec"]["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


def _mistyped(job: Object) -> str:
    texts = [job["metadata"].get("labels", {}), job["metadata"].get("annotations", {})]
    texts += [each for container in _containers(job) for each in container.get("env", []) if "valueFrom" not in each]
    for each in texts:
        if not all(isinstance(value, str) for value in each.values()):
            return "json: cannot unmarshal into Go struct field of type string"
    return ""


def _invalid(job: Object, namespace: str) -> str:
    metadata, pod = job["metadata"], job["spec"]["template"]["spec"]
    if not _NAME.fullmatch(metadata.get("name", "")):
        return "metadata.name: Invalid value"
    if metadata.get("namespace", namespace) != namespace:
        return "metadata.namespace: does not match the namespace of the request"
    if not all(_LABEL.fullmatch(each) for each in metadata.get("labels", {}).values()):
        return "metadata.labels: Invalid value"
    if pod.get("restartPolicy", "Always") not in ("Never", "OnFailure"):
        return 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    return ""


def refusal(code: int, reason: str, message: str) -> Answer:
    """A Status that says why not."""
    document = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    return Answer(code, json.dumps({**document, "code": code}).encode(), {"Content-Type": "application/json"})


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """What the kubelet makes of a container's variables: each may refer to those before it, and a later one wins."""
    found: dict[str, str] = {}
    for each in container.get("env", []):
        found[each["name"]] = expanded(each.get("value", ""), found)
    return found


def expanded(text: str, known: Mapping[str, str]) -> str:
    """A text with `$(NAME)` replaced where there is such a variable, and `$$` as one dollar."""
    made, at = "", 0
    while at < len(text):
        pair, close = text[at : at + 2], text.find(")", at)
        if pair == "$$":
            made, at = f"{made}$", at + 2
        elif pair == "$(" and close != -1:
            name = text[at + 2 : close]
            made, at = made + known.get(name, f"$({name})"), close + 1
        else:
            made, at = made + text[at], at + 1
    return made
