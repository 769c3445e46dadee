"""A Kubernetes API server on loopback that is written to: it judges each request by the documented API.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/ (resource versions, preconditions, patches),
https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/, and of where it is not said the API server's own
source: `pkg/registry/core/pod/storage/eviction.go`, `pkg/registry/apps/deployment/storage/storage.go`.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from tests.far_sides import kubernetes
from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.kubernetes_patches import NotJudged, patched

Object = dict[str, Any]
Fault = Literal["lost before", "lost after", "500 before", "500 after", "hang", "unreadable"]

KINDS = {
    "Pod": ("v1", "pods"),
    "Node": ("v1", "nodes"),
    "Event": ("v1", "events"),
    "Deployment": ("apps/v1", "deployments"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "ControllerRevision": ("apps/v1", "controllerrevisions"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
}
_RESOURCES = {plural: kind for kind, (_, plural) in KINDS.items()}
_HANGS_SECONDS = 3.0
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}
_SCALED = ("deployments", "statefulsets", "replicasets")
_COUNTED = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_REASONS = {**kubernetes._REASONS, 409: "Conflict", 415: "UnsupportedMediaType", 422: "Invalid", 429: "TooManyRequests"}
_REASONS[500] = "InternalError"


class KubernetesCluster(HttpServer):
    """Takes the token, allows what is `allowed` and not `denied` ("patch deployments/scale"), and keeps all writes.

    `served` are the versions that it has of the API; `fault` becomes of the next write; `disruptions` is how many pods
    may be evicted; `refuse` is the status of all writes, and so many `conflicts` the next patches have.
    """

    def __init__(self) -> None:
        """Starts with an empty cluster of today's version."""
        super().__init__()
        self.token = kubernetes.TOKEN
        self.allowed: set[str] | None = None
        self.denied: set[str] = set()
        self.served = {"v1", "apps/v1", "autoscaling/v1", "autoscaling/v2"}
        self.policy = "policy/v1"
        self.disruptions: int | None = None
        self.budgets = 1
        self.fault: Fault | None = None
        self.refuse = 0
        self.conflicts = 0
        self.writes: list[tuple[str, str, Object]] = []
        self.asked_for: set[str] = set()
        self._things: dict[tuple[str, str, str], Object] = {}
        self._version = 100

    def old(self) -> None:
        """Makes it a 1.20: no autoscaling/v2, and evictions of policy/v1beta1."""
        self.served -= {"autoscaling/v2"}
        self.policy = "policy/v1beta1"

    def put(self, document: Object, namespace: str = "shop") -> Object:
        """Has a thing in the cluster, or has it otherwise, and returns it as it stands there."""
        document = deepcopy(document)
        plural = KINDS[document["kind"]][1]
        namespace = "" if plural == "nodes" else namespace
        if namespace:
            document["metadata"]["namespace"] = namespace
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        self._things[plural, namespace, document["metadata"]["name"]] = document
        return document

    def get(self, plural: str, name: str, namespace: str = "shop") -> Object:
        """Returns a thing as it stands."""
        return deepcopy(self._things[plural, "" if plural == "nodes" else namespace, name])

    def remove(self, plural: str, name: str, namespace: str = "shop") -> None:
        """Has a thing be gone."""
        del self._things[plural, namespace, name]

    def touch(self, plural: str, name: str, namespace: str = "shop", **status: Any) -> None:
        """Changes a thing's status, and so its version."""
        document = self.get(plural, name, namespace)
        self.put({**document, "status": {**document.get("status", {}), **status}}, namespace)

    def all(self, plural: str) -> list[Object]:
        """Returns all of a kind."""
        return [deepcopy(each) for (resource, _, _), each in self._things.items() if resource == plural]

    def take(self, request: Request) -> Answer | None:
        """Loses an answer where it is to be lost: the connection ends without one."""
        fault = self.fault if request.method != "GET" else None
        if fault is not None:
            self.fault = None
        if fault in ("lost before", "500 before"):
            with self.changed:
                self.requests.append(request)
            return None if fault == "lost before" else _status(500, "etcdserver: request timed out")
        if self.refuse and request.method != "GET":
            with self.changed:
                self.requests.append(request)
            return _status(self.refuse, "because")
        answer = super().take(request)
        if fault == "hang":
            self._server.stopping.wait(_HANGS_SECONDS)
        if fault in ("lost after", "hang"):
            return None
        if fault == "500 after":
            return _status(500, "etcdserver: request timed out")
        return Answer(answer.status, b"<html>") if fault == "unreadable" and answer else answer

    def answer(self, request: Request) -> Answer:
        """Answers as the API server does, which unquotes a path before it looks what is in it."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _status(401, "Unauthorized")
        split = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        parts = unquote(split.path).strip("/").split("/")
        if parts == ["api", "v1"] and request.method == "GET":
            return self._discovered()
        version, rest = ("v1", parts[2:]) if parts[:2] == ["api", "v1"] else ("/".join(parts[1:3]), parts[3:])
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        resource, name, part, *more = [*rest, "", "", ""]
        if version not in self.served or not self._has(version, resource, namespace) or any(more):
            return _status(404, "the server could not find the requested resource")
        verb = _VERBS.get(request.method) or ("get" if name else "list")
        called = "/".join(filter(None, (resource, part)))
        self.asked_for.add(f"{verb} {called}")
        if f"{verb} {called}" in self.denied or (self.allowed is not None and f"{verb} {called}" not in self.allowed):
            cannot = f'cannot {verb} resource "{called}" in API group "{version.rpartition("/")[0]}"'
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            return _status(403, f'{called} is forbidden: User "system:serviceaccount:a:b" {cannot} {where}')
        if verb == "list":
            return self._list(resource, namespace, query, version)
        document = request.json() if request.body else {}
        if verb == "create" and not name:
            return self._kept(request, self._create(resource, namespace, document), document)
        found = self._things.get((resource, namespace, name))
        if found is None:
            return _status(404, f'{resource} "{name}" not found')
        if verb == "get":
            return _answered(_of_version(found, version)) if not part else _status(404, "not known here")
        if verb == "patch":
            answer = self._patch(request, resource, part, found, document)
        elif verb == "delete" and resource == "pods" and not part:
            answer = self._delete(found, document)
        elif verb == "create" and called == "pods/eviction":
            answer = self._evict(found, document)
        else:
            answer = _status(405, "the server does not allow this method on the requested resource")
        return self._kept(request, answer, document)

    def _has(self, version: str, resource: str, namespace: str) -> bool:
        if resource not in _RESOURCES or (resource == "nodes") == bool(namespace):
            return False
        mine = KINDS[_RESOURCES[resource]][0]
        return version.rpartition("/")[0] == mine.rpartition("/")[0]

    def _kept(self, request: Request, answer: Answer, document: Object) -> Answer:
        if answer.status < 300 and json.loads(answer.body).get("status") != "Failure":
            self.writes.append((request.method, urlsplit(request.path).path, document))
        return answer

    def _discovered(self) -> Answer:
        group, _, version = self.policy.partition("/")
        eviction = {"name": "pods/eviction", "namespaced": True, "kind": "Eviction", "group": group, "version": version}
        return _answered({"kind": "APIResourceList", "groupVersion": "v1", "resources": [{"name": "pods"}, eviction]})

    def _list(self, resource: str, namespace: str, query: dict[str, str], version: str) -> Answer:
        limit, selector = int(query.get("limit", "0")), query.get("labelSelector", "")
        wanted = dict(term.split("=") for term in filter(None, selector.split(",")))
        found = [
            _of_version(each, version)
            for (of, where, _), each in sorted(self._things.items())
            if (of, where) == (resource, namespace) and wanted.items() <= each["metadata"].get("labels", {}).items()
        ]
        metadata = {"resourceVersion": str(self._version)}
        if limit and len(found) > limit:
            metadata["continue"] = "more"
        return _answered({"kind": "List", "metadata": metadata, "items": found[: limit or None]})

    def _create(self, resource: str, namespace: str, document: Object) -> Answer:
        if resource != "events":
            return _status(405, "the server does not allow this method on the requested resource")
        problems = list(_event_problems(document, namespace))
        if problems:
            return _status(422, f"Event is invalid: {'; '.join(problems)}")
        name = document["metadata"]["name"]
        if (resource, namespace, name) in self._things:
            return _status(409, f'events "{name}" already exists', "AlreadyExists")
        return _answered(self.put(document, namespace), 201)

    def _patch(self, request: Request, resource: str, part: str, found: Object, patch: Object) -> Answer:
        if part and (part != "scale" or resource not in _SCALED):
            return _status(404, "the server could not find the requested resource")
        said = found["metadata"]
        shown = found
        if part:
            shown = {
                "kind": "Scale",
                "apiVersion": "autoscaling/v1",
                "metadata": {key: said[key] for key in ("name", "namespace", "uid", "resourceVersion")},
                "spec": {"replicas": found["spec"]["replicas"]},
            }
        if self.conflicts:
            self.conflicts -= 1
            return _status(409, "the object has been modified; please apply your changes to the latest version")
        try:
            wanted = patched(shown, patch, request.headers["Content-Type"])
        except LookupError:
            return _status(415, "the body of the request was in an unknown format")
        except NotJudged as error:
            return _status(400, f"not judged here: {error}")
        if wanted["metadata"]["resourceVersion"] != said["resourceVersion"]:
            return _status(409, "the object has been modified; please apply your changes to the latest version")
        if wanted["metadata"]["uid"] != said["uid"]:
            return _status(409, f"Precondition failed: UID in precondition: {wanted['metadata']['uid']}")
        if part:
            if set(wanted) - {"kind", "apiVersion", "metadata", "spec"} or "annotations" in wanted["metadata"]:
                return _status(400, "a Scale has no such field")
            wanted = {**found, "spec": {**found["spec"], **wanted["spec"]}}
        spec = wanted.get("spec", {})
        if type(spec.get("replicas", 0)) is not int or spec.get("replicas", 0) < 0:
            return _status(422, "spec.replicas: Invalid value: must be greater than or equal to 0")
        if "maxReplicas" in spec and spec["maxReplicas"] < spec.get("minReplicas", 1):
            return _status(422, "spec.maxReplicas: Invalid value: must be greater than or equal to `minReplicas`")
        # A status is a part of its own, and is not changed with the rest.
        wanted = {**wanted, "status": found.get("status", {})}
        if _counts(found, wanted):
            wanted["metadata"] = {**wanted["metadata"], "generation": said["generation"] + 1}
        kept = self.put(wanted, said.get("namespace", ""))
        if part:
            return _answered({**shown, "metadata": {**shown["metadata"], "resourceVersion": str(self._version)}})
        return _answered(kept)

    def _delete(self, found: Object, options: Object) -> Answer:
        uid = (options.get("preconditions") or {}).get("uid")
        if uid is not None and uid != found["metadata"]["uid"]:
            have = found["metadata"]["uid"]
            return _status(409, f"Precondition failed: UID in precondition: {uid}, UID in object meta: {have}")
        grace = options.get("gracePeriodSeconds", 30)
        if type(grace) is not int or grace < 0:
            return _status(422, "gracePeriodSeconds: must be a non-negative integer")
        found["metadata"] |= {"deletionTimestamp": "2026-11-27T09:00:00Z", "deletionGracePeriodSeconds": grace}
        return _answered(self.put(found, found["metadata"]["namespace"]))

    def _evict(self, found: Object, eviction: Object) -> Answer:
        if eviction.get("apiVersion") != self.policy or eviction.get("kind") != "Eviction":
            return _status(400, f'Eviction in version "{eviction.get("apiVersion")}" cannot be handled as an Eviction')
        if eviction["metadata"] != {key: found["metadata"][key] for key in ("name", "namespace")}:
            return _status(400, "name in URL does not match name in Eviction object")
        if self.budgets > 1:
            words = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            # So it is: a failure that is created.
            return Answer(201, _status(500, words).body, {"Content-Type": "application/json"})
        if self.disruptions == 0:
            cause = {"reason": "DisruptionBudget", "message": "The disruption budget cart needs 3 healthy pods"}
            words = "Cannot evict pod as it would violate the pod's disruption budget."
            return _status(429, words, causes=[cause])
        answer = self._delete(found, eviction.get("deleteOptions") or {})
        if answer.status >= 300:
            return answer
        if self.disruptions is not None:
            self.disruptions -= 1
        return _answered({"kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201}, 201)


def _counts(before: Object, after: Object) -> bool:
    """Whether a change counts as one of what is wanted: of a Deployment its annotations do, too."""
    if before["kind"] not in _COUNTED:
        return False
    annotations = [each["metadata"].get("annotations") for each in (before, after)]
    annotated = before["kind"] == "Deployment" and annotations[0] != annotations[1]
    return annotated or bool(before["spec"] != after["spec"])


def _event_problems(event: Object, namespace: str) -> Iterator[str]:
    about = event.get("involvedObject") or {}
    if event["metadata"].get("namespace") != namespace:
        yield "the namespace of the provided object does not match the namespace sent on the request"
    if about.get("namespace", "") != namespace and not (not about.get("namespace") and namespace == "default"):
        yield "involvedObject.namespace: does not match event.namespace"
    if len(event.get("message", "").encode()) > 1024:
        yield "message: can have at most 1024 bytes"
    for key in ("reason", "type"):
        if not event.get(key):
            yield f"{key}: Required value"


def _of_version(document: Object, version: str) -> Object:
    """A thing as another version of its group shows it."""
    return {**document, "apiVersion": version}


def _answered(document: Object, code: int = 200) -> Answer:
    return Answer(code, json.dumps(document).encode(), {"Content-Type": "application/json"})


def _status(code: int, message: str, reason: str = "", causes: list[Object] | None = None) -> Answer:
    document: Object = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    document |= {"details": {"causes": causes}} if causes else {}
    return _answered({**document, "reason": reason or _REASONS[code]}, code)
