"""A Kubernetes API server on loopback: pods, what owns them, their events and logs, for whom RBAC allows it.

Source: https://kubernetes.io/docs/reference/kubernetes-api/ (Pod, Event, Status); its refusals have the words of the
real API server and kubelet.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.far_sides.http_server import Answer, HttpServer, Request

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.not-a-real-signature"
_GROUPS = {"": "api/v1", "apps": "apis/apps/v1", "batch": "apis/batch/v1"}
_FIELDS = {
    "involvedObject.kind": lambda event: event["involvedObject"]["kind"],
    "involvedObject.name": lambda event: event["involvedObject"]["name"],
    "type": lambda event: event["type"],
}
_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed"}

Object = dict[str, Any]


def kubeconfig(folder: Path, server: str, **user: Any) -> Path:
    """Writes a kubeconfig for a server."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "loopback", "user": "me"}}],
        "clusters": [{"name": "loopback", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


class Kubernetes(HttpServer):
    """Takes the token, and allows all that is not `denied` ("get pods/log"); speaks TLS where it has a certificate."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        """Starts with an empty cluster."""
        super().__init__()
        self.token = TOKEN
        self.denied: set[str] = set()
        self._objects: dict[tuple[str, str, str], Object] = {}
        self._events: dict[str, list[Object]] = {}
        self._logs: dict[tuple[str, str, str, bool], bytes] = {}
        if certificate is not None:
            self.speak_tls(certificate)

    @property
    def asked(self) -> list[str]:
        """What was asked for, without the question mark and what follows."""
        return [urlsplit(request.path).path for request in self.requests]

    def kubeconfig(self, folder: Path, **user: Any) -> Path:
        """Writes a kubeconfig for it."""
        return kubeconfig(folder, self.base_url, **(user or {"token": self.token}))

    def add(self, resource: str, namespace: str, name: str, owner: tuple[str, str] | None = None, **more: Any) -> None:
        """Adds a thing; its owner is a kind and a name."""
        metadata: Object = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}"}
        if owner:
            kind, owner_name = owner
            reference = {"apiVersion": "apps/v1", "kind": kind, "name": owner_name, "uid": "u", "controller": True}
            metadata["ownerReferences"] = [reference]
        self._objects[resource, namespace, name] = {"metadata": metadata, **more}

    def add_pod(
        self,
        namespace: str,
        name: str,
        *containers: Object,
        init: Iterable[Object] = (),
        owner: tuple[str, str] | None = None,
    ) -> None:
        """Adds a pod with the statuses of its containers."""
        status = {"phase": "Running", "containerStatuses": list(containers), "initContainerStatuses": list(init)}
        self.add("pods", namespace, name, owner, apiVersion="v1", kind="Pod", status=status)

    def add_event(self, namespace: str, of: tuple[str, str], reason: str, text: str, at: datetime, **more: Any) -> None:
        """Adds an event of a kind and a name, a warning unless it is said to be Normal."""
        kind, name = of
        event = {
            "metadata": {"name": f"{name}.{len(self._events)}", "namespace": namespace, "creationTimestamp": wire(at)},
            "involvedObject": {"kind": kind, "namespace": namespace, "name": name},
            "type": "Warning",
            "reason": reason,
            "message": text,
            "count": 1,
            "firstTimestamp": wire(at),
            "lastTimestamp": wire(at),
            "eventTime": None,
            "reportingComponent": "",
            "source": {"component": "kubelet"},
        }
        self._events.setdefault(namespace, []).append(event | more)

    def add_log(self, namespace: str, pod: str, container: str, text: str | bytes, previous: bool = False) -> None:
        """Adds what an instance of a container wrote."""
        body = text if isinstance(text, bytes) else text.encode()
        self._logs[namespace, pod, container, previous] = body

    def answer(self, request: Request) -> Answer:
        """Answers as the API server does, and refuses what it would not understand."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return status(401, "Unauthorized")
        if request.method != "GET":
            return status(405, "the server does not allow this method on the requested resource")
        parts = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        group, _, rest = parts.path.strip("/").partition("/namespaces/")
        if group not in _GROUPS.values():
            return status(404, "the server could not find the requested resource")
        namespace, resource, *names = map(unquote, rest.split("/"))
        wanted = "/".join([resource, *names[1:]])
        verb = "get" if names else "list"
        if f"{verb} {wanted}" in self.denied:
            forbidden = f'cannot {verb} resource "{wanted}" in API group "" in the namespace "{namespace}"'
            return status(403, f'{wanted} is forbidden: User "system:serviceaccount:a:b" {forbidden}')
        if not names:
            return self._list_events(namespace, query) if resource == "events" else status(404, "not known here")
        found = self._objects.get((resource, namespace, names[0]))
        if found is None:
            return status(404, f'{resource} "{names[0]}" not found')
        return self._log(namespace, names[0], found, query) if names[1:] == ["log"] else answered(found)

    def _list_events(self, namespace: str, query: dict[str, str]) -> Answer:
        events = self._events.get(namespace, [])
        for term in filter(None, query.pop("fieldSelector", "").split(",")):
            name, unequal, value = (term.replace("!=", "=", 1)).partition("=")
            if name not in _FIELDS:
                return status(400, f'field label not supported: "{name}"')
            wanted = "!=" not in term
            events = [each for each in events if (_FIELDS[name](each) == value) is wanted]
            assert unequal
        limit = int(query.pop("limit", "0")) or len(events)
        if query:
            return status(400, f"not known here: {', '.join(query)}")
        metadata = {"resourceVersion": "7"} | ({"continue": "more"} if len(events) > limit else {})
        return answered({"kind": "EventList", "apiVersion": "v1", "metadata": metadata, "items": events[:limit]})

    def _log(self, namespace: str, pod: str, found: Object, query: dict[str, str]) -> Answer:
        statuses = [*found["status"]["initContainerStatuses"], *found["status"]["containerStatuses"]]
        container, previous = query.pop("container", ""), query.pop("previous", "false") == "true"
        lines, limit = int(query.pop("tailLines", "1000000")), int(query.pop("limitBytes", "100000000"))
        if query:
            return status(400, f"not known here: {', '.join(query)}")
        if container not in [each["name"] for each in statuses]:
            return status(400, f"container {container} is not valid for pod {pod}")
        log = self._logs.get((namespace, pod, container, previous))
        if log is None and previous:
            return status(400, f'previous terminated container "{container}" in pod "{pod}" not found')
        if log is None:
            return status(400, f'container "{container}" in pod "{pod}" is waiting to start: ContainerCreating')
        tail = b"".join(log.splitlines(keepends=True)[-lines:])
        return Answer(200, tail[:limit], {"Content-Type": "text/plain"})


def wire(at: datetime) -> str:
    """A time as Kubernetes writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def container(name: str, *, ready: bool = False, state: Object | None = None, last: Object | None = None) -> Object:
    """The status of a container: it runs, unless another state is given."""
    running = {"running": {"startedAt": "2026-11-21T09:00:00Z"}}
    return {"name": name, "ready": ready, "restartCount": 1, "state": state or running, "lastState": last or {}}


def terminated(at: datetime | None, code: int = 1, reason: str = "Error") -> Object:
    """The state of a container that ended."""
    finished = {"finishedAt": wire(at)} if at else {}
    return {"terminated": {"exitCode": code, "reason": reason, "containerID": "containerd://1", **finished}}


def waiting(reason: str = "CrashLoopBackOff") -> Object:
    """The state of a container that waits."""
    return {"waiting": {"reason": reason, "message": "back-off 5m0s restarting failed container"}}


def answered(document: Object) -> Answer:
    """An answer with a document."""
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def status(code: int, message: str) -> Answer:
    """An answer that says why not."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS[code],
        "code": code,
    }
    return Answer(code, json.dumps(document).encode(), {"Content-Type": "application/json"})
