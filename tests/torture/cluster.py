"""A Kubernetes whose API fails at random, before and after a write took place, and that notes when each did."""

import time
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.far_sides.http_server import Answer, Request
from tests.far_sides.kubernetes_cluster import KINDS, KubernetesCluster, _status
from tests.far_sides.kubernetes_things import deployment, pod, stateful_set

TOKEN = "alert-manager/remediation"
# A write counts for the guards for so long: it arrives within, whatever has become of who sent it.
LATEST_SECONDS = 4.5
# Some longer than a request's deadline.
_HANG_SECONDS = (1.0, 11.0)
_READ_FAILS = 0.06
_WRITE_FAILS = 0.65
_READS = ("500", "429", "403", "closed", "slow")
# What is slow to arrive, or to be answered, is what a process has in hand when it is killed or frozen.
_WRITES = ("500", "429", "403", "409", "lost", "unanswered", "unanswered", "500 after", "late", "late", "late", "hung")
_KINDS = {plural: kind.lower() for kind, (_, plural) in KINDS.items()}

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """One request to change something.

    Attributes:
        at: when it took place, in monotonic seconds.
        target: its key: "deployment/shop/d1".
        verb: by which verb of ours it is made.
        token: of the remediation, as the target got it; "" where there is no place for it.
        took_place: else it was refused, or lost on its way.
    """

    at: float
    target: str
    verb: str
    token: str
    took_place: bool


class FailingCluster(KubernetesCluster):
    """A cluster with `changes`, all requests to write to what it holds but Events; `calm` ends its failing."""

    def __init__(self, dice: Random) -> None:
        """Fails from the start."""
        super().__init__()
        self.changes: list[Write] = []
        self.injected: Counter[str] = Counter()
        self.calm = False
        self._dice = dice
        self._in_hand = 0

    def deploy(self, namespace: str, name: str) -> None:
        """Has a Deployment run."""
        self.put(deployment(name, 3), namespace)

    def run_pods(self, namespace: str, owner: str, names: list[str]) -> None:
        """Has pods of a StatefulSet run."""
        self.put(stateful_set(owner, len(names)), namespace)
        for name in names:
            self._run_pod(namespace, owner, name, 1)

    def _run_pod(self, namespace: str, owner: str, name: str, life: int) -> None:
        document = pod(self.get("statefulsets", owner, namespace), name)
        document["metadata"] |= {"uid": f"uid-{name}-{life}", "labels": {"life": str(life)}}
        self.put(document, namespace)

    def take(self, request: Request) -> Answer | None:
        """Fails, or judges and notes a request, or both."""
        trouble = self._trouble(request.method)
        if trouble.isdigit():
            self._note(request, took_place=False)
            return _status(int(trouble), "because")
        if trouble in ("closed", "lost"):
            self._note(request, took_place=False)
            return None
        if trouble in ("late", "slow"):
            self._wait(0.2, LATEST_SECONDS if trouble == "late" else 2.0)
        answer = self._judge(request)
        if trouble == "hung":
            self._wait(*_HANG_SECONDS)
        if trouble in ("unanswered", "hung"):
            return None
        return _status(500, "etcdserver: request timed out") if trouble == "500 after" else answer

    def wait_for_work(self, timeout_seconds: float) -> None:
        """Waits until a request is under way for a while, at the longest for that time."""
        with self.changed:
            self.changed.wait_for(lambda: self._in_hand > 0, timeout_seconds)

    def _trouble(self, method: str) -> str:
        with self.changed:
            fails = _READ_FAILS if method == "GET" else _WRITE_FAILS
            if self.calm or self._dice.random() >= fails:
                return ""
            trouble = self._dice.choice(_READS if method == "GET" else _WRITES)
            self.injected[trouble] += 1
            return trouble

    def _wait(self, least_seconds: float, most_seconds: float) -> None:
        with self.changed:
            seconds = self._dice.uniform(least_seconds, most_seconds)
            self._in_hand += 1
            self.changed.notify_all()
        self._server.stopping.wait(seconds)
        with self.changed:
            self._in_hand -= 1

    def _judge(self, request: Request) -> Answer:
        with self.changed:
            answer = self.answer(request)
            self._note(request, took_place=answer.status < 300)
            if request.method != "GET" and answer.status < 300:
                self._control(_place(request))
            return answer

    def _note(self, request: Request, *, took_place: bool) -> None:
        resource, namespace, name, part = _place(request)
        if request.method == "GET" or resource == "events":
            return
        verb = "delete_pod" if request.method == "DELETE" else "scale" if part == "scale" else "restart"
        said: Object = request.json() if request.body else {}
        token = said.get("metadata", {}).get("annotations", {}).get(TOKEN, "")
        target = f"{_KINDS[resource]}/{namespace}/{name}"
        with self.changed:
            self.changes.append(Write(time.monotonic(), target, verb, token, took_place))

    def _control(self, place: tuple[str, str, str, str]) -> None:
        """Does what the controllers would: a rollout ends at once, and a pod that went comes again."""
        resource, namespace, name, _ = place
        if resource == "deployments":
            found = self.get(resource, name, namespace)
            many = found["spec"]["replicas"]
            counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), many)
            self.touch(resource, name, namespace, observedGeneration=found["metadata"]["generation"], **counts)
        elif resource == "pods":
            was = self.get(resource, name, namespace)["metadata"]
            owner = was["ownerReferences"][0]["name"]
            self._run_pod(namespace, owner, name, int(was["labels"]["life"]) + 1)


def _place(request: Request) -> tuple[str, str, str, str]:
    """The resource, namespace, name and part that a path names."""
    parts = unquote(urlsplit(request.path).path).split("/namespaces/")[-1].split("/")
    namespace, resource, name, part = [*parts, "", "", ""][:4]
    return resource, namespace, name, part
