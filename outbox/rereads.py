"""When what was found of groups is to be looked up again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, tuple_, update

from alerts import taken
from outbox.notices import EVENTS, notify
from outbox.tables import events, groups, threads

# No configuration waits for so long: the clock was put back since.
LONGEST = timedelta(hours=1)


def due(connection: Connection, now: datetime) -> bool:
    """Whether there are groups whose time has come."""
    return connection.execute(select(threads.c.group_id).where(_due(now)).limit(1)).first() is not None


def have_reread(connection: Connection, now: datetime, at_most: int) -> int:
    """Make an event of each group whose time has come, in one transaction with forgetting that it has; how many."""
    t = threads.c
    # What is settled just now is left for the next time.
    some = select(t.destination, t.group_id, t.open).where(_due(now)).order_by(t.destination, t.group_id)
    found = connection.execute(some.limit(at_most).with_for_update(skip_locked=True)).all()
    keys = [(row.destination, row.group_id) for row in found]
    connection.execute(update(threads).where(tuple_(t.destination, t.group_id).in_(keys)).values(reread_at=None))
    # Of what is over there by then nothing is to be looked up.
    still = {row.group_id for row in found if row.open}
    named = select(groups.c.group_key).where(groups.c.group_id.in_(still)).order_by(groups.c.group_id)
    rows = [
        {"received_at": now, "body": taken.rendered(key), "kind": "reread", "state": "accepted", "attempts": 0}
        for key in connection.execute(named).scalars()
    ]
    if rows:
        connection.execute(insert(events), rows)
        notify(connection, EVENTS)
    return len(rows)


def _due(now: datetime) -> ColumnElement[bool]:
    at = threads.c.reread_at
    return and_(at.is_not(None), or_(at <= now, at > now + 2 * LONGEST))
