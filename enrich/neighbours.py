"""Neighbours: what else fires now for the same pod or instance, on the same node, in the same namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from alerts.findings import Finding, Reading
from alerts.model import Alert
from alerts.places import Neighbour, Place, places
from alerts.severity import SEVERITIES, alert_severity
from enrich._base import Firing, Given

# Of one place: whether a hundred others fire or a thousand makes no difference at night, but in what it costs. Of all
# places of a run so many in all, but of each a few.
_AT_MOST = 100
_OF_ALL_AT_MOST = 20_000
_FEW = 5
_NAMES_AT_MOST = 3
_LONGEST_NAME = 60


class Enricher:
    """How many other alerts fire where an alert does, and which, the worst first.

    Those of the same payload are left out, for its message lists them.
    """

    name = "neighbours"
    title = "also firing"

    def look_up(
        self, alerts: Sequence[Alert], received: Sequence[datetime], given: Given, deadline_seconds: float
    ) -> list[tuple[Finding, ...]]:
        """One reading of each that fires beside others; nothing for what is over, alone, or at no known place."""
        where = [places(alert) if alert.firing else () for alert in alerts]
        around = _Around.of(alerts, where, received, given.firing)
        return [self._at(of_alert, at, around) for of_alert, at in zip(where, received, strict=True)]

    def _at(self, where: Iterable[Place], at: datetime, around: _Around) -> tuple[Finding, ...]:
        told: list[str] = []
        seen: set[str] = set()
        more = False
        for place in where:
            others = around.others(place, at)
            more |= len(others) == _AT_MOST or place in around.cut
            # What fires for the pod is not told again of its node and its namespace.
            if fresh := [each for each in others if each.fingerprint not in seen]:
                told.append(f"{_called(place)}: {_named(fresh)}")
            seen.update(each.fingerprint for each in fresh)
        if not told:
            return ()
        unit = "alerts or more" if more else "alert" if len(seen) == 1 else "alerts"
        return (Reading(self.name, self.title, len(seen), unit, at, "", note="; ".join(told)),)


@dataclass(frozen=True, slots=True)
class _Around:
    """What fires at the places of all alerts in hand.

    Attributes:
        at: by place, each once, the worst first.
        cut: where more may fire than that.
        own: the fingerprints of each payload's alerts, by when it was received.
    """

    at: Mapping[Place, Sequence[Neighbour]]
    cut: AbstractSet[Place]
    own: Mapping[datetime, AbstractSet[str]]
    _others: dict[tuple[Place, datetime], list[Neighbour]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        alerts: Sequence[Alert],
        where: Sequence[Iterable[Place]],
        received: Sequence[datetime],
        firing: Firing,
    ) -> _Around:
        """What is known to fire, and what is in hand and not known yet, each as it was heard of last."""
        own: dict[datetime, set[str]] = {}
        for alert, moment in zip(alerts, received, strict=True):
            own.setdefault(moment, set()).add(alert.fingerprint)
        in_hand = {alert.fingerprint: (alert, of_alert) for alert, of_alert in zip(alerts, where, strict=True)}
        at: dict[Place, list[Neighbour]] = {}
        for alert, of_alert in in_hand.values():
            neighbour = Neighbour(alert.fingerprint, alert.name, alert_severity(alert))
            for place in of_alert:
                at.setdefault(place, []).append(neighbour)
        asked = {place for of_alert in where for place in of_alert}
        at_most = max(_FEW, min(_AT_MOST, _OF_ALL_AT_MOST // max(1, len(asked))))
        known = firing(asked, in_hand.keys(), at_most) if asked else {}
        for place, others in known.items():
            at.setdefault(place, []).extend(others)
        cut = {place for place, others in known.items() if len(others) >= at_most}
        return cls({place: _worst_first(others) for place, others in at.items()}, cut, own)

    def others(self, place: Place, received: datetime) -> list[Neighbour]:
        """What fires at a place beside the payload that was received then, the worst first, not too many."""
        found = self._others.get((place, received))
        if found is None:
            own = self.own[received]
            others = (each for each in self.at.get(place, ()) if each.fingerprint not in own)
            found = self._others[place, received] = list(islice(others, _AT_MOST))
        return found


def _worst_first(neighbours: Iterable[Neighbour]) -> list[Neighbour]:
    """Each once: one that is in several groups is known several times."""
    return sorted({each.fingerprint: each for each in neighbours}.values(), key=_badness)


def _badness(neighbour: Neighbour) -> int:
    return SEVERITIES.index(neighbour.severity)


def _called(place: Place) -> str:
    """For people: "this pod", "node worker-3"."""
    return f"this {place.kind}" if place.kind in ("pod", "instance") else f"{place.kind} {_plain(place.name)}"


def _named(worst_first: Iterable[Neighbour]) -> str:
    """The worst names, then the most frequent: "HighMemory (critical), SlowQueries (9) and 2 more"."""
    by_name: dict[str, list[Neighbour]] = {}
    for each in worst_first:
        by_name.setdefault(each.name, []).append(each)
    ordered = sorted(by_name.items(), key=lambda item: (_badness(item[1][0]), -len(item[1]), item[0]))
    told = ", ".join(_counted(name, of_name) for name, of_name in ordered[:_NAMES_AT_MOST])
    rest = sum(len(of_name) for _, of_name in ordered[_NAMES_AT_MOST:])
    return f"{told} and {rest} more" if rest else told


def _counted(name: str, of_name: Sequence[Neighbour]) -> str:
    """A name with how many there are and how many of them are critical, where that is worth a word."""
    critical = sum(each.severity == "critical" for each in of_name)
    said = [str(len(of_name))] if len(of_name) > 1 else []
    if critical:
        said.append("critical" if critical == len(of_name) else f"{critical} critical")
    return f"{_plain(name)} ({', '.join(said)})" if said else _plain(name)


def _plain(name: str) -> str:
    """A name on one line, whatever it is."""
    printable = "".join(each if each.isprintable() else " " for each in name[: 2 * _LONGEST_NAME])
    name = " ".join(printable.split())
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
