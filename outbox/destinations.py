"""What all replicas know of a destination, as rows: how it fares, and how fast it may be told."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import Connection, bindparam, select, update

from outbox.pacing import Destination
from outbox.rows import plain_text
from outbox.statements import insert_missing
from outbox.tables import destinations

_COLUMNS = [destinations.c[each.name] for each in fields(Destination)]
_LOAD = select(*_COLUMNS).where(destinations.c.name == bindparam("of"))
_LOAD_LOCKED = _LOAD.with_for_update()


def load(connection: Connection, name: str, *, lock: bool) -> Destination:
    """Read a destination; one never heard of is a new one.

    Args:
        lock: have the other replicas wait until this transaction ends before they change it; SQLite's do anyway.
    """
    statement = _LOAD_LOCKED if lock else _LOAD
    row = connection.execute(statement, {"of": name}).first()
    if row is None and lock:
        insert_missing(connection, destinations, {"name": name, "failures": 0})
        row = connection.execute(statement, {"of": name}).first()
    return Destination(name) if row is None else Destination(**row._mapping)


def save(connection: Connection, before: Destination, after: Destination) -> None:
    """Keep what has changed of a destination that was loaded and locked."""
    changed = {
        each.name: getattr(after, each.name)
        for each in fields(Destination)
        if getattr(after, each.name) != getattr(before, each.name)
    }
    if changed.get("error"):
        changed["error"] = plain_text(str(changed["error"]))
    if changed:
        connection.execute(update(destinations).where(destinations.c.name == after.name).values(changed))
