"""Where an alert fires: what else fires there is its neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alerts.model import Alert
from alerts.severity import Severity
from alerts.target import target


@dataclass(frozen=True, slots=True)
class Place:
    """A pod, an instance, a node or a namespace, of one cluster.

    Attributes:
        cluster: "" where alerts do not say.
        namespace: a pod's, "" of all others.
    """

    kind: Literal["pod", "instance", "node", "namespace"]
    cluster: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An alert that fires somewhere, as far as another one's message tells of it."""

    fingerprint: str
    name: str
    severity: Severity


def places(alert: Alert) -> tuple[Place, ...]:
    """Where an alert fires, the narrowest first; nowhere when its labels do not say."""
    of, labels = target(alert), alert.labels
    cluster = labels.get("cluster", "")
    node = labels.get("exported_node") or labels.get("node", "")
    # A node is in no namespace: the one beside it is the exporter's.
    namespace = "" if node and not of.pod else of.namespace
    found = (
        Place("pod", cluster, of.namespace, of.pod),
        Place("instance", cluster, "", of.instance),
        Place("node", cluster, "", node),
        Place("namespace", cluster, "", namespace),
    )
    return tuple(each for each in found if each.name)
