"""Which part of a group goes where: pure, given what each destination holds and what it was not told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.history import content_of
from alerts.model import Alert, AlertGroup
from alerts.withheld import Withheld
from config.schema import Configuration
from outbox.records import AT_ONCE
from routing import Hearing, part

# As long as Alertmanager is silent about what goes on, unless it is told otherwise (`repeat_interval`).
_REMINDED_AFTER = timedelta(hours=4)

Holders = Mapping[str, frozenset[str] | None]
"""By destination the fingerprints of what it holds, or is to be told, that is not over there; None where that is not
known. Who holds nothing is left out."""


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
        reached: of all its alerts, the destinations that routes lead to.
    """

    parts: tuple[Part, ...] = ()
    withheld: Mapping[str, Mapping[str, Withheld]] = field(default_factory=dict)
    reached: Mapping[str, Set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of a group beside its state.

    Attributes:
        holders: who holds something of it.
        untold: of its alerts, where they were not told when they were last heard of, and why, in words.
        told: of its alerts, where they were told, as far as that was asked: of those who hear of no ends, it is not
            known what they hold.
        release: it is about what may be told again: nobody else hears of it.
        repeated: it is as it was: who was told is reminded.
        parts: by destination a hash of what was to be told there last, and when.
        now: aware.
    """

    holders: Holders = field(default_factory=dict)
    untold: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    told: Mapping[str, frozenset[str]] = field(default_factory=dict)
    release: bool = False
    repeated: bool = False
    parts: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    now: datetime = AT_ONCE

    def has(self, destination: str, fingerprint: str) -> bool:
        """Whether a destination is known to have been told of an alert that fires, and not of its end."""
        held = self.holders.get(destination) or ()
        return fingerprint in held or destination in self.told.get(fingerprint, ())

    def knows(self, destination: str, group: AlertGroup) -> bool:
        """Whether this is what a destination was told last, not long ago, and it has all of it."""
        told, at = self.parts.get(destination, ("", self.now))
        if self.repeated or self.release or not told or not timedelta(0) <= self.now - at < _REMINDED_AFTER:
            return False
        held = self.holders.get(destination, frozenset())
        if held is None or any(alert.fingerprint in held for alert in group.resolved):
            return False
        return told == content_of(group) and all(self.has(destination, alert.fingerprint) for alert in group.firing)

    def may_have(self, destination: str, fingerprint: str) -> bool:
        """Whether that is so, or is not known."""
        return (destination in self.holders and self.holders[destination] is None) or self.has(destination, fingerprint)


def divide(configuration: Configuration, group: AlertGroup, hearings: Sequence[Hearing], before: Before) -> Division:
    """Say who hears of what.

    That is whoever the routes name, but for what is withheld and was not told there before; and whoever holds something
    that is over now, whatever the routes say.
    """
    parts: list[Part] = []
    withheld: dict[str, dict[str, Withheld]] = {}
    reached = _reached(configuration, hearings)
    for hearing in hearings:
        for place in places(configuration, hearing.receiver):
            kept_back = _kept_back(hearing, place, before)
            for fingerprint, why in kept_back.items():
                withheld.setdefault(fingerprint, {})[place.destination] = why
            if not before.release or _is_for(place, hearing, kept_back, before):
                parts.append(_part(group, hearing, place, kept_back, before))
    if not before.release:
        routed = set().union(*reached.values())
        parts += _to_others(group, before.holders, routed)
    return Division(tuple(parts), withheld, reached)


def _reached(configuration: Configuration, hearings: Sequence[Hearing]) -> Mapping[str, Set[str]]:
    """By fingerprint the destinations that an alert's routes lead to."""
    found: dict[str, set[str]] = {}
    for hearing in hearings:
        names = {place.destination for place in places(configuration, hearing.receiver)}
        for alert in hearing.group.alerts:
            found.setdefault(alert.fingerprint, set()).update(names)
    return found


def places(configuration: Configuration, name: str) -> Iterator[Place]:
    """Where a receiver's notifications go: nowhere, of one that has no actions or that is not known any more."""
    receiver = configuration.receiver(name)
    for action in receiver.actions if receiver else ():
        yield Place(name, action.kind, action.index)


def _kept_back(hearing: Hearing, place: Place, before: Before) -> Mapping[str, Withheld]:
    """What is not to be told there, and was not."""
    name = place.destination
    return {each: why for each, why in hearing.withheld.items() if not before.has(name, each)}


def _part(group: AlertGroup, hearing: Hearing, place: Place, kept_back: Mapping[str, Withheld], before: Before) -> Part:
    told, reasons = [], []
    for alert in hearing.group.alerts:
        if alert.firing and (why := kept_back.get(alert.fingerprint)) is not None:
            reasons.append(why.reason)
        elif not alert.firing and (untold := _untold(alert, place, before)):
            reasons.append(f"over before it was told: it was {untold}")
        else:
            told.append(alert)
    own = {alert.fingerprint for alert in hearing.group.alerts}
    held = before.holders.get(place.destination) or ()
    # It holds what no route leads to it any more.
    told += [alert for alert in group.resolved if alert.fingerprint in held and alert.fingerprint not in own]
    notes = tuple(f"{reasons.count(each)} more {each}" for each in dict.fromkeys(reasons)) if told else ()
    suppressed = None if told else "; ".join(dict.fromkeys(reasons))
    heard = part(group, tuple(told)) if told else hearing.group
    if suppressed is None and before.knows(place.destination, heard):
        suppressed = "nothing has changed in what it hears of this group"
    return Part(place, heard, place.destination in before.holders, suppressed, notes)


def _untold(alert: Alert, place: Place, before: Before) -> str:
    """Why a destination never heard of an alert that is over; "" where it did, or may have."""
    if before.may_have(place.destination, alert.fingerprint):
        return ""
    return before.untold.get(alert.fingerprint, {}).get(place.destination, "")


def _is_for(place: Place, hearing: Hearing, kept_back: Mapping[str, Withheld], before: Before) -> bool:
    """Whether something that was withheld may be told there by now, and was not; routes may have changed since."""
    for alert in hearing.group.firing:
        untold, name = before.untold.get(alert.fingerprint, {}), place.destination
        wanted = name in untold or (untold and not before.may_have(name, alert.fingerprint))
        if wanted and alert.fingerprint not in kept_back and not before.has(name, alert.fingerprint):
            return True
    return False


def to_holders(group: AlertGroup, holders: Holders) -> Iterator[Part]:
    """What fires of a group for each who holds something of it."""
    for destination, held in holders.items():
        alerts = tuple(alert for alert in group.firing if held is None or alert.fingerprint in held)
        if alerts:
            name, kind, index = destination.rsplit("/", 2)
            yield Part(Place(name, kind, int(index)), part(group, alerts), holds=True)


def _to_others(group: AlertGroup, holders: Holders, routed: Set[str]) -> Iterator[Part]:
    """What is over for who holds something of it, though no route leads there."""
    for destination, held in holders.items():
        if destination in routed:
            continue
        alerts = group.resolved if held is None else tuple(a for a in group.alerts if a.fingerprint in held)
        if not all(alert.firing for alert in alerts):
            name, kind, index = destination.rsplit("/", 2)
            yield Part(Place(name, kind, int(index)), part(group, alerts), holds=True)
