"""What an alert is about: a pod (and perhaps one container of it), an instance, or neither."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from alerts.model import Alert

_KUBE_STATE_METRICS = "kube-state-metrics"
_NODE_EXPORTER = re.compile("node[-_]exporter")
# What kube-state-metrics tells of that is no pod.
_OTHER_OBJECTS = frozenset(
    {
        "deployment",
        "statefulset",
        "daemonset",
        "replicaset",
        "job_name",
        "cronjob",
        "horizontalpodautoscaler",
        "persistentvolumeclaim",
        "node",
    }
)


@dataclass(frozen=True, slots=True)
class Target:
    """A pod or an instance, of a cluster; "" is what the alert does not say."""

    namespace: str = ""
    pod: str = ""
    container: str = ""
    instance: str = ""
    cluster: str = ""

    @property
    def text(self) -> str:
        """For people: "customer/rs-transformer-9b75b", an instance, a namespace, or ""."""
        return self.instance or "/".join(filter(None, (self.namespace, self.pod)))


def target(alert: Alert) -> Target:
    """Read an alert's target from its labels.

    A metric of one thing told by another, an exporter, may carry labels of both. Where they clash, Prometheus moves
    the metric's own to `exported_*`: those are the truth, and a `pod` beside them is the exporter's. Where they do not
    clash, the exporter's `pod` stands there alone: for the node exporter, whose metrics are the instance's, and for
    kube-state-metrics where it tells of something else than a pod.

    Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config (`honor_labels`)
    """
    of = _target(alert.labels)
    cluster = alert.labels.get("cluster", "")
    return replace(of, cluster=cluster) if cluster else of


def of_node_exporter(labels: Mapping[str, str]) -> bool:
    """Whether an alert's instance is a node, whose exporter is in whatever namespace."""
    return _NODE_EXPORTER.search(labels.get("job", "")) is not None


def _target(labels: Mapping[str, str]) -> Target:
    namespace, exported_namespace = labels.get("namespace", ""), labels.get("exported_namespace", "")
    if exported_pod := labels.get("exported_pod", ""):
        return Target(exported_namespace or namespace, exported_pod, labels.get("exported_container", ""))
    instance = labels.get("instance", "")
    if instance and of_node_exporter(labels):
        return Target(instance=instance)
    if exported_namespace:
        return Target(exported_namespace)
    if labels.get("container") == _KUBE_STATE_METRICS:
        if labels.get("pod") and _KUBE_STATE_METRICS not in labels["pod"]:
            return Target(namespace, labels["pod"])
        if not _OTHER_OBJECTS.isdisjoint(labels):
            return Target(namespace)
    if labels.get("pod"):
        container = labels.get("container", "")
        return Target(namespace, labels["pod"], "" if container == "POD" else container)
    # What the kubelet tells of a claim is told by an instance that is not what it is about.
    return Target(namespace) if not instance or labels.get("persistentvolumeclaim") else Target(instance=instance)
