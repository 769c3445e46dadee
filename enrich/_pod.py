"""Pods as Kubernetes tells of them: their containers, and who owns them.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cluster.names import is_name
from enrich._kubernetes import Kubernetes, Request
from enrich._places import Place
from outbound import Answer

# Of these the owner has an owner.
_OWNED = {"ReplicaSet": ("apps", "replicasets"), "Job": ("batch", "jobs")}


@dataclass(frozen=True, slots=True)
class Owner:
    """What made a pod, or made what made it."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How an instance of a container ended; None and "" are what is not told."""

    at: datetime | None
    reason: str
    code: int | None


@dataclass(frozen=True, slots=True)
class Container:
    """How a container is.

    Attributes:
        runs: there is an instance that has not ended.
        ready: and it does what it is for.
        waits: why it does not run, "" where it does not wait.
        ended: how the instance that there is ended.
        ended_before: how the one before it did.
    """

    name: str
    runs: bool
    ready: bool
    waits: str
    ended: Ended | None
    ended_before: Ended | None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; its init containers stand first."""

    containers: tuple[Container, ...]
    owner: Owner | None


def pod(kubernetes: Kubernetes, place: Place, until: float) -> Pod:
    """Get a pod.

    Raises:
        Missing: it is gone.
        NoAnswer: for another reason.
    """
    path = ("api", "v1", "namespaces", place.namespace, "pods", place.pod)
    return kubernetes.get(Request(path, f"get pods in namespace {place.namespace}"), _pod, until)


def owners(kubernetes: Kubernetes, place: Place, until: float) -> list[Owner]:
    """Who owns a pod, and who owns them: a ReplicaSet and its Deployment, a Job and its CronJob.

    Raises:
        NoAnswer: it cannot be known.
    """
    found: list[Owner] = []
    owner = pod(kubernetes, place, until).owner
    while owner is not None and owner not in found:
        found.append(owner)
        if owner.kind not in _OWNED or not is_name(owner.name):
            break
        group, resource = _OWNED[owner.kind]
        path = ("apis", group, "v1", "namespaces", place.namespace, resource, owner.name)
        right = f"get {resource} in namespace {place.namespace}"
        owner = kubernetes.get(Request(path, right), lambda answer: _owner(answer.json()), until)
    return found


def moment(text: str | None) -> datetime | None:
    """A time as Kubernetes writes it."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _pod(answer: Answer) -> Pod:
    document = answer.json()
    status = document["status"]
    told = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return Pod(tuple(map(_container, told)), _owner(document))


def _container(status: Any) -> Container:
    state, before = status.get("state") or {}, status.get("lastState") or {}
    return Container(
        str(status["name"]),
        "running" in state,
        status.get("ready") is True,
        str((state.get("waiting") or {}).get("reason") or ""),
        _ended(state.get("terminated")),
        _ended(before.get("terminated")),
    )


def _ended(terminated: Any) -> Ended | None:
    if not terminated:
        return None
    code = terminated.get("exitCode")
    return Ended(
        moment(terminated.get("finishedAt")), str(terminated.get("reason") or ""), code if type(code) is int else None
    )


def _owner(document: Any) -> Owner | None:
    """What manages it; what merely owns it beside that is not asked about."""
    references: Iterator[Any] = iter(document["metadata"].get("ownerReferences") or ())
    managing = next((each for each in references if each.get("controller") is True), None)
    return Owner(str(managing["kind"]), str(managing["name"])) if managing else None
