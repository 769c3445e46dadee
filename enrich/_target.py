"""From what alerts are about to matchers that ask for it, and back to each one's samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import alerts.target
from alerts.model import Alert
from alerts.target import Target
from enrich._base import NoAnswer, NotAbout, Question
from enrich._promql import any_of, equal
from enrich._vector import Sample, Vector

# A pod's own cgroup has no container, and its pause container is called POD; both would count what they hold twice.
_NO_CONTAINERS = ("", "POD")
# The labels of a pod's namespace, name and container.
_PLAIN = ("namespace", "pod", "container", "")
# Series of an exporter whose own pod is called so are another's.
_USUAL = (*_PLAIN[:3], 'exported_pod=""')
# kube-state-metrics without `honor_labels`: its own labels stand under the usual names.
_MOVED = ("exported_namespace", "exported_pod", "exported_container", "")
# cAdvisor before Kubernetes 1.16, and cAdvisor by itself.
_OLD = ("namespace", "pod_name", "container_name", "")
_OF_DOCKER = (
    *(f"container_label_io_kubernetes_{each}" for each in ("pod_namespace", "pod_name", "container_name")),
    "",
)
_KUBE_STATE = (_USUAL, _MOVED)
_CADVISOR = (_USUAL, _OLD, _OF_DOCKER)
BY_CONTAINER = "by (cluster, " + ", ".join(label for labels in _CADVISOR for label in labels[:3]) + ")"
"""For aggregations of cAdvisor's series that keep what tells containers apart, whatever it is called."""


def target(alert: Alert) -> Target:
    """What an alert is about.

    Raises:
        NotAbout: neither a pod nor an instance.
    """
    of = alerts.target.target(alert)
    if not (of.pod or of.instance):
        raise NotAbout("the alert names neither a pod nor an instance")
    return of


def targets(of_alerts: Iterable[Alert]) -> list[Target]:
    """The targets of those alerts that have one."""
    found = map(alerts.target.target, of_alerts)
    return [each for each in found if each.pod or each.instance]


def pods(of: Iterable[Target]) -> str:
    """Matchers for the containers of all pods among the targets, "" when there are none."""
    return "".join(_selections(of, [_PLAIN], containers=True))


def of_kube_state(of: Iterable[Target]) -> list[str]:
    """Matchers for what kube-state-metrics tells of all pods among the targets; none when there are none."""
    return _selections(of, _KUBE_STATE)


def of_cadvisor(of: Iterable[Target]) -> list[str]:
    """The same for what cAdvisor tells of their real containers."""
    return _selections(of, _CADVISOR, containers=True)


def _selections(of: Iterable[Target], ways: Iterable[Sequence[str]], containers: bool = False) -> list[str]:
    of = [each for each in of if each.pod]
    if not of:
        return []
    selections = []
    for namespace, pod, container, besides in ways:
        matchers = [any_of(pod, (each.pod for each in of)), *filter(None, (besides,))]
        if all(each.namespace for each in of):
            matchers.insert(0, any_of(namespace, (each.namespace for each in of)))
        if containers:
            matchers += _but_pauses(container)
        selections.append(",".join(matchers))
    return selections


def in_namespaces(namespaces: Iterable[str], *matchers: str) -> list[str]:
    """Matchers for what kube-state-metrics tells of things in these namespaces, beside these; "" is any namespace."""
    names = set(namespaces)
    if "" in names:
        return [",".join(matchers)]
    return [
        ",".join((any_of("namespace", names), *matchers, 'exported_namespace=""')),
        ",".join((any_of("exported_namespace", names), *matchers)),
    ]


def each_of(
    selections: Iterable[str],
    promql: str,
    wanted: Iterable[str] = (),
    by: Iterable[str] = ("pod",),
    like: Question | None = None,
) -> Question:
    """A question for series whose labels may be others: `$matchers` stands for a selection, the first there is."""
    first, *others = (promql.replace("$matchers", matchers) for matchers in selections)
    return Question(first, others, wanted, by, like)


