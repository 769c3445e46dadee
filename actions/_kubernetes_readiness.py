"""Whether what runs pods has them as it wants them, as `kubectl rollout status` tells it.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from __future__ import annotations

from actions._kubernetes_thing import Thing, mapping, number, text
from alerts.remediation import Ready

_STUCK = "ProgressDeadlineExceeded"


def readiness(thing: Thing, generation: int = 0) -> Ready:
    """How a workload is.

    Args:
        generation: what its controller is to have seen.
    """
    if number(thing.status, "observedGeneration") < max(generation, thing.generation if generation else 0):
        return Ready(False, f"{thing.target.text}: its controller has not seen the change yet")
    say = {
        "Deployment": _deployment,
        "ReplicaSet": _replica_set,
        "StatefulSet": _stateful_set,
        "DaemonSet": _daemon_set,
    }.get(thing.kind)
    if say is None:
        return Ready(None, f"nothing is known of how a {thing.kind} is")
    problem = say(thing)
    return Ready(not problem, f"{thing.target.text}: {problem or 'all of its replicas are available'}")


def _deployment(thing: Thing) -> str:
    of, wanted = thing.status, thing.replicas
    conditions = of.get("conditions")
    if any(text(each, "reason") == _STUCK for each in (conditions if isinstance(conditions, list) else ())):
        return "its rollout makes no progress"
    updated = number(of, "updatedReplicas")
    if updated < wanted:
        return f"{updated} of {wanted} replicas are updated"
    if (old := number(of, "replicas") - updated) > 0:
        return f"{old} old {'replica is' if old == 1 else 'replicas are'} still to end"
    return _short(number(of, "availableReplicas"), wanted, "available")


def _replica_set(thing: Thing) -> str:
    return _short(number(thing.status, "availableReplicas"), thing.replicas, "available")


def _stateful_set(thing: Thing) -> str:
    of, wanted = thing.status, thing.replicas
    partition = number(mapping(thing.spec, "updateStrategy", "rollingUpdate"), "partition")
    rolls = text(of, "updateRevision") != text(of, "currentRevision")
    updated = _short(number(of, "updatedReplicas"), max(wanted - partition, 0), "updated") if rolls else ""
    # Before 1.22 there is no availableReplicas.
    return updated or _short(number(of, "readyReplicas"), wanted, "ready")


def _daemon_set(thing: Thing) -> str:
    wanted = number(thing.status, "desiredNumberScheduled")
    updated = _short(number(thing.status, "updatedNumberScheduled"), wanted, "updated")
    return updated or _short(number(thing.status, "numberAvailable"), wanted, "available")


def _short(are: int, wanted: int, how: str) -> str:
    return f"{are} of {wanted} replicas are {how}" if are < wanted else ""
