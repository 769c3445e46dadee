"""What is told of a group that is as it was: who has taken it over, and what is found when it is looked up again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import units
from actions import subject
from alerts import taken
from alerts.findings import Finding, Reading
from alerts.history import History
from alerts.model import AlertGroup
from alerts.notification import Notification
from alerts.severity import worst_first
from alerts.timeline import Acknowledgement, Entry
from config.base import ActionSettings
from outbox import beside
from outbox.records import Event, Planned

_LISTED_ALERTS = 5
_LONGEST_NAME = 100
_TWICE = timedelta(seconds=10)
_CLOCKS_DIFFER = timedelta(minutes=1)


def acknowledged_by(event: Event) -> Acknowledgement | None:
    """Who has taken a group over by it, if anybody has."""
    return taken.acknowledgement_of(event.body) if event.kind == "taken" else None


def asides(
    event: Event,
    notification: Notification,
    settings: ActionSettings | None,
    found_before: Mapping[str, Sequence[Finding]],
) -> Iterator[Planned]:
    """What one destination that holds something of the group is to hear.

    Args:
        notification: the group's state there, as far as it is told there.
        settings: the destination's; None where the configuration does not know it any more.
        found_before: what was found of its alerts when they were heard of last, as far as it is known.
    """
    if settings is None:
        return
    acknowledgement = acknowledged_by(event)
    if acknowledgement is None:
        text = _readings(notification, found_before, event.received_at) if settings.timeline else ""
        if text:
            yield from beside.planned(notification, [Entry("readings", text, event.received_at)])
        return
    silenced = acknowledgement.silenced_until is not None
    entry = Entry("silenced" if silenced else "acknowledged", acknowledged(acknowledgement), acknowledgement.at)
    if settings.timeline:
        yield from beside.planned(notification, [Entry("refresh", "", acknowledgement.at)])
    elsewhere = acknowledgement.via != notification.action and not acknowledgement.resolved and not silenced
    if settings.timeline or (settings.acknowledges and elsewhere):
        yield from beside.planned(notification, [entry])


def acknowledged(acknowledgement: Acknowledgement) -> str:
    """Who has taken it over, in words: "acknowledged by Jane in PagerDuty"."""
    until = acknowledgement.silenced_until
    what = "silenced" if until else "closed" if acknowledgement.resolved else "acknowledged"
    by = "".join(filter(str.isprintable, " ".join(acknowledgement.by.split())))[:_LONGEST_NAME] or "somebody"
    lasts = f" until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if until else ""
    return f"{what} by {by} in {acknowledgement.where}{lasts}"


def told_already(acknowledgement: Acknowledgement, history: History) -> bool:
    """Whether the same person has done the same just now, or it is of before the group began: a button that is pressed
    twice, a webhook that comes twice, or late. A while later it is said anew: what it led to may be over by then.
    """
    if history.firing_since is not None and acknowledgement.at < history.firing_since - _CLOCKS_DIFFER:
        return True
    known = history.silenced if acknowledgement.silenced_until else history.acknowledged
    if known is None or replace(known, at=acknowledgement.at) != acknowledgement:
        return False
    return abs(acknowledgement.at - known.at) < _TWICE


def _readings(notification: Notification, found_before: Mapping[str, Sequence[Finding]], now: datetime) -> str:
    """What is found now of the worst alerts, one a line, and what it was before; "" where nothing is."""
    group = notification.group
    lines = []
    for alert in worst_first(group.firing):
        told = [each for each in notification.told(alert) if isinstance(each, Reading) and each.query]
        if told:
            about = f"{subject(alert) or alert.name}: " if len(group.firing) > 1 else ""
            before = found_before.get(alert.fingerprint, ())
            lines.append(about + ", ".join(_compared(each, before) for each in told))
    if not lines:
        return ""
    lasted = units.duration(max(0.0, (now - _since(group)).total_seconds()))
    more = [f"… and {len(lines) - _LISTED_ALERTS} more"] if len(lines) > _LISTED_ALERTS else []
    return "\n".join([f"still firing after {lasted}", *lines[:_LISTED_ALERTS], *more])


def _compared(reading: Reading, before: Sequence[Finding]) -> str:
    """ "memory 236 MiB → 251 MiB of 256 MiB (98%)"; as it is, where it was the same or nobody knows."""
    alike = (each for each in before if isinstance(each, Reading) and _kind(each) == _kind(reading))
    was = next((units.quantity(each.value, each.unit) for each in alike), "")
    moved = bool(was) and was != units.quantity(reading.value, reading.unit)
    return f"{reading.title} {was} → {reading.brief}" if moved else f"{reading.title} {reading.brief}"


def _kind(reading: Reading) -> tuple[str, str, str]:
    return reading.name, reading.title, reading.unit


def _since(group: AlertGroup) -> datetime:
    return min(alert.starts_at for alert in group.firing)
