"""What is finished is kept for a while and then deleted: little at a time, so that nobody who writes waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, or_, select, text, true, tuple_

from outbox.guard_clock import TICKS_PER_SECOND
from outbox.statements import chunks
from outbox.tables import (
    alerts,
    deliveries,
    events,
    groups,
    rejected,
    remediation_control,
    remediations,
    routings,
    threads,
)
from outbox.trouble import Reading
from outbox.untold import UNTOLD
from outbox.writer import Writer

ROWS_AT_ONCE = 200
"""So many in a transaction, and a few more."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Part of a table, in the order of its key: behind `after` up to and with `last`."""

    table: Table
    after: tuple[Any, ...] | None
    last: tuple[Any, ...]
    before: datetime


class Retention:
    """Deletes what is old.

    Events have their deliveries with them, and stay while one of those, or what tells it instead, is under way or its
    death matters. Of alerts,
    threads and groups those go that are over. Each call goes on where the last one stopped.

    Args:
        reading: opens a connection that only reads.
    """

    def __init__(self, reading: Reading, writer: Writer) -> None:
        self._reading = reading
        self._writer = writer
        self._reached: dict[str, tuple[Any, ...]] = {}

    def sweep(self, before: datetime) -> Iterator[int]:
        """Delete what was finished before a time, a transaction a step.

        Events and alerts are all looked at that are old enough; of the other tables a stretch, and more only while
        there is much to delete in it.

        Returns:
            How many rows each step deleted (deliveries that go with their events not counted).

        Raises:
            StoreError: a step deleted nothing.
        """
        yield from self._events(before)
        yield from self._alerts(before)
        for table in _RULES:
            yield from self._stretches(table, before)

    def _events(self, before: datetime) -> Iterator[int]:
        reached = 0
        while True:
            window = select(events.c.id, events.c.received_at).where(events.c.id > reached)
            with self._reading() as connection:
                rows = connection.execute(window.order_by(events.c.id).limit(ROWS_AT_ONCE)).all()
            old = [row.id for row in rows if row.received_at < before]
            if not old:
                return
            more = True
            while more:
                count, more = self._writer.write(_delete_events, old)
                yield count
            reached = rows[-1].id

    def _alerts(self, before: datetime) -> Iterator[int]:
        with self._reading() as connection:
            if connection.execute(_old_alerts(before).limit(1)).first() is None:
                return
        while (count := self._writer.write(_delete_alerts, before)) > 0:
            yield count

    def _stretches(self, table: Table, before: datetime) -> Iterator[int]:
        key, (age, _) = list(table.primary_key), _RULES[table]
        while True:
            after = self._reached.pop(table.name, None)
            window = select(*key, age.label("age")).where(_behind(table, after)).order_by(*key).limit(ROWS_AT_ONCE)
            with self._reading() as connection:
                rows = connection.execute(window).all()
            if len(rows) == ROWS_AT_ONCE:
                self._reached[table.name] = tuple(rows[-1])[:-1]
            old = [row for row in rows if row.age < before]
            count = 0
            if old:
                count = self._writer.write(_delete_stretch, _Stretch(table, after, tuple(rows[-1])[:-1], before))
                yield count
            if count < ROWS_AT_ONCE / 2:
                return


def _delete_events(connection: Connection, items: Sequence[list[int]]) -> list[tuple[int, bool]]:
    return [_delete_events_once(connection, ids) for ids in items]


def _delete_events_once(connection: Connection, ids: Sequence[int]) -> tuple[int, bool]:
    """Delete finished events of these, with no more deliveries than a transaction should; whether there are more."""
    d, into = deliveries, deliveries.alias("into")
    under_way = exists().where(into.c.id == d.c.successor_id, into.c.state == text("'pending'"))
    matters = exists().where(d.c.event_id == events.c.id, or_(d.c.state == text("'pending'"), UNTOLD, under_way))
    finished = select(events.c.id).where(events.c.id.in_(ids), events.c.state != "accepted", ~matters)
    # Another replica may be at it, too.
    locked = finished.order_by(events.c.id).with_for_update(skip_locked=True)
    found = list(connection.execute(locked).scalars())
    if not found:
        return 0, False
    counted = select(d.c.event_id, func.count()).where(d.c.event_id.in_(found)).group_by(d.c.event_id)
    sizes = {row[0]: row[1] for row in connection.execute(counted)}
    fits, size = 0, 0
    for each in found:
        size += 1 + sizes.get(each, 0)
        if size > ROWS_AT_ONCE:
            break
        fits += 1
    if not fits:
        some = select(d.c.id).where(d.c.event_id == found[0]).limit(ROWS_AT_ONCE).scalar_subquery()
        return connection.execute(delete(d).where(d.c.id.in_(some))).rowcount, True
    for part in chunks(found[:fits]):
        connection.execute(delete(events).where(events.c.id.in_(part)))
    return fits, fits < len(found)


def _old_alerts(before: datetime) -> Any:
    return select(alerts.c.fingerprint, alerts.c.group_id).where(
        alerts.c.status == "resolved", alerts.c.updated_at < before
    )


def _delete_alerts(connection: Connection, items: Sequence[datetime]) -> list[int]:
    key = tuple_(alerts.c.fingerprint, alerts.c.group_id)
    counts = []
    for before in items:
        some = _old_alerts(before).order_by(alerts.c.updated_at).limit(ROWS_AT_ONCE)
        locked = some.with_for_update(skip_locked=True)
        counts.append(connection.execute(delete(alerts).where(key.in_(locked))).rowcount)
    return counts


def _delete_stretch(connection: Connection, items: Sequence[_Stretch]) -> list[int]:
    counts = []
    for stretch in items:
        table = stretch.table
        age, over = _RULES[table]
        up_to = tuple_(*table.primary_key) <= tuple_(*stretch.last)
        old = delete(table).where(_behind(table, stretch.after), up_to, age < stretch.before, over)
        counts.append(connection.execute(old).rowcount)
    return counts


def _behind(table: Table, reached: tuple[Any, ...] | None) -> ColumnElement[bool]:
    return true() if reached is None else tuple_(*table.primary_key) > tuple_(*reached)


_fires = exists().where(and_(alerts.c.group_id == groups.c.group_id, alerts.c.status == "firing"))
_r = remediations.c
_still_fires = exists().where(alerts.c.fingerprint == _r.fingerprint, alerts.c.status == "firing")
# Else what guards count, and that something was done about this firing already, would be forgotten.
_lately = and_(
    _r.acted_ticks.is_not(None),
    _r.acted_ticks + _r.cooldown_ticks + 3_600 * TICKS_PER_SECOND
    > select(func.max(remediation_control.c.ticks)).scalar_subquery(),
)
# By table: the column that says how old a row is, and what must be so beside.
_RULES: dict[Table, tuple[Any, ColumnElement[bool]]] = {
    threads: (threads.c.updated_at, threads.c.open == 0),
    groups: (groups.c.updated_at, ~_fires),
    rejected: (rejected.c.received_at, true()),
    routings: (routings.c.kept_at, true()),
    remediations: (_r.proposed_at, and_(_r.state == "done", _r.asked.is_(None), ~_still_fires, ~_lately)),
}
