"""Records as rows, and rows as records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from math import isfinite
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from alerts.findings import Finding, Reading
from alerts.history import History
from alerts.model import Alert, AlertGroup, group_id
from alerts.notification import Notification, Thread
from alerts.severity import alert_severity
from outbox.prepared import Row
from outbox.records import Delivery, Planned

NOTIFICATION = TypeAdapter(Notification)
THREAD = TypeAdapter(Thread)
ALERT = TypeAdapter(Alert)
HISTORY = TypeAdapter(History)
FINDINGS: TypeAdapter[tuple[Finding, ...]] = TypeAdapter(tuple[Finding, ...])

RESOLVED = "resolved"

# -1 are digests.
_HEARD_FIRST, _QUIET = -2, 2


def counts(notification: Notification) -> dict[str, int]:
    """How many alerts it tells: those that fire by their severity, and under "resolved" those that are over."""
    if notification.digest is not None:
        return {**notification.digest.firing, RESOLVED: notification.digest.resolved}
    group = notification.group
    return dict(Counter(alert_severity(alert) if alert.firing else RESOLVED for alert in group.alerts))


def fires(counted: Mapping[str, int]) -> bool:
    """Whether anything fires among what was counted."""
    return any(count for name, count in counted.items() if name != RESOLVED)


def rank(notification: Notification) -> int:
    """What goes first: 0 for what is critical and fires; 2 for what is told beside and need not be heard."""
    if notification.entries and not any(entry.loud for entry in notification.entries):
        return _QUIET
    critical = bool(counts(notification).get("critical"))
    if notification.entries:
        # Before what is edited: of that nobody hears.
        return _HEARD_FIRST if critical else 0
    return 0 if critical else 1


def tells(notification: Notification) -> str:
    """Of which alerts it tells that they fire, and of which that they are over."""
    alerts = notification.group.alerts
    return plain_text("\n".join(f"{'+' if alert.firing else '-'}{alert.fingerprint}" for alert in alerts))


def after_telling(held: frozenset[str], told: str) -> frozenset[str]:
    """The fingerprints of what a destination holds once it was told.

    Args:
        told: as `tells` has it.
    """
    lines = told.split("\n")
    over = {line[1:] for line in lines if line.startswith("-")}
    return (held - over) | {line[1:] for line in lines if line.startswith("+")}


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
        "rank": _QUIET if planned.quiet else rank(notification),
        "notification": json_text(NOTIFICATION, notification),
        "counts": json.dumps(counted),
        "tells": None if planned.suppressed or notification.entries else tells(notification),
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
        "handle": plain_text(thread.key)[:300] or None,
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
    readings = (each for each in found if isinstance(each, Reading))
    numbers = ((each.value, each.request or 0.0, each.limit or 0.0, each.threshold or 0.0) for each in readings)
    return not all(map(isfinite, chain.from_iterable(numbers)))


def plain_text(text: str) -> str:
    """A text that every database keeps: half a surrogate pair becomes "?", and NUL, which PostgreSQL refuses, too."""
    return text.encode(errors="replace").decode().replace("\0", "?")
