"""A hook that is a Kubernetes Job: created under a name that is the remediation's own, so that there is never a second.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from actions._base import cut, json_bytes
from actions._hook_environment import UnfitAlert, literal, variables
from actions._hook_target import told
from actions._hook_template import JobTemplate
from alerts.model import Alert
from alerts.remediation import NotPerformed, NotProposed, Performed, Proposal, Ready, Target
from cluster import Cluster, ClusterError
from outbound import Answer

TOKEN_LABEL = "alert-manager/remediation"
RULE_ANNOTATION = "alert-manager/rule"
ALERT_ANNOTATION = "alert-manager/alert"
_LONGEST_PREFIX = 40
_LONGEST_NAME = 63
_KEPT_SECONDS = 86_400
_MAX_BYTES = 4 * 1024 * 1024
_MAX_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Job:
    """One rule's Job.

    Attributes:
        rule: its name.
        timeout_seconds: how long one request may take at most.
    """

    cluster: Cluster
    rule: str
    template: JobTemplate
    namespace: str
    timeout_seconds: float
    verb: ClassVar[str] = "job"

    def propose(self, alert: Alert, target: Target) -> Proposal:
        """What would be run.

        Raises:
            NotProposed: the alert cannot be handed to it.
        """
        try:
            variables(alert, "")
        except UnfitAlert as error:
            raise NotProposed(f"no job can be told of it: {error}") from None
        # Which template it is is what somebody approves, too.
        which = f"{self.template.name} (template {self.template.digest[:8]})"
        does = f"run the job {which} in namespace {self.namespace} about {told(target)}"
        made_of = {"namespace": self.namespace, "prefix": self.template.name, "template": self.template.digest}
        return Proposal(self.verb, target, does, request=made_of)

    def perform(self, proposal: Proposal, alert: Alert, token: str, deadline_seconds: float) -> Performed:
        """Create it; see `Remedy`."""
        request = proposal.request
        if (request.get("template"), request.get("namespace")) != (self.template.digest, self.namespace):
            raise NotPerformed("the job's template is another than when this was proposed", in_doubt=False)
        name, until = job_name(str(request["prefix"]), token), time.monotonic() + deadline_seconds
        try:
            body = json_bytes(self._document(name, alert, token))
        except UnfitAlert as error:
            raise NotPerformed(f"no job can be told of it: {error}", in_doubt=False) from None
        try:
            answer = self._asked("POST", (), body, deadline_seconds)
        except ClusterError as error:
            in_doubt = error.sent and not 400 <= error.status < 500
            raise NotPerformed(f"Kubernetes {error}", in_doubt=in_doubt) from None
        if answer.status in (200, 201, 202):
            return _performed(name, self.namespace)
        if answer.status == 409 and _reason(answer) == "AlreadyExists":
            done = self.happened(proposal, token, max(0.001, until - time.monotonic()))
            if done is None:
                raise NotPerformed(f"another job is called {self.namespace}/{name}", in_doubt=False)
            return done
        raise NotPerformed(f"Kubernetes: {_words(answer)}", in_doubt=not 400 <= answer.status < 500)

    def happened(self, proposal: Proposal, token: str, deadline_seconds: float) -> Performed | None:
        """Look for it: a second try has the same name, and where one is late, or both are, one of them is refused."""
        namespace, name = str(proposal.request["namespace"]), job_name(str(proposal.request["prefix"]), token)
        found, why = self._found(namespace, name, deadline_seconds)
        if found is None and why:
            raise NotPerformed(f"whether the job was made is not known: {why}", in_doubt=True)
        ours = found is not None and _mapping(_mapping(found, "metadata"), "labels").get(TOKEN_LABEL) == token
        return _performed(name, namespace) if ours else None

    def ready(self, performed: Performed, deadline_seconds: float) -> Ready:
        """How it has gone; see `Remedy`."""
        namespace, _, name = str(performed.after.get("job")).partition("/")
        found, why = self._found(namespace, name, deadline_seconds)
        if found is None:
            return Ready(None, why or f"the job {namespace}/{name} is gone")
        status = _mapping(found, "status")
        conditions = status.get("conditions")
        for each in conditions if isinstance(conditions, list) else ():
            if isinstance(each, dict) and each.get("status") == "True" and each.get("type") in ("Complete", "Failed"):
                failed = each["type"] == "Failed"
                why = " ".join(str(each.get("message") or each.get("reason") or "").split())
                said = f"the job has failed{': ' if why else ''}{why}" if failed else "the job has completed"
                return Ready(not failed, cut(said, _MAX_DETAIL))
        if status.get("active"):
            return Ready(None, "the job still runs")
        return Ready(None, "the job has not begun, or has just ended")

    def _found(self, namespace: str, name: str, deadline_seconds: float) -> tuple[Mapping[str, Any] | None, str]:
        """A Job; or None, and why that is not known, "" where it is known that there is none."""
        try:
            answer = self._asked("GET", (name,), None, deadline_seconds, namespace)
            found = answer.json() if answer.status == 200 else None
        except ClusterError as error:
            return None, f"Kubernetes {error}"
        except ValueError:
            return None, "Kubernetes: the answer is no JSON"
        if isinstance(found, dict):
            return found, ""
        # As the API server says it: a proxy that knows no such path says 404, too.
        return None, "" if answer.status == 404 and _reason(answer) == "NotFound" else f"Kubernetes: {_words(answer)}"

    def _asked(
        self, method: str, name: tuple[str, ...], body: bytes | None, deadline_seconds: float, namespace: str = ""
    ) -> Answer:
        within = min(deadline_seconds, self.timeout_seconds) if self.timeout_seconds else deadline_seconds
        path = ("apis", "batch", "v1", "namespaces", namespace or self.namespace, "jobs", *name)
        return self.cluster.send(method, path, {}, body, deadline_seconds=within, most_bytes=_MAX_BYTES)

    def _document(self, name: str, alert: Alert, token: str) -> dict[str, Any]:
        job = self.template.document
        spec, template = job["spec"], job["spec"]["template"]
        pod = {"restartPolicy": "Never", **template["spec"]}
        env = [{"name": each, "value": literal(value)} for each, value in variables(alert, token).items()]
        for key in ("initContainers", "containers"):
            if key in pod:
                pod[key] = [_with_env(each, env) for each in pod[key]]
        marks = {"labels": {TOKEN_LABEL: token}, "annotations": {RULE_ANNOTATION: self.rule}}
        marks["annotations"][ALERT_ANNOTATION] = alert.fingerprint
        metadata = {**_marked(job["metadata"], marks), "name": name, "namespace": self.namespace}
        kept = {"backoffLimit": 0, "ttlSecondsAfterFinished": _KEPT_SECONDS}
        of_pod = {**template, "metadata": _marked(template.get("metadata") or {}, marks), "spec": pod}
        return {**job, "metadata": metadata, "spec": {**kept, **spec, "template": of_pod}}


def job_name(prefix: str, token: str) -> str:
    """What the Job of a remediation is called: a label by RFC 1123."""
    room = min(_LONGEST_PREFIX, _LONGEST_NAME - len(token) - 1)
    return f"{prefix[:room].rstrip('-')}-{token}"


def _performed(name: str, namespace: str) -> Performed:
    return Performed(f"the job {namespace}/{name} was made", {"job": f"{namespace}/{name}"})


def _with_env(container: Mapping[str, Any], env: list[dict[str, str]]) -> dict[str, Any]:
    """A container with variables before its own, which may refer to them, and of which each wins over ours."""
    own = container.get("env") or []
    taken = {each["name"] for each in own}
    return {**container, "env": [*(each for each in env if each["name"] not in taken), *own]}


def _marked(metadata: Mapping[str, Any], marks: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {**metadata, **{key: {**(metadata.get(key) or {}), **marked} for key, marked in marks.items()}}


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _reason(answer: Answer) -> str:
    return str(_status(answer).get("reason"))


def _words(answer: Answer) -> str:
    message = _status(answer).get("message") or answer.text[:10_000]
    return cut(f"status {answer.status}: {' '.join(str(message).split()) or 'no explanation'}", 2 * _MAX_DETAIL)


def _status(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
