"""What an alert is about: a pod (and perhaps one container of it), or an instance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from alerts.model import Alert
from enrich._base import NoAnswer
from enrich._prometheus import any_of
from enrich._vector import Sample, Vector

# A pod's own cgroup has no container, and its pause container is called POD; both would count what they hold twice.
_REAL_CONTAINERS = 'container!="",container!="POD"'


@dataclass(frozen=True, slots=True)
class Target:
    """Where an alert's use of resources is measured; "" is what its labels do not say."""

    namespace: str = ""
    pod: str = ""
    container: str = ""
    instance: str = ""


def target(alert: Alert) -> Target:
    """Read an alert's target from its labels.

    Where a metric's own labels clash with those of the exporter it was scraped from, Prometheus moves them to
    `exported_*`: those are the truth. https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config

    Raises:
        NoAnswer: the alert names neither a pod nor an instance.
    """

    def label(name: str) -> str:
        return alert.labels.get(f"exported_{name}") or alert.labels.get(name, "")

    pod = label("pod")
    if pod:
        exported = "exported_pod" in alert.labels
        container = alert.labels.get("exported_container", "") if exported else label("container")
        return Target(label("namespace"), pod, "" if container == "POD" else container)
    if alert.labels.get("instance"):
        return Target(instance=alert.labels["instance"])
    raise NoAnswer("the alert has neither a pod nor an instance label")


def targets(alerts: Iterable[Alert]) -> list[Target]:
    """The targets of those alerts that have one."""
    found = []
    for alert in alerts:
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
