"""Rows as values, and values as rows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from math import isfinite
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from alerts.history import History
from alerts.model import Alert, AlertGroup
from alerts.notification import Finding, Notification, Reading, Thread
from alerts.severity import alert_severity
from outbox.prepared import Row

EventKind = Literal["alert", "lapse", "notice"]
EventState = Literal["accepted", "planned", "unrouted", "duplicate", "dead"]
DeliveryKind = Literal["state", "digest", "fallback"]
DeliveryState = Literal["pending", "delivered", "superseded", "digested", "suppressed", "dead"]

AT_ONCE = datetime.fromtimestamp(0, UTC)
"""When a delivery is due that waits for nothing: whatever a clock does later, it has come."""

NOTIFICATION = TypeAdapter(Notification)
THREAD = TypeAdapter(Thread)
ALERT = TypeAdapter(Alert)
HISTORY = TypeAdapter(History)
FINDINGS: TypeAdapter[tuple[Finding, ...]] = TypeAdapter(tuple[Finding, ...])


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted payload.

    Attributes:
        body: as it came.
        attempts: how often it was taken up for planning.
        kind: "lapse" is not Alertmanager's: made here, of alerts that were not heard of for long. "notice" is
            made here too: it is only there for what is told on the service's own account.
    """

    id: int
    received_at: datetime
    body: bytes
    attempts: int
    kind: EventKind = "alert"


@dataclass(frozen=True, slots=True)
class Planned:
    """A notification as it is to be kept.

    Attributes:
        suppressed: why it is not sent; None for one that is.
        due_at: when it is to be sent; at once unless it is held.
        kind: "fallback" is about a destination that fails.
    """

    notification: Notification
    suppressed: str | None = None
    due_at: datetime = AT_ONCE
    kind: DeliveryKind = "state"


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one event, in one commit.

    Attributes:
        alerts: each alert with its group's key and what was found, as the page shows it.
        histories: what is remembered of each of its groups from now on, by the group's key.
        heard_again: the keys of groups that came as they were: their alerts have been heard of.
        duplicate_of: the event that told all of this already.
    """

    event: Event
    deliveries: tuple[Planned, ...] = ()
    alerts: tuple[tuple[str, Alert, tuple[Finding, ...]], ...] = ()
    histories: Mapping[str, History] = field(default_factory=dict)
    heard_again: tuple[str, ...] = ()
    duplicate_of: int | None = None
    error: str | None = None

    @property
    def state(self) -> EventState:
        """The event's state after it."""
        if self.error:
            return "dead"
        if self.duplicate_of is not None:
            return "duplicate"
        return "planned" if self.deliveries else "unrouted"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outward call on its way, held by this process until `lease_until`.

    Attributes:
        attempts: this one included.
        received_at: when its event was accepted.
        wanted_at: since when it is tried.
        thread: what the destination holds of the group.
        unreadable: why the notification is an empty one that must not be sent; None for all but such.
    """

    id: int
    event_id: int
    destination: str
    group_id: str
    kind: DeliveryKind
    notification: Notification
    attempts: int
    received_at: datetime
    wanted_at: datetime
    lease_until: datetime
    thread: Thread
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Where a delivery stands, for people.

    Attributes:
        successor_id: the delivery that tells it instead.
        next_at: when it is due, which may be past; None once it is at its end.
    """

    id: int
    event_id: int
    destination: str
    receiver: str
    action: str
    state: DeliveryState
    attempts: int
    detail: str
    received_at: datetime
    settled_at: datetime | None
    group_id: str
    kind: DeliveryKind
    successor_id: int | None
    next_at: datetime | None

    @property
    def word(self) -> str:
        """Its state in a word: pending, retrying, or what it ended as."""
        return "retrying" if self.state == "pending" and self.detail else self.state

    @property
    def tried(self) -> bool:
        """Whether there is an outcome of at least one attempt."""
        return self.word != "pending"