def pod_names(of: Iterable[Target]) -> set[str]:
    """The pods among the targets."""
    return {each.pod for each in of if each.pod}


def own(of: Target, found: Sample) -> str:
    """Matchers for one pod, or instance: what stands beside a reading is the query about its alert alone.

    Args:
        found: a series of it: by the names that its labels have there, and of a pod its real containers only.
    """
    if of.instance:
        return equal({**cluster_of(found), "instance": of.instance})
    names = next((each for each in (_OF_DOCKER, _OLD, _MOVED) if found.labels.get(each[1])), _USUAL)[:3]
    given = zip(names, (of.namespace, of.pod, of.container), strict=True)
    matchers = equal({**cluster_of(found), **{name: value for name, value in given if value}})
    return matchers if of.container else ",".join((matchers, *_but_pauses(names[2])))


def cluster_of(found: Sample) -> dict[str, str]:
    """The label by which a series is told from another cluster's; none where Prometheus knows one cluster alone."""
    cluster = found.labels.get("cluster")
    return {"cluster": cluster} if cluster else {}


def _but_pauses(container: str) -> list[str]:
    return [f'{container}!="{each}"' for each in _NO_CONTAINERS]


def by_container(found: Iterable[Sample]) -> dict[str, float]:
    """The values of one pod's real containers, by name; where several exporters tell of one, the largest."""
    values: dict[str, float] = {}
    for sample in found:
        container = sample.labels.get("container", "")
        if container not in _NO_CONTAINERS:
            values[container] = max(sample.value, values.get(container, sample.value), key=_known)
    return values


def _known(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def instances(of: Iterable[Target]) -> str:
    """Matchers for all instances among the targets, "" when there are none."""
    names = [each.instance for each in of if each.instance]
    return any_of("instance", names) if names else ""


def samples(vector: Vector, of: Target) -> list[Sample]:
    """One target's samples.

    Raises:
        NoAnswer: the alert does not say which of several namespaces, or clusters, it is in.
    """
    if of.instance:
        return one(vector, f"instance {of.instance}", of.cluster, instance=of.instance)
    return one(vector, f"pod {of.pod}", of.cluster, namespace=of.namespace, pod=of.pod, container=of.container)


def one(vector: Vector, what: str, cluster: str, **labels: str) -> list[Sample]:
    """The samples of one thing, by those of these labels that are not "".

    Args:
        cluster: the alert's. A Prometheus that knows one cluster alone has no such label on its series.

    Raises:
        NoAnswer: the alert does not say which of several namespaces, or clusters, it is in.
    """
    known = {name: value for name, value in labels.items() if value}
    found = vector.where(**known)
    if any("cluster" in sample.labels for sample in found):
        if cluster:
            found = [sample for sample in found if sample.labels.get("cluster", cluster) == cluster]
        elif len({sample.labels.get("cluster") for sample in found}) > 1:
            raise NoAnswer(f"the alert has no cluster label and {what} is in several")
    if "namespace" not in known and len({sample.labels.get("namespace") for sample in found}) > 1:
        raise NoAnswer(f"the alert has no namespace label and {what} is in several")
    return found


def largest(found: Iterable[Sample]) -> float | None:
    """Where several tell of one thing, the largest value that is a number; None when there is none."""
    return max((sample.value for sample in found if math.isfinite(sample.value)), default=None)


def total(found: Iterable[Sample]) -> float:
    """The sum of samples.

    Raises:
        NoAnswer: it is no number that means anything.
    """
    value = sum(sample.value for sample in found)
    if not math.isfinite(value):
        raise NoAnswer(f"no data: Prometheus has {value} for it")
    return value


def described(of: Target) -> str:
    """A target in the words of a gap's reason: "pod shop/cart-1, container app"."""
    if of.instance:
        return f"instance {of.text}"
    return f"pod {of.text}" + (f", container {of.container}" if of.container else "")
