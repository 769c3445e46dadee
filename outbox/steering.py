"""What a person may do with a delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select, update

from outbox.notices import DELIVERIES, notify
from outbox.rows import AT_ONCE, settled_values
from outbox.tables import deliveries

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
    values = {**settled_values("suppressed", DROPPED, now), "untold": 0}
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))
    return None


def _locked(connection: Connection, delivery_id: int) -> Any:
    d = deliveries
    columns = (d.c.id, d.c.state, d.c.destination, d.c.group_id)
    return connection.execute(select(*columns).where(d.c.id == delivery_id).with_for_update()).first()


def _has_successor(connection: Connection, row: Any) -> bool:
    d = deliveries
    later = and_(d.c.id > row.id, d.c.destination == row.destination, d.c.group_id == row.group_id)
    return connection.execute(select(d.c.id).where(later, d.c.state != "suppressed").limit(1)).first() is not None
