"""What a person may do with a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select, update

from alerts.notification import Thread
from outbox import destinations
from outbox.composing import OVER_BEFORE_TOLD
from outbox.holding import held
from outbox.notices import DELIVERIES, notify
from outbox.records import AT_ONCE, BESIDE
from outbox.rows import settled_values, thread_row
from outbox.statements import upsert
from outbox.tables import TELLS_STATE, deliveries, threads

DROPPED = "dropped by hand"

_d = deliveries.c
_ROW = select(_d.id, _d.state, _d.destination, _d.group_id, _d.kind, _d.attempts, _d.lease_until).where(
    _d.id == bindparam("of")
)


_OVERTAKEN = "a newer state of its group has been told, or is about to be"


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was seen before a retry, in a look that keeps nobody from writing.

    Attributes:
        refused: why it is not to be; None when it may.
        last_id: all deliveries up to this one have been looked at.
    """

    refused: str | None
    last_id: int


def look_ahead(connection: Connection, delivery_id: int) -> Ahead:
    """See whether a delivery has been overtaken; it may take a while, for all that came after it is looked at."""
    row = connection.execute(_ROW, {"of": delivery_id}).first()
    last_id = connection.execute(select(func.max(deliveries.c.id))).scalar() or 0
    overtaken = row is not None and row.state == "dead" and _has_successor(connection, row, delivery_id)
    return Ahead(_OVERTAKEN if overtaken else None, last_id)


def retry(connection: Connection, delivery_id: int, now: datetime, ahead: Ahead) -> str | None:
    """Have a delivery that is dead, or waits for its next attempt, tried again at once; else say why not."""
    row = _locked(connection, delivery_id)
    if row is None:
        return "there is no such delivery"
    if row.state not in ("dead", "pending"):
        return f"it is {row.state}"
    if row.state == "dead" and (ahead.refused or _has_successor(connection, row, max(delivery_id, ahead.last_id))):
        return _OVERTAKEN
    again = {"state": "pending", "due_at": AT_ONCE, "wanted_at": now, "settled_at": None, "untold": 0}
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(again))
    notify(connection, DELIVERIES)
    return None


def drop(connection: Connection, delivery_id: int, now: datetime) -> str | None:
    """Have a delivery that waits or is dead never sent; else say why not."""
    row = _locked(connection, delivery_id)
    if row is None:
        return "there is no such delivery"
    if row.state not in ("dead", "pending"):
        return f"it is {row.state}"
    if row.lease_until is not None and row.lease_until >= now:
        # Its group's next state must not be sent beside it.
        return "it is being sent"
    if row.state == "pending" and row.attempts and row.kind != "digest" and row.kind not in BESIDE:
        _doubt(connection, row, now)
    values = {**settled_values("suppressed", DROPPED, now), "untold": 0}
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))
    return None


def _locked(connection: Connection, delivery_id: int) -> Any:
    """The delivery; while its destination is locked nothing of it is claimed."""
    row = connection.execute(_ROW, {"of": delivery_id}).first()
    if row is None:
        return None
    destinations.load(connection, [row.destination], lock=True)
    return connection.execute(_ROW.with_for_update(), {"of": delivery_id}).first()


def _has_successor(connection: Connection, row: Any, after_id: int) -> bool:
    """Whether something later was told, or found needless, of its group, or of a group that it tells in a digest.

    Args:
        after_id: what is not later than this one is not looked at.
    """
    if row.kind in BESIDE:
        # It is told in its turn, whatever else was.
        return False
    d = deliveries
    told = d.alias("told")
    of_digest = exists().where(
        told.c.successor_id == row.id, told.c.state == "digested", told.c.group_id == d.c.group_id
    )
    later = and_(d.c.id > after_id, d.c.destination == row.destination, or_(d.c.group_id == row.group_id, of_digest))
    said = or_(d.c.state != "suppressed", d.c.detail == OVER_BEFORE_TOLD)
    return connection.execute(select(d.c.id).where(TELLS_STATE, later, said).limit(1)).first() is not None


def _doubt(connection: Connection, row: Any, now: datetime) -> None:
    """What was attempted may have arrived, and its end must then be told."""
    known = held(connection, row.destination, [row.group_id], digests=True)
    thread = known.get(row.group_id) or Thread()
    upsert(connection, threads, [thread_row(row.destination, row.group_id, thread.before(row.id, row.attempts), now)])
