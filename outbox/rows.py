"""Rows as values, and values as rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from alerts.model import Alert
from alerts.notification import Finding, Notification, Thread

EventState = Literal["accepted", "planned", "unrouted", "dead"]
DeliveryState = Literal["pending", "delivered", "dead", "suppressed"]

NOTIFICATION = TypeAdapter(Notification)
THREAD = TypeAdapter(Thread)
ALERT = TypeAdapter(Alert)
FINDINGS: TypeAdapter[tuple[Finding, ...]] = TypeAdapter(tuple[Finding, ...])


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted payload.

    Attributes:
        body: as it came.
        attempts: how often it was taken up for planning.
    """

    id: int
    received_at: datetime
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A notification as it is to be kept.

    Attributes:
        suppressed: why it is not sent; None for one that is.
    """

    notification: Notification
    suppressed: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one event, in one commit.

    Attributes:
        alerts: each alert with its group's key and what was found, as the page shows it.
    """

    event: Event
    deliveries: tuple[Planned, ...] = ()
    alerts: tuple[tuple[str, Alert, tuple[Finding, ...]], ...] = ()
    error: str | None = None

    @property
    def state(self) -> EventState:
        """The event's state after it."""
        return "dead" if self.error else "planned" if self.deliveries else "unrouted"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outward call on its way, held by this process until `lease_until`.

    Attributes:
        attempts: this one included.
        received_at: when its event was accepted.
        thread: what the destination holds of the group.
        unreadable: why the notification is an empty one that must not be sent; None for all but such.
    """

    id: int
    event_id: int
    notification: Notification
    attempts: int
    received_at: datetime
    lease_until: datetime
    thread: Thread
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Where a delivery stands, for people."""

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

    @property
    def word(self) -> str:
        """Its state in a word: pending, retrying, delivered, dead or suppressed."""
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
    deliveries: tuple[DeliveryStatus, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: events to be planned and deliveries to be made, and since when the oldest of them does."""

    events: int
    deliveries: int
    oldest_at: datetime | None


def json_text(shape: TypeAdapter[Any], value: object) -> str:
    """A value as JSON that can be kept and read again, whatever a far side put into it.

    pydantic's own writer raises on half a surrogate pair and makes NaN a null, which is then no number.
    """
    return plain_text(json.dumps(shape.dump_python(value, mode="json"), ensure_ascii=False, separators=(",", ":")))


def plain_text(text: str) -> str:
    """A text that every database keeps: half a surrogate pair becomes "?", and NUL, which PostgreSQL refuses, too."""
    return text.encode(errors="replace").decode().replace("\0", "?")


def group_id(group_key: str) -> str:
    """A group key of any length and any characters, as a column that can be indexed: 32 hex digits."""
    return hashlib.sha256(group_key.encode()).hexdigest()[:32]
