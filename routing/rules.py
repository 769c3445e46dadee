"""Who hears of a group, given what inhibits and what time it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from alerts.model import Alert, AlertGroup, common
from alerts.withheld import Withheld
from config.schema import Route, RoutingSettings
from routing.grouping import group_key
from routing.inhibit import Inhibition, Sources
from routing.intervals import Intervals, changes_at, muted
from routing.tree import take


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
    intervals: Intervals = field(default_factory=dict)

    @classmethod
    def of(cls, settings: RoutingSettings) -> Rules:
        """Those of a configuration."""
        named = (*settings.time_intervals, *settings.mute_time_intervals)
        return cls(settings.route, Inhibition(settings.inhibit_rules), {each.name: each for each in named})

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
    mutes = _Mutes(rules.intervals, now)
    for alert in group.alerts:
        inhibited = rules.inhibited(alert, sources)
        for receiver, routes in _told(rules.root, group, alert).items():
            parts.setdefault(receiver, []).append(alert)
            why = inhibited or (mutes.of(routes) if alert.firing else None)
            if why is not None:
                withheld.setdefault(receiver, {})[alert.fingerprint] = why
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


class _Mutes:
    """Which routes are muted at one moment; asked once of each."""

    def __init__(self, intervals: Intervals, now: datetime) -> None:
        self._intervals = intervals
        self._now = now
        self._known: dict[int, Withheld | None] = {}

    def of(self, routes: Sequence[Route]) -> Withheld | None:
        """Why an alert is not told that takes these; None when one of them is not muted."""
        found = [self._of(each) for each in routes]
        mutes = [each for each in found if each is not None]
        if len(mutes) < len(found):
            return None
        moments = [each.again_at for each in mutes if each.again_at]
        return Withheld("; ".join(dict.fromkeys(each.reason for each in mutes)), None, min(moments, default=None))

    def _of(self, route: Route) -> Withheld | None:
        if not (route.mute_time_intervals or route.active_time_intervals):
            return None
        if id(route) not in self._known:
            reason = muted(route, self._intervals, self._now)
            again_at = changes_at(route, self._intervals, self._now) if reason else None
            self._known[id(route)] = Withheld(f"muted: {reason}", None, again_at) if reason else None
        return self._known[id(route)]


def _told(root: Route, group: AlertGroup, alert: Alert) -> Mapping[str, list[Route]]:
    """By receiver the routes by which it hears of an alert in this group."""
    found: dict[str, list[Route]] = {}
    for taken in take(root, alert.labels).told:
        if not group.bare or group_key(taken.group_by, alert) == group.group_key:
            found.setdefault(taken.receiver, []).append(taken.route)
    return found
