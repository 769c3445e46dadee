"""The routing tree, walked as Alertmanager walks it.

Source: https://prometheus.io/docs/alerting/latest/configuration/#route and `dispatch/route.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from alerts.matchers import all_match
from alerts.model import Alert, AlertGroup, common
from config.schema import Route


@dataclass(frozen=True, slots=True)
class Hearing:
    """One receiver, and the part of a group it hears of."""

    receiver: str
    group: AlertGroup


def receivers(root: Route, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The receivers of an alert with these labels, in the tree's order, each once."""
    return tuple(dict.fromkeys(_walk(root, labels, "")))


def _walk(node: Route, labels: Mapping[str, str], inherited: str) -> Iterator[str]:
    """Depth first; the first child that matches, and those behind it as long as they say `continue`."""
    receiver = node.receiver or inherited
    matched = False
    for child in node.routes:
        if all_match(child.conditions, labels):
            matched = True
            yield from _walk(child, labels, receiver)
            if not child.continue_:
                break
    if not matched:
        yield receiver


def route(root: Route, group: AlertGroup) -> tuple[Hearing, ...]:
    """Split a group by who hears of it.

    Returns:
        For each receiver the whole group, or, where its alerts go different ways, the part that is its own.
    """
    parts: dict[str, list[Alert]] = {}
    for alert in group.alerts:
        for receiver in receivers(root, alert.labels):
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
