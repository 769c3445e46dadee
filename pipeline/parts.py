"""Which part of a group goes where: pure, given what each destination holds and what it was not told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from alerts.model import Alert, AlertGroup
from alerts.withheld import Withheld
from config.schema import Configuration
from routing import Hearing, part

Holders = Mapping[str, frozenset[str]]
"""By destination the fingerprints of what it holds that is not over there; none where that is not known yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a notification goes; the configuration may know it no more."""

    receiver: str
    kind: str
    index: int

    @property
    def destination(self) -> str:
        """Its name: "on-call/slack/0"."""
        return f"{self.receiver}/{self.kind}/{self.index}"


@dataclass(frozen=True, slots=True)
class Part:
    """What one destination is to hear of a group.

    Attributes:
        holds: whether it holds something of the group that is not over there, as far as that was asked.
        suppressed: why it hears nothing of it; None when it does.
        notes: what it is to know beside.
    """

    place: Place
    group: AlertGroup
    holds: bool = False
    suppressed: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Division:
    """A group, divided.

    Attributes:
        withheld: of alerts that fire, where they are not told for now, and why.
    """

    parts: tuple[Part, ...] = ()
    withheld: Mapping[str, Mapping[str, Withheld]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of a group beside its state.

    Attributes:
        holders: who holds something of it.
        untold: of its alerts, where they were not told when they were last heard of, and why, in words.
        released: the alerts that may be told again, where that is what the event is about: nobody else hears of it.
    """

    holders: Holders = field(default_factory=dict)
    untold: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    released: Set[str] | None = None


def divide(configuration: Configuration, group: AlertGroup, hearings: Sequence[Hearing], before: Before) -> Division:
    """Say who hears of what.

    That is whoever the routes name, but for what is withheld and was not told there before; and whoever holds something
    that is over now, whatever the routes say.
    """
    parts: list[Part] = []
    withheld: dict[str, dict[str, Withheld]] = {}
    routed = set()
    for hearing in hearings:
        for place in places(configuration, hearing.receiver):
            routed.add(place.destination)
            kept_back = _kept_back(hearing, place, before)
            for fingerprint, why in kept_back.items():
                withheld.setdefault(fingerprint, {})[place.destination] = why
            if before.released is None or _is_for(place, hearing, kept_back, before, configuration):
                parts.append(_part(hearing, place, kept_back, before))
    if before.released is None:
        parts += _to_others(group, before.holders, routed)
    return Division(tuple(parts), withheld)


def places(configuration: Configuration, name: str) -> Iterator[Place]:
    """Where a receiver's notifications go: nowhere, of one that has no actions or that is not known any more."""
    receiver = configuration.receiver(name)
    for action in receiver.actions if receiver else ():
        yield Place(name, action.kind, action.index)


def _kept_back(hearing: Hearing, place: Place, before: Before) -> Mapping[str, Withheld]:
    """What is not to be told there, and was not."""
    held = before.holders.get(place.destination, frozenset())
    return {each: why for each, why in hearing.withheld.items() if each not in held}


def _part(hearing: Hearing, place: Place, kept_back: Mapping[str, Withheld], before: Before) -> Part:
    told, reasons = [], []
    for alert in hearing.group.alerts:
        if alert.firing and (why := kept_back.get(alert.fingerprint)) is not None:
            reasons.append(why.reason)
        elif not alert.firing and (untold := _untold(alert, place, before)):
            reasons.append(f"over before it was told: it was {untold}")
        else:
            told.append(alert)
    notes = tuple(f"{reasons.count(each)} more {each}" for each in dict.fromkeys(reasons)) if told else ()
    suppressed = None if told else "; ".join(dict.fromkeys(reasons))
    group = part(hearing.group, tuple(told)) if told else hearing.group
    return Part(place, group, place.destination in before.holders, suppressed, notes)


def _untold(alert: Alert, place: Place, before: Before) -> str:
    """Why a destination never heard of an alert that is over; "" where it did, or may have."""
    held = before.holders.get(place.destination)
    if held is not None and (not held or alert.fingerprint in held):
        return ""
    return before.untold.get(alert.fingerprint, {}).get(place.destination, "")


def _is_for(
    place: Place, hearing: Hearing, kept_back: Mapping[str, Withheld], before: Before, configuration: Configuration
) -> bool:
    """Whether some of what may be told again was not told there, be it under a name that the destination had then."""
    held = before.holders.get(place.destination, frozenset())
    for alert in hearing.group.firing:
        untold = before.untold.get(alert.fingerprint, {})
        known = {each.destination for name in untold for each in places(configuration, name.rsplit("/", 2)[0])}
        wanted = place.destination in untold or (untold and not known & untold.keys())
        free = alert.fingerprint not in kept_back and alert.fingerprint not in held
        if alert.fingerprint in (before.released or ()) and wanted and free:
            return True
    return False


def _to_others(group: AlertGroup, holders: Holders, routed: Set[str]) -> Iterator[Part]:
    """What is over for who holds something of it, though no route leads there."""
    for destination, held in holders.items():
        if destination in routed:
            continue
        alerts = tuple(alert for alert in group.alerts if alert.fingerprint in held) if held else group.resolved
        if not all(alert.firing for alert in alerts):
            name, kind, index = destination.rsplit("/", 2)
            yield Part(Place(name, kind, int(index)), part(group, alerts), holds=True)
