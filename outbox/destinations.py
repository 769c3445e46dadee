"""What all replicas know of a destination, as rows: how it fares, and how fast it may be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache

from sqlalchemy import Connection, bindparam, select, update

from outbox.pacing import Destination
from outbox.prepared import OneOf, Prepared
from outbox.rows import plain_text
from outbox.statements import insert_missing
from outbox.tables import destinations

_COLUMNS = [destinations.c[each.name] for each in fields(Destination)]
_load = select(*_COLUMNS).where(OneOf(destinations.c.name, "some")).order_by(destinations.c.name)
_LOAD = Prepared(_load)
_LOAD_LOCKED = Prepared(_load.with_for_update())


def load(connection: Connection, names: list[str] | Mapping[str, object], *, lock: bool) -> dict[str, Destination]:
    """Read destinations, by their names; one never heard of is a new one.

    Args:
        names: all that this transaction will lock: they are locked in one order everywhere, so that no two replicas
            wait for each other's. (Not any iterable: one name is one of its letters.)
        lock: have the other replicas wait until this transaction ends before they change them; SQLite's do anyway.
    """
    wanted = sorted(set(names))
    if lock:
        # First of all: who has locked one already, and then adds another, may wait for somebody who did it in turn.
        known = _read(connection, wanted, lock=False)
        for name in wanted:
            if name not in known:
                insert_missing(connection, destinations, {"name": name, "failures": 0})
    found = _read(connection, wanted, lock)
    return {name: found.get(name) or Destination(name) for name in wanted}


def _read(connection: Connection, names: Sequence[str], lock: bool) -> dict[str, Destination]:
    rows = (_LOAD_LOCKED if lock else _LOAD).rows(connection, {"some": names})
    return {row.name: Destination(*row) for row in rows}


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
        _save(tuple(changed)).run(connection, {"here": after.name, **changed})


@cache
def _save(names: tuple[str, ...]) -> Prepared:
    values = {name: bindparam(name, type_=destinations.c[name].type) for name in names}
    return Prepared(update(destinations).where(destinations.c.name == bindparam("here")).values(values))
