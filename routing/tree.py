"""The routing tree, walked as Alertmanager walks it.

Source: https://prometheus.io/docs/alerting/latest/configuration/#route and `dispatch/route.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from alerts.model import Alert, AlertGroup, common
from config.schema import Route


@dataclass(frozen=True, slots=True)
class Hearing:
    """One receiver, and the part of a group it hears of."""

    receiver: str
    group: AlertGroup


@dataclass(frozen=True, slots=True)
class Taken:
    """A route that an alert takes.

    Attributes:
        receiver: its own or the nearest one above it.
        children: those of its children that the alert takes; where there are none, its receiver is told.
    """

    route: Route
    receiver: str
    children: tuple[Taken, ...]

    @property
    def receivers(self) -> Iterator[str]:
        """Who is told, in the tree's order; one that several routes lead to is named by each of them."""
        if not self.children:
            yield self.receiver
        for child in self.children:
            yield from child.receivers


def take(root: Route, labels: Mapping[str, str], inherited: str = "") -> Taken:
    """Walk the tree with an alert's labels.

    Depth first; the first child that matches, and those behind it as long as they say `continue`.
    """
    receiver = root.receiver or inherited
    children = []
    for child in root.matching(labels):
        children.append(take(child, labels, receiver))
        if not child.continue_:
            break
    return Taken(root, receiver, tuple(children))


def route(root: Route, group: AlertGroup) -> tuple[Hearing, ...]:
    """Split a group by who hears of it.

    Returns:
        For each receiver the whole group, or, where its alerts go different ways, the part that is its own.
    """
    parts: dict[str, list[Alert]] = {}
    for alert in group.alerts:
        for receiver in dict.fromkeys(take(root, alert.labels).receivers):
            parts.setdefault(receiver, []).append(alert)
    return tuple(Hearing(receiver, _part(group, tuple(alerts))) for receiver, alerts in parts.items())


def _part(group: AlertGroup, alerts: tuple[Alert, ...]) -> AlertGroup:
    if len(alerts) == len(group.alerts):
        return group
    return replace(
        group,
        alerts=alerts,
        common_labels=common(alert.labels for alert in alerts),
        common_annotations=common(alert.annotations for alert in alerts),
    )