@dataclass(frozen=True, slots=True)
class EventStatus:
    """What became of an event."""

    id: int
    received_at: datetime
    state: EventState
    error: str | None
    duplicate_of: int | None
    deliveries: tuple[DeliveryStatus, ...]

    @property
    def settled(self) -> bool:
        """Whether each of its deliveries has been tried at least once."""
        return self.state != "accepted" and all(delivery.tried for delivery in self.deliveries)


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """An alert's latest state, and what its event led to."""

    alert: Alert
    findings: tuple[Finding, ...]
    event_id: int
    updated_at: datetime
    lapsed: bool
    deliveries: tuple[DeliveryStatus, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: events to be planned and deliveries to be made, and since when the oldest of them does."""

    events: int
    deliveries: int
    oldest_at: datetime | None


RESOLVED = "resolved"


def counts(notification: Notification) -> dict[str, int]:
    """How many alerts it tells: those that fire by their severity, and under "resolved" those that are over."""
    if notification.digest is not None:
        return {**notification.digest.firing, RESOLVED: notification.digest.resolved}
    group = notification.group
    return dict(Counter(alert_severity(alert) if alert.firing else RESOLVED for alert in group.alerts))


def fires(counted: Mapping[str, int]) -> bool:
    """Whether anything fires among what was counted."""
    return any(count for name, count in counted.items() if name != RESOLVED)


def rank(counted: Mapping[str, int]) -> int:
    """What goes first: 0 for what is critical and fires."""
    return 0 if counted.get("critical") else 1


def delivery_row(planned: Planned, event_id: int, received_at: datetime) -> dict[str, Any]:
    """A notification as a row of `deliveries`."""
    notification = planned.notification
    counted = counts(notification)
    return {
        "event_id": event_id,
        "destination": notification.destination,
        "receiver": notification.receiver,
        "action": notification.action,
        "group_id": group_id(notification.group.group_key),
        "kind": planned.kind,
        "rank": rank(counted),
        "notification": json_text(NOTIFICATION, notification),
        "counts": json.dumps(counted),
        "state": "pending" if planned.suppressed is None else "suppressed",
        "attempts": 0,
        "due_at": planned.due_at,
        "received_at": received_at,
        "settled_at": None if planned.suppressed is None else received_at,
        "detail": planned.suppressed,
    }


def notification_of(text: str) -> Notification | None:
    """A notification from its row; None when another version wrote it."""
    try:
        return NOTIFICATION.validate_json(text)
    except ValidationError:
        return None


def read_alerts(texts: Iterable[str]) -> Iterator[Alert]:
    """Alerts from their rows, but for those that another version wrote."""
    for text in texts:
        try:
            yield ALERT.validate_json(text)
        except ValidationError:
            continue


def delivery_of(row: Row, text: str, thread: Thread, lease_until: datetime) -> Delivery:
    """A delivery from its row, as it was before it was claimed.

    Args:
        text: its notification, as JSON.
    """
    notification = notification_of(text)
    unreadable = None
    if notification is None:
        # Written by another version: reported on as a delivery that failed, for it must not hold up the rest.
        unreadable = "cannot be read any more"
        index = int(row.destination.rpartition("/")[2])
        notification = Notification(row.receiver, row.action, index, AlertGroup("", ()))
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        destination=row.destination,
        group_id=row.group_id,
        kind=row.kind,
        notification=notification,
        attempts=row.attempts + 1,
        received_at=row.received_at,
        wanted_at=row.wanted_at or row.received_at,
        lease_until=lease_until,
        thread=thread,
        unreadable=unreadable,
    )


def settled_values(state: str, detail: str, now: datetime, successor_id: int | None = None) -> dict[str, Any]:
    """The columns of a delivery that is at its end."""
    return {
        "state": state,
        "detail": detail,
        "settled_at": now,
        "successor_id": successor_id,
        "lease_owner": None,
        "lease_until": None,
    }


def thread_row(destination: str, group_id: str, thread: Thread, now: datetime) -> dict[str, Any]:
    """A thread as a row."""
    return {
        "destination": destination,
        "group_id": group_id,
        "thread": json_text(THREAD, thread),
        "open": int(thread.open),
        "updated_at": now,
    }


def json_text(shape: TypeAdapter[Any], value: object) -> str:
    """A value as JSON that can be kept and read again, whatever a far side put into it.

    pydantic's own writer is five times as fast, but raises on half a surrogate pair, and makes NaN a null, which is no
    number.
    """
    if not _holds_nan(value):
        try:
            return shape.dump_json(value).decode().replace("\0", "?")
        except PydanticSerializationError:
            pass
    return plain_text(json.dumps(shape.dump_python(value, mode="json"), ensure_ascii=False, separators=(",", ":")))


def _holds_nan(value: object) -> bool:
    found: Iterable[object] = value if isinstance(value, tuple) else ()
    if isinstance(value, Notification):
        found = chain.from_iterable(value.findings.values())
    numbers = ((each.value, each.request or 0.0, each.limit or 0.0) for each in found if isinstance(each, Reading))
    return not all(map(isfinite, chain.from_iterable(numbers)))


def plain_text(text: str) -> str:
    """A text that every database keeps: half a surrogate pair becomes "?", and NUL, which PostgreSQL refuses, too."""
    return text.encode(errors="replace").decode().replace("\0", "?")


def group_id(group_key: str) -> str:
    """A group key of any length and any characters, as a column that can be indexed: 32 hex digits."""
    return hashlib.sha256(group_key.encode()).hexdigest()[:32]
