"""Destinations in trouble: what was not told there, and that it is announced elsewhere, once for all replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select, update

from alerts import lapse
from alerts.model import AlertGroup
from outbox import announcing, destinations, untold
from outbox.announcing import Address, Announced, Step
from outbox.rows import delivery_row, json_text, plain_text
from outbox.statements import chunks
from outbox.tables import deliveries, events
from outbox.tables import destinations as table
from outbox.untold import ANNOUNCED, UNTOLD, Watched
from outbox.writer import Writer

Reading = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Said:
    """What was announced."""

    step: Step
    summary: str
    told: tuple[str, ...]


class Announcements:
    """What is said elsewhere of destinations in trouble.

    Args:
        reading: opens a connection that only reads.
    """

    def __init__(self, reading: Reading, writer: Writer) -> None:
        self._reading = reading
        self._writer = writer

    def suspects(self) -> list[str]:
        """The destinations that fail, at which something died, or of which something was said.

        Raises:
            StoreError: the database does not answer.
        """
        suspicious = or_(table.c.failing_since.is_not(None), table.c.announced.is_not(None))
        with self._reading() as connection:
            names = set(
                connection.execute(select(table.c.name).where(suspicious, table.c.name.contains("/"))).scalars()
            )
            names.update(connection.execute(select(deliveries.c.destination).distinct().where(UNTOLD)).scalars())
        return sorted(names)

    def announce(self, watched: Watched, now: datetime) -> Said | None:
        """Say what there is to say of a destination; None when there is nothing.

        Raises:
            StoreError: nothing was said.
        """
        with self._reading() as connection:
            seen = untold.look(connection, watched, now)
        if seen.done or announcing.step(seen.trouble, seen.announced, seen.announced_at, now):
            return self._writer.write(_announce, (watched, now))
        return None


def _announce(connection: Connection, items: Sequence[tuple[Watched, datetime]]) -> list[Said | None]:
    # In one order everywhere, so that no two replicas wait for each other's locks.
    order = sorted(range(len(items)), key=lambda at: items[at][0].destination)
    said = {at: _announce_once(connection, *items[at]) for at in order}
    return [said[at] for at in range(len(items))]


def _announce_once(connection: Connection, watched: Watched, now: datetime) -> Said | None:
    destinations.load(connection, [watched.destination], lock=True)
    # What another replica said meanwhile is seen only now.
    seen = untold.look(connection, watched, now)
    mark(connection, seen.done, 0)
    step = announcing.step(seen.trouble, seen.announced, seen.announced_at, now)
    if step is None:
        return None
    if seen.trouble is None:
        assert seen.announced is not None
        return _end(connection, watched, seen.announced, now)
    trouble = replace(seen.trouble, worst=tuple(untold.worst(connection, seen.groups)))
    announced = announcing.announcement(trouble, seen.announced, [each.destination for each in watched.addresses], now)
    annotations = {"summary": announced.summary, "description": announcing.description(trouble)}
    group = announcing.group(announced, watched.destination, annotations, None)
    tell(connection, watched.addresses, group, watched.page_url, announced.event_id, now)
    mark(connection, seen.fresh, 2)
    remember(connection, watched.destination, json_text(ANNOUNCED, announced), now)
    return Said(step, announced.summary, announced.told)


def _end(connection: Connection, watched: Watched, announced: Announced, now: datetime) -> Said:
    what = "delivers again" if announced.failing else "has nothing left that was not told"
    summary = f"{watched.destination} {what}"
    group = announcing.group(announced, watched.destination, {"summary": summary}, now)
    addresses = [announcing.told_address(each, watched.addresses) for each in announced.told]
    tell(connection, addresses, group, watched.page_url, announced.event_id, now)
    remember(connection, watched.destination, None, now)
    return Said("end", summary, announced.told)


def tell(
    connection: Connection,
    addresses: Iterable[Address],
    group: AlertGroup,
    page_url: str,
    event_id: int | None,
    now: datetime,
) -> None:
    """Have a message of this service's own delivered.

    Args:
        event_id: what it belongs to; where there is none, or it is gone by now, one is made.
    """
    plans = [announcing.planned(each, group, page_url) for each in addresses]
    if not plans:
        return
    known = select(events.c.id).where(events.c.id == event_id)
    if event_id is None or connection.execute(known).first() is None:
        event = {"received_at": now, "body": lapse.rendered(group), "kind": "notice", "state": "planned", "attempts": 0}
        event_id = connection.execute(insert(events).values(event).returning(events.c.id)).scalar_one()
    connection.execute(insert(deliveries), [{**delivery_row(each, event_id, now), "rank": 0} for each in plans])


def remember(connection: Connection, name: str, announced: str | None, now: datetime) -> None:
    """Keep what was said of a destination that is locked."""
    values = {"announced": plain_text(announced) if announced else None, "announced_at": now}
    connection.execute(update(table).where(table.c.name == name).values(values))


def mark(connection: Connection, ids: Sequence[int], how: int) -> None:
    """Say of dead deliveries whether they were announced (2), or that they matter no more (0)."""
    for some in chunks(ids):
        connection.execute(update(deliveries).where(deliveries.c.id.in_(some), UNTOLD).values(untold=how))
