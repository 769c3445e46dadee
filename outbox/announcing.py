"""When it is told elsewhere that a destination is in trouble, and in what words. Pure: the clock is an argument."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import units
from alerts.model import Alert, AlertGroup, fingerprint
from alerts.notification import Notification
from alerts.severity import SEVERITIES, Severity
from alerts.target import target
from outbox.records import Planned

Step = Literal["begin", "update", "end"]

LISTED = 10
"""How many of the alerts that were not told are named, the worst first."""

_FIRST_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 3_600.0
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Address:
    """One action of the receiver that is told."""

    receiver: str
    action: str
    index: int
    send_resolved: bool = True

    @property
    def destination(self) -> str:
        """As a notification to it names it."""
        return f"{self.receiver}/{self.action}/{self.index}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was not told at a destination.

    Attributes:
        since: when it began.
        failing: the destination fails now; else it only refused some.
        tried: something that waits for it has been tried.
        alerts: how many there are in what waits or died, each group in its newest state.
        dead: how many deliveries died.
        fresh: how many of those nobody heard of yet.
        severity: the worst of what fires among it, at least a warning.
        worst: the worst of the alerts, or none where they were not asked for.
        event_id: of the newest delivery.
    """

    destination: str
    since: datetime
    reason: str
    failing: bool
    tried: bool
    alerts: int
    dead: int
    fresh: int
    severity: Severity
    event_id: int
    worst: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Announced:
    """What was said last of a destination in trouble.

    Attributes:
        times: how often something was said.
        told: the destinations that were told; they hear of the end.
        event_id: what the last message belonged to.
    """

    since: datetime
    summary: str
    reason: str
    failing: bool
    alerts: int
    dead: int
    severity: Severity
    times: int
    told: tuple[str, ...]
    event_id: int


def waited_seconds(announced_at: datetime | None, now: datetime) -> float:
    """Since something was said last; for ever where nothing was, or in what the clock now calls the future."""
    waited = (now - announced_at).total_seconds() if announced_at else math.inf
    return math.inf if waited < 0 else waited


def may_speak(announced_at: datetime | None, now: datetime) -> bool:
    """Whether it is long enough ago that something was said."""
    return waited_seconds(announced_at, now) >= _FIRST_PAUSE_SECONDS


def step(
    trouble: Trouble | None, announced: Announced | None, announced_at: datetime | None, now: datetime
) -> Step | None:
    """Decide whether something is said now.

    Returns:
        None for nothing: nothing changed that matters, or the last message is not a minute old. What goes on getting
        worse is told again after one minute, two, four, and so on up to an hour; what became more severe after one.
    """
    if not may_speak(announced_at, now):
        return None
    if announced is None:
        return "begin" if trouble is not None and (trouble.tried or trouble.dead) else None
    if trouble is None:
        return "end"
    worse = SEVERITIES.index(trouble.severity) < SEVERITIES.index(announced.severity)
    more = trouble.fresh or trouble.alerts > announced.alerts
    changed = (trouble.failing, shortened(trouble.reason)) != (announced.failing, announced.reason)
    # The exponent is bounded, so that no number of messages overflows a float.
    pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(announced.times - 1, 30), _LONGEST_PAUSE_SECONDS)
    if worse or ((more or changed) and waited_seconds(announced_at, now) >= pause):
        return "update"
    return None


def shortened(reason: str) -> str:
    """A reason that fits into a sentence."""
    reason = " ".join(reason.split()) or "nobody knows why"
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 1]}…"


def announcement(trouble: Trouble, announced: Announced | None, told: Sequence[str], now: datetime) -> Announced:
    """What is remembered once this is said."""
    return Announced(
        since=min(announced.since, trouble.since) if announced else trouble.since,
        summary=summary(trouble, now),
        reason=shortened(trouble.reason),
        failing=trouble.failing,
        alerts=trouble.alerts,
        dead=trouble.dead,
        severity=trouble.severity,
        times=announced.times + 1 if announced else 1,
        told=tuple(dict.fromkeys((*(announced.told if announced else ()), *told))),
        event_id=trouble.event_id,
    )


def summary(trouble: Trouble, now: datetime) -> str:
    """The one sentence."""
    reason = shortened(trouble.reason)
    if trouble.failing:
        lasted = units.duration(max(0.0, (now - trouble.since).total_seconds()))
        count = counted(trouble.alerts, "alert was", "alerts were")
        return f"{trouble.destination} has been failing for {lasted} ({reason}): {count} not told there"
    count = counted(trouble.dead, "notification", "notifications")
    return f"{count} could not be delivered to {trouble.destination}: {reason}"


def description(trouble: Trouble) -> str:
    """What was not told, the worst by name."""
    lines = [_line(alert) for alert in trouble.worst]
    more = trouble.alerts - len(lines)
    return "\n".join([*lines, *([f"and {more} more"] if lines and more > 0 else [])])


def group(announced: Announced, destination: str, said: Mapping[str, str], ends_at: datetime | None) -> AlertGroup:
    """The message, as the one alert of a group of its own.

    Args:
        said: its annotations.
        ends_at: None while it goes on.
    """
    labels = {"receiver": destination.rsplit("/", 2)[0], "destination": destination}
    key, since = f"fallback:{destination}", announced.since
    return own_group(key, "DeliveryFailing", labels, announced.severity, said, since, ends_at)


def own_group(
    group_key: str,
    name: str,
    labels: Mapping[str, str],
    severity: Severity,
    annotations: Mapping[str, str],
    starts_at: datetime,
    ends_at: datetime | None,
) -> AlertGroup:
    """A group of one alert that is of this service's own."""
    stable = {"alertname": name, **labels}
    whole = {**stable, "severity": severity}
    alert = Alert(
        labels=whole,
        annotations=dict(annotations),
        status="firing" if ends_at is None else "resolved",
        starts_at=starts_at,
        ends_at=ends_at,
        generator_url="",
        # The severity may change while it lasts.
        fingerprint=fingerprint(stable),
    )
    return AlertGroup(group_key, (alert,), stable, whole, annotations)


def planned(address: Address, group: AlertGroup, page_url: str) -> Planned:
    """The message to one action."""
    notification = Notification(
        address.receiver, address.action, address.index, group, page_url=page_url, send_resolved=address.send_resolved
    )
    unwanted = group.status == "resolved" and not address.send_resolved
    return Planned(notification, "send_resolved is false" if unwanted else None, kind="fallback")


def told_address(destination: str, known: Sequence[Address]) -> Address:
    """An address from its name; one that the configuration knows no more is told all the same."""
    receiver, action, index = destination.rsplit("/", 2)
    other = Address(receiver, action, int(index))
    return next((each for each in known if each.destination == destination), other)


def counted(count: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{count} {one if count == 1 else many}"


def _line(alert: Alert) -> str:
    head = " ".join(filter(None, (alert.name, target(alert).text, "" if alert.firing else "(over)")))
    return f"{head}: {alert.summary}"[:500] if alert.summary else head[:500]
