"""The store: events in, plans kept. Each method is one transaction; what it returns has been committed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, insert, update

from alerts.withheld import Withheld
from outbox import planning, rereads, watchdogs, withholding
from outbox.heartbeats import Heartbeats
from outbox.known import Known
from outbox.losses import Losses
from outbox.notices import DELIVERIES, EVENTS, Listener, notify
from outbox.prepared import Prepared
from outbox.queue import Queue
from outbox.records import Event, EventKind, Plan
from outbox.remediations import Remediations
from outbox.retention import Retention
from outbox.rows import plain_text
from outbox.statements import upsert
from outbox.tables import ACCEPTED, PENDING, deliveries, destinations, events, probes, remediations, routings
from outbox.trouble import Announcements
from outbox.watchdogs import Watchdogs
from outbox.withholding import Due
from outbox.writer import Writer

_UNDONE = remediations.c.state != "done"
_ACCEPT = Prepared(insert(events).returning(events.c.id), ("received_at", "body", "kind", "state", "attempts"))


class Store(Known):
    """What is kept.

    Args:
        engine: with tables of this version.
        owner: this process, as it holds what it works on: no two that live share it.
        patience_seconds: see `Writer`.
    """

    def __init__(self, engine: Engine, owner: str, patience_seconds: float | None = None) -> None:
        super().__init__(engine)
        self.owner = owner
        self._writer = Writer(engine, patience_seconds)
        # PostgreSQL has many writers: what is to be answered at once need not wait for plans and claims.
        self._acceptor = Writer(engine) if engine.dialect.name == "postgresql" else self._writer
        self.queue = Queue(engine, self._writer, owner)
        self.announcements = Announcements(self._reading, self._writer)
        self.losses = Losses(self._reading, self._writer)
        self.retention = Retention(self._reading, self._writer)
        self.remediations = Remediations(self._reading, self._writer, owner)
        self.watchdogs = Watchdogs(self._reading, self._writer)
        self.heartbeats = Heartbeats(self._reading, self._writer)

    @property
    def kind(self) -> str:
        """Which database: "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    def listener(self, events_ring: Callable[[], None], deliveries_ring: Callable[[], None]) -> Listener:
        """Hears of what other processes leave to be done."""
        return Listener(self._engine, {EVENTS: events_ring, DELIVERIES: deliveries_ring})

    def close(self) -> None:
        """Close what is open beside the engine; nothing is written any more."""
        self._writer.close()

    # Events

    def accept(self, body: bytes, received_at: datetime, kind: EventKind = "alert", heard: Collection[str] = ()) -> int:
        """Keep a payload.

        Args:
            heard: the keys of the watchdogs that are in it.

        Returns:
            The event's id.

        Raises:
            StoreError: it is not kept.
        """
        row = {"received_at": received_at, "body": body, "kind": kind, "state": "accepted", "attempts": 0}
        return self._acceptor.write(self._accept, (row, heard))

    def _accept(self, connection: Connection, items: Sequence[tuple[dict[str, Any], Collection[str]]]) -> list[int]:
        ids = [int(row.id) for row in _ACCEPT.row_of_each(connection, [row for row, _ in items])]
        if heard := {key for _, keys in items for key in keys}:
            watchdogs.hear(connection, heard, max(row["received_at"] for row, keys in items if keys))
        notify(connection, EVENTS)
        return ids

    def claim_events(self, now: datetime, lease_seconds: float, *, anew: bool = False) -> list[Event]:
        """Take the oldest events that are to be planned, unless another process is planning.

        One plans at a time, and in order: so a group's later state is never planned before an earlier one.

        Args:
            anew: this process has none in hand. What stands in its name is then of a claim that was kept though it was
                said to have failed, and comes first.
        """
        asked = planning.Asked(now, lease_seconds, anew, self.owner)
        with self._reading() as connection:
            if not planning.worth_asking(connection, asked):
                return []
        return self._writer.write(_take, asked, durable=False)

    # Plans

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Keep what becomes of events that this process holds.

        Returns:
            Those that were kept: an event whose lease was lost meanwhile is another process' to plan, and so are
            those behind it.
        """
        prepared = [planning.Rows.of(plan) for plan in plans]
        # Undone by a loss of power, the events are there to be planned again: they were kept for good before.
        return self._writer.write(self._plan, prepared, durable=False)

    def _plan(self, connection: Connection, items: Sequence[Sequence[planning.Rows]]) -> list[list[Plan]]:
        return [planning.keep(connection, planned, self.owner) for planned in items]

    def keep_routing(self, routing_id: str, document: str, now: datetime) -> None:
        """Keep what says who hears of what, so that it can be told later why somebody did or did not."""
        self._writer.write(_keep_routing, {"id": routing_id, "document": plain_text(document), "kept_at": now})

    # What is not told for now

    def ask_again(self) -> int:
        """Have all that is not told for now looked at, as who hears of what may have changed; how many alerts.

        What fires no more inhibits no more, whatever is kept of it.
        """
        return self._writer.write(_ask_again, None, durable=False)

    def postpone(self, still: Sequence[tuple[Due, Mapping[str, Withheld]]]) -> None:
        """Keep why alerts are not told yet, and when they are to be looked at again."""
        self._writer.write(_postpone, still, durable=False)

    def ask_later(self, some: Sequence[Due], again_at: datetime) -> None:
        """Have alerts that are not told for now looked at again then, unless they are planned anew meanwhile."""
        self._writer.write(_ask_later, (some, again_at), durable=False)

    def add_sources(self, inhibiting: Mapping[str, Sequence[str]]) -> None:
        """Keep that alerts inhibit others, by fingerprint the scopes; those that are over by now are left out."""
        self._writer.write(_add_sources, inhibiting, durable=False)

    # What is looked up again

    def rereads_due(self, now: datetime) -> bool:
        """Whether there are groups of which what was found is to be looked up again by then."""
        with self._reading() as connection:
            return rereads.due(connection, now)

    def have_reread(self, now: datetime, at_most: int) -> int:
        """Have it looked up, by events of their own; of how many groups."""
        return self._writer.write(_have_reread, (now, at_most))

    # Housekeeping

    def release(self, owner_prefix: str = "") -> int:
        """Give back what processes hold that have ended: those whose name begins so.

        Returns:
            How many events, deliveries and remediations came back.
        """
        return self._writer.write(self._release, owner_prefix, durable=False)

    def _release(self, connection: Connection, prefixes: Sequence[str]) -> list[int]:
        released = []
        for prefix in prefixes:
            count = 0
            for table, at_work in ((events, ACCEPTED), (deliveries, PENDING), (remediations, _UNDONE)):
                held = and_(
                    at_work,
                    table.c.lease_owner.is_not(None),
                    table.c.lease_owner.startswith(prefix, autoescape=True),
                )
                count += connection.execute(
                    update(table).where(held).values(lease_owner=None, lease_until=None)
                ).rowcount
            # One of them may have been probing a destination; what came of that nobody knows.
            connection.execute(
                update(destinations).where(destinations.c.probing).values(paused_until=None, probing=False)
            )
            released.append(count)
        return released

    def probe(self, now: datetime) -> None:
        """Write one row.

        Raises:
            StoreError: nothing can be kept just now.
        """
        self._writer.write(_probe, now)


def _take(connection: Connection, items: Sequence[planning.Asked]) -> list[list[Event]]:
    return [planning.take(connection, asked) for asked in items]


def _keep_routing(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[None]:
    upsert(connection, routings, {row["id"]: row for row in rows}.values())
    return [None] * len(rows)


def _ask_again(connection: Connection, items: Sequence[None]) -> list[int]:
    planning.lock(connection)
    withholding.drop_stale_sources(connection)
    return [withholding.ask_again(connection)] * len(items)


def _postpone(connection: Connection, items: Sequence[Sequence[tuple[Due, Mapping[str, Withheld]]]]) -> list[None]:
    planning.lock(connection)
    for still in items:
        withholding.postpone(connection, still)
    return [None] * len(items)


def _ask_later(connection: Connection, items: Sequence[tuple[Sequence[Due], datetime]]) -> list[None]:
    planning.lock(connection)
    for some, again_at in items:
        withholding.ask_later(connection, some, again_at)
    return [None] * len(items)


def _add_sources(connection: Connection, items: Sequence[Mapping[str, Sequence[str]]]) -> list[None]:
    # Else one that ends just now would inhibit for ever.
    planning.lock(connection)
    for inhibiting in items:
        withholding.add_sources(connection, inhibiting)
    return [None] * len(items)


def _have_reread(connection: Connection, items: Sequence[tuple[datetime, int]]) -> list[int]:
    # Two processes would ask for the same.
    planning.lock(connection)
    return [rereads.have_reread(connection, *item) for item in items]


def _probe(connection: Connection, moments: Sequence[datetime]) -> list[None]:
    upsert(connection, probes, [{"id": 1, "written_at": moments[-1]}])
    return [None] * len(moments)
