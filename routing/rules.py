"""Who hears of a group: pure, given what inhibits and what time it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from alerts.model import Alert, AlertGroup, common
from alerts.withheld import Withheld
from config.schema import ConfigFile, Route
from routing.grouping import group_key
from routing.inhibit import Inhibition, Sources
from routing.tree import Taken, take

Mute = Callable[[Route], Withheld | None]


@dataclass(frozen=True, slots=True)
class Hearing:
    """One receiver, and the part of a group that is its own.

    Attributes:
        withheld: why alerts of it that fire are not to be told there now, by fingerprint.
    """

    receiver: str
    group: AlertGroup
    withheld: Mapping[str, Withheld] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a configuration says of who hears of what, made ready once."""

    root: Route
    inhibition: Inhibition = field(default_factory=Inhibition)

    @classmethod
    def of(cls, file: ConfigFile) -> Rules:
        """Those of a configuration."""
        return cls(file.route, Inhibition(file.inhibit_rules))

    def inhibited(self, alert: Alert, sources: Sources) -> Withheld | None:
        """Why nobody is to be told of an alert now, as others fire; None when they may be."""
        found = self.inhibition.inhibited(alert.labels, sources) if sources and alert.firing else None
        return None if found is None else Withheld(found.text, found.scope)


def route(rules: Rules, group: AlertGroup, sources: Sources, now: datetime) -> tuple[Hearing, ...]:
    """Split a group by who hears of it.

    Args:
        sources: those that inhibit, of the scopes of the group's alerts at least.
        now: aware; for time intervals.

    Returns:
        For each receiver the whole group, or, where its alerts go different ways, the part that is its own.
    """
    parts: dict[str, list[Alert]] = {}
    withheld: dict[str, dict[str, Withheld]] = {}
    for alert in group.alerts:
        inhibited = rules.inhibited(alert, sources)
        for receiver, _ in _told(rules.root, group, alert).items():
            parts.setdefault(receiver, []).append(alert)
            if inhibited is not None:
                withheld.setdefault(receiver, {})[alert.fingerprint] = inhibited
    return tuple(
        Hearing(receiver, part(group, tuple(alerts)), withheld.get(receiver, {})) for receiver, alerts in parts.items()
    )


def part(group: AlertGroup, alerts: tuple[Alert, ...]) -> AlertGroup:
    """A group with these of its alerts alone."""
    if len(alerts) == len(group.alerts):
        return group
    return replace(
        group,
        alerts=alerts,
        common_labels=common(alert.labels for alert in alerts),
        common_annotations=common(alert.annotations for alert in alerts),
    )


def _told(root: Route, group: AlertGroup, alert: Alert) -> Mapping[str, list[Taken]]:
    """By receiver the routes by which it hears of an alert in this group."""
    found: dict[str, list[Taken]] = {}
    for taken in take(root, alert.labels).told:
        if not group.bare or group_key(taken.group_by, alert) == group.group_key:
            found.setdefault(taken.receiver, []).append(taken)
    return found
