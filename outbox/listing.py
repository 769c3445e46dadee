"""Lists of deliveries, for people: each with what it is about, and when it is tried next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, and_, func, select

from alerts.notification import Notification
from alerts.superseding import superseding
from outbox.records import DeliveryStatus
from outbox.rows import notification_of, plain_text
from outbox.statements import chunks
from outbox.tables import DIGESTED, PENDING, deliveries

Word = Literal["pending", "retrying", "dead", "delivered", "superseded", "digested", "suppressed"]
"""What people call a delivery's state: as the row has it, but that one which has failed before is retrying."""
WORDS: tuple[Word, ...] = get_args(Word)

_DIGESTED_AT_MOST = 10_000
_d = deliveries
_COLUMNS = (
    *(_d.c.id, _d.c.event_id, _d.c.destination, _d.c.receiver, _d.c.action, _d.c.state, _d.c.attempts, _d.c.detail),
    *(_d.c.received_at, _d.c.settled_at, _d.c.group_id, _d.c.kind, _d.c.successor_id, _d.c.due_at, _d.c.wanted_at),
)


@dataclass(frozen=True, slots=True)
class ListedDelivery(DeliveryStatus):
    """A delivery with what it is about.

    Attributes:
        group_key: its group's; "" where another version wrote the row.
        alerts: the names of its alerts, each once; of a digest those of the worst.
    """

    group_key: str
    alerts: tuple[str, ...]


def statuses(connection: Connection, event_ids: Iterable[int]) -> list[DeliveryStatus]:
    """Where the deliveries of events stand, in the order in which they were planned."""
    found: list[DeliveryStatus] = []
    for some in chunks(sorted(event_ids)):
        statement = select(*_COLUMNS).where(_d.c.event_id.in_(some)).order_by(_d.c.id)
        found += (DeliveryStatus(**_values(row)) for row in connection.execute(statement))
    return found


def ids(
    connection: Connection,
    words: Sequence[Word],
    *,
    limit: int,
    before_id: int | None = None,
    destination: str | None = None,
) -> list[int]:
    """The newest deliveries of these states, or of all where none is given, newest first.

    One statement a state, each of which stops at the limit: in one for all of them, everything would be sorted first.
    """
    bounds: list[ColumnElement[bool]] = []
    if before_id is not None:
        bounds.append(_d.c.id < before_id)
    if destination is not None:
        bounds.append(_d.c.destination == plain_text(destination))
    found: set[int] = set()
    for condition in [[_is(word)] for word in dict.fromkeys(words)] or [[]]:
        statement = select(_d.c.id).where(*condition, *bounds).order_by(_d.c.id.desc()).limit(limit)
        found.update(connection.execute(statement).scalars())
    return sorted(found, reverse=True)[:limit]


def listed(connection: Connection, delivery_ids: Sequence[int]) -> list[ListedDelivery]:
    """These deliveries with what they are about, newest first."""
    found: list[ListedDelivery] = []
    for some in chunks(delivery_ids):
        rows = connection.execute(select(*_COLUMNS, _d.c.notification).where(_d.c.id.in_(some)))
        for row in rows:
            about = notification_of(row.notification)
            names = dict.fromkeys(alert.name for alert in about.group.alerts) if about else ()
            group_key = about.group.group_key if about else ""
            found.append(ListedDelivery(**_values(row), group_key=group_key, alerts=tuple(names)))
    return sorted(found, key=lambda each: each.id, reverse=True)


def digested(connection: Connection, delivery_id: int) -> tuple[Notification, ...] | None:
    """What a digest tells of each group, the oldest first; None when the delivery is no digest.

    At most ten thousand deliveries are looked at.
    """
    kind = connection.execute(select(_d.c.kind).where(_d.c.id == delivery_id)).scalar()
    if kind != "digest":
        return None
    into = and_(_d.c.successor_id == delivery_id, DIGESTED)
    texts = connection.execute(select(_d.c.notification).where(into).order_by(_d.c.id).limit(_DIGESTED_AT_MOST))
    by_group: dict[str, list[Notification]] = {}
    for text in texts.scalars():
        if (each := notification_of(text)) is not None:
            by_group.setdefault(each.group.group_key, []).append(each)
    # As it was counted: of a group of which several states waited the newest, with the ends in the others.
    return tuple(superseding(states[-1], states[:-1]) for states in by_group.values())


def document(delivery: DeliveryStatus, now: datetime) -> dict[str, object]:
    """A delivery as JSON has it."""
    shown: dict[str, object] = {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "destination": delivery.destination,
        "receiver": delivery.receiver,
        "action": delivery.action,
        "kind": delivery.kind,
        "state": delivery.word,
        "attempts": delivery.attempts,
        "detail": delivery.detail,
        "received_at": delivery.received_at.isoformat(),
        "age_seconds": round(max(0.0, (now - delivery.received_at).total_seconds()), 3),
        "next_attempt_at": delivery.next_at.isoformat() if delivery.next_at else None,
        "settled_at": delivery.settled_at.isoformat() if delivery.settled_at else None,
        "successor_id": delivery.successor_id,
    }
    if isinstance(delivery, ListedDelivery):
        shown |= {"group_key": delivery.group_key, "alerts": list(delivery.alerts)}
    return shown


def failed_before() -> ColumnElement[bool]:
    """Whether an attempt at a delivery has ended: what waits for its first one has nothing to say."""
    return func.coalesce(_d.c.detail, "") != ""


def _is(word: Word) -> ColumnElement[bool]:
    if word == "retrying":
        return and_(PENDING, failed_before())
    return and_(PENDING, ~failed_before()) if word == "pending" else _d.c.state == word


def _values(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)
    values.pop("notification", None)
    due_at, wanted_at = values.pop("due_at"), values.pop("wanted_at")
    waits = row.state == "pending"
    values["detail"] = row.detail or ""
    # One that was due at once has been so since it was wanted.
    values["next_at"] = max(due_at, wanted_at or row.received_at) if waits else None
    return values
