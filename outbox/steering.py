"""What a person may do with a delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select, update

from alerts.notification import Thread
from outbox.claiming import OVER_BEFORE_TOLD
from outbox.holding import held
from outbox.notices import DELIVERIES, notify
from outbox.rows import AT_ONCE, settled_values, thread_row
from outbox.statements import upsert
from outbox.tables import deliveries, threads

DROPPED = "dropped by hand"


def retry(connection: Connection, delivery_id: int, now: datetime) -> str | None:
    """Have a delivery that is dead, or waits for its next attempt, tried again at once; else say why not."""
    row = _locked(connection, delivery_id)
    if row is None:
        return "there is no such delivery"
    if row.state not in ("dead", "pending"):
        return f"it is {row.state}"
    if row.state == "dead" and _has_successor(connection, row):
        return "a newer state of its group has been told, or is about to be"
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
    if row.state == "pending" and row.attempts and row.kind != "digest":
        _doubt(connection, row, now)
    values = {**settled_values("suppressed", DROPPED, now), "untold": 0}
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))
    return None


def _locked(connection: Connection, delivery_id: int) -> Any:
    d = deliveries
    columns = (d.c.id, d.c.state, d.c.destination, d.c.group_id, d.c.kind, d.c.attempts, d.c.lease_until)
    return connection.execute(select(*columns).where(d.c.id == delivery_id).with_for_update()).first()


def _has_successor(connection: Connection, row: Any) -> bool:
    """Whether something later was told, or found needless, of its group, or of a group that it tells in a digest."""
    d = deliveries
    told = d.alias("told")
    of_digest = exists().where(
        told.c.successor_id == row.id, told.c.state == "digested", told.c.group_id == d.c.group_id
    )
    later = and_(d.c.id > row.id, d.c.destination == row.destination, or_(d.c.group_id == row.group_id, of_digest))
    said = or_(d.c.state != "suppressed", d.c.detail == OVER_BEFORE_TOLD)
    return connection.execute(select(d.c.id).where(later, said).limit(1)).first() is not None


def _doubt(connection: Connection, row: Any, now: datetime) -> None:
    """What was attempted may have arrived, and its end must then be told."""
    known = held(connection, row.destination, [row.group_id], digests=True)
    thread = known.get(row.group_id) or Thread()
    upsert(connection, threads, [thread_row(row.destination, row.group_id, thread.doubted(), now)])
