"""From what alerts are about to matchers that ask for it, and back to each one's samples."""

from __future__ import annotations

import math
from collections.abc import Iterable

import alerts.target
from alerts.model import Alert
from alerts.target import Target
from enrich._base import NoAnswer
from enrich._prometheus import any_of
from enrich._vector import Sample, Vector

# A pod's own cgroup has no container, and its pause container is called POD; both would count what they hold twice.
_REAL_CONTAINERS = 'container!="",container!="POD"'


def target(alert: Alert) -> Target:
    """What an alert is about.

    Raises:
        NoAnswer: neither a pod nor an instance.
    """
    of = alerts.target.target(alert)
    if not (of.pod or of.instance):
        raise NoAnswer("the alert names neither a pod nor an instance")
    return of


def targets(of_alerts: Iterable[Alert]) -> list[Target]:
    """The targets of those alerts that have one."""
    found = []
    for alert in of_alerts:
        try:
            found.append(target(alert))
        except NoAnswer:
            continue
    return found


def pods(of: Iterable[Target]) -> str:
    """Matchers for the containers of all pods among the targets, "" when there are none."""
    of = [each for each in of if each.pod]
    if not of:
        return ""
    matchers = [any_of("pod", (each.pod for each in of)), _REAL_CONTAINERS]
    if all(each.namespace for each in of):
        matchers.insert(0, any_of("namespace", (each.namespace for each in of)))
    return ",".join(matchers)


def instances(of: Iterable[Target]) -> str:
    """Matchers for all instances among the targets, "" when there are none."""
    names = [each.instance for each in of if each.instance]
    return any_of("instance", names) if names else ""


def samples(vector: Vector, of: Target) -> list[Sample]:
    """One target's samples.

    Raises:
        NoAnswer: the alert does not say which of several namespaces its pod is in.
    """
    if of.instance:
        return vector.where(instance=of.instance)
    given = {"namespace": of.namespace, "pod": of.pod, "container": of.container}
    found = vector.where(**{name: value for name, value in given.items() if value})
    if len({sample.labels.get("namespace") for sample in found}) > 1:
        raise NoAnswer(f"the alert has no namespace label and pod {of.pod} is in several")
    return found


def total(found: Iterable[Sample]) -> float:
    """The sum of samples.

    Raises:
        NoAnswer: it is no number that means anything.
    """
    value = sum(sample.value for sample in found)
    if not math.isfinite(value):
        raise NoAnswer(f"no data: Prometheus has {value} for it")
    return value
