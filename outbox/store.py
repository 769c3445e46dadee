"""The store: events in, plans kept. Each method is one transaction; what it returns has been committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from alerts.history import History
from alerts.model import Alert
from alerts.severity import SEVERITIES, alert_severity
from outbox.holding import holding_digests
from outbox.lanes import clock, ended
from outbox.losses import Losses
from outbox.notices import DELIVERIES, EVENTS, Listener, notify
from outbox.prepared import OneOf, Prepared
from outbox.queue import Queue
from outbox.reports import Reports
from outbox.retention import Retention
from outbox.rows import (
    ALERT,
    FINDINGS,
    HISTORY,
    THREAD,
    Event,
    EventKind,
    Plan,
    delivery_row,
    group_id,
    json_text,
    plain_text,
    read_alerts,
)
from outbox.statements import insert_rows, up_to_bytes, update_each, upsert
from outbox.tables import ACCEPTED, PENDING, alerts, deliveries, destinations, events, groups, probes, threads
from outbox.trouble import Announcements
from outbox.writer import Writer

_EVENTS_AT_ONCE = 200
_PLANNING_LOCK = 0x616C6572_01


_ACCEPT = Prepared(insert(events).returning(events.c.id), ("received_at", "body", "kind", "state", "attempts"))
_WAITS = {
    False: Prepared(select(events.c.id).where(ACCEPTED, ended(events.c.lease_until)).limit(1)),
    True: Prepared(select(events.c.id).where(ACCEPTED).limit(1)),
}
_OTHERS_PLAN = Prepared(
    select(events.c.id).where(ACCEPTED, events.c.lease_owner != bindparam("me"), ~ended(events.c.lease_until)).limit(1)
)
_NOT_MINE = or_(events.c.lease_owner != bindparam("me"), ended(events.c.lease_until))


def _taking(*which: ColumnElement[bool]) -> Prepared:
    sized = select(events.c.id, func.length(events.c.body).label("size")).where(ACCEPTED, *which)
    oldest = up_to_bytes(sized.order_by(events.c.id).limit(_EVENTS_AT_ONCE), "id")
    return Prepared(
        update(events)
        .where(events.c.id.in_(oldest))
        .values(lease_owner=bindparam("me"), lease_until=bindparam("until"), attempts=events.c.attempts + 1)
        .returning(events.c.id, events.c.received_at, events.c.body, events.c.attempts, events.c.kind)
    )


_TAKE = {False: _taking(_NOT_MINE), True: _taking()}
"""By whether what this process holds is taken, too."""

_given_back = and_(events.c.lease_owner.is_(None), events.c.attempts > 0)
_FIRST_OF_OTHERS = Prepared(
    select(func.min(events.c.id).label("id")).where(ACCEPTED, or_(_given_back, events.c.lease_owner != bindparam("me")))
)
_MINE = Prepared(
    select(events.c.id).where(OneOf(events.c.id, "some"), ACCEPTED, events.c.lease_owner == bindparam("me"))
)
_HISTORIES = Prepared(select(groups.c.group_id, groups.c.history).where(OneOf(groups.c.group_id, "some")))
_TOLD_OR_WAITING = (
    Prepared(
        select(deliveries.c.group_id, deliveries.c.destination, literal_column("NULL").label("thread")).where(
            OneOf(deliveries.c.group_id, "some"), PENDING
        )
    ),
    Prepared(
        select(threads.c.group_id, threads.c.destination, threads.c.thread).where(
            OneOf(threads.c.group_id, "some"), threads.c.open == 1
        )
    ),
)


class Store(Reports):
    """What is kept.

    Args:
        engine: with tables of this version.
        owner: this process, as it holds what it works on: no two that live share it.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        super().__init__(engine)
        self.owner = owner
        self._writer = Writer(engine)
        # PostgreSQL has many writers: what is to be answered at once need not wait for plans and claims.
        self._acceptor = Writer(engine) if engine.dialect.name == "postgresql" else self._writer
        self.queue = Queue(engine, self._writer, owner)
        self.announcements = Announcements(self._reading, self._writer)
        self.losses = Losses(self._reading, self._writer)
        self.retention = Retention(self._reading, self._writer)

    def listener(self, events_ring: Callable[[], None], deliveries_ring: Callable[[], None]) -> Listener:
        """Hears of what other processes leave to be done."""
        return Listener(self._engine, {EVENTS: events_ring, DELIVERIES: deliveries_ring})

    # Events

    def accept(self, body: bytes, received_at: datetime, kind: EventKind = "alert") -> int:
        """Keep a payload.

        Returns:
            The event's id.

        Raises:
            StoreError: it is not kept.
        """
        row = {"received_at": received_at, "body": body, "kind": kind, "state": "accepted", "attempts": 0}
        return self._acceptor.write(self._accept, row)

    def _accept(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
        ids = [int(row.id) for row in _ACCEPT.row_of_each(connection, rows)]
        notify(connection, EVENTS)
        return ids

    def claim_events(self, now: datetime, lease_seconds: float, *, anew: bool = False) -> list[Event]:
        """Take the oldest events that are to be planned, unless another process is planning.

        One plans at a time, and in order: so a group's later state is never planned before an earlier one.

        Args:
            anew: this process has none in hand. What stands in its name is then of a claim that was kept though it was
                said to have failed, and comes first.
        """
        with self._reading() as connection:
            if _WAITS[anew].first(connection, clock(now, lease_seconds)) is None:
                return []
            if self._another_plans(connection, now, lease_seconds):
                return []
        return self._writer.write(self._claim_events, (now, lease_seconds, anew), durable=False)

    def _another_plans(self, connection: Connection, now: datetime, lease_seconds: float) -> bool:
        return _OTHERS_PLAN.first(connection, {**clock(now, lease_seconds), "me": self.owner}) is not None

    def _claim_events(self, connection: Connection, items: Sequence[tuple[datetime, float, bool]]) -> list[list[Event]]:
        return [self._claim_events_once(connection, *item) for item in items]

    def _claim_events_once(
        self, connection: Connection, now: datetime, lease_seconds: float, anew: bool
    ) -> list[Event]:
        _lock_planning(connection)
        if self._another_plans(connection, now, lease_seconds):
            return []
        lease_until = now + timedelta(seconds=lease_seconds)
        parameters = {**clock(now, lease_seconds), "me": self.owner, "until": lease_until}
        rows = _TAKE[anew].rows(connection, parameters)
        return sorted((Event(*row) for row in rows), key=lambda event: event.id)

    # Plans

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Keep what becomes of events that this process holds.

        Returns:
            Those that were kept: an event whose lease was lost meanwhile is another process' to plan, and so are
            those behind it.
        """
        prepared = [(plan, list(_delivery_rows(plan)), list(_alert_rows(plan))) for plan in plans]
        # Undone by a loss of power, the events are there to be planned again: they were kept for good before.
        return self._writer.write(self._plan, prepared, durable=False)

    def _plan(self, connection: Connection, items: Sequence[Any]) -> list[list[Plan]]:
        _lock_planning(connection)
        return [self._plan_once(connection, item) for item in items]

    def _plan_once(self, connection: Connection, prepared: Sequence[Any]) -> list[Plan]:
        held = self._held([plan.event.id for plan, _, _ in prepared], connection)
        kept = [each for each in prepared if each[0].event.id in held]
        if not kept:
            return []
        update_each(connection, events, {plan.event.id: _event_values(plan) for plan, _, _ in kept})
        delivery_rows = [row for _, rows, _ in kept for row in rows]
        if delivery_rows:
            insert_rows(connection, deliveries, delivery_rows)
            notify(connection, DELIVERIES)
        alert_rows = {(row["fingerprint"], row["group_id"]): row for _, _, rows in kept for row in rows}
        upsert(connection, alerts, alert_rows.values())
        history_rows = {row["group_id"]: row for plan, _, _ in kept for row in _history_rows(plan)}
        upsert(connection, groups, history_rows.values())
        for plan, _, _ in kept:
            for group_key in plan.heard_again:
                same = and_(alerts.c.group_id == group_id(group_key), alerts.c.status == "firing")
                connection.execute(update(alerts).where(same).values(updated_at=plan.event.received_at))
        return [plan for plan, _, _ in kept]

    def _held(self, ids: Sequence[int], connection: Connection) -> set[int]:
        """Of these events those that are still this process' to plan: none that waits before them is another's.

        One that nobody ever took up was accepted at the same time and became visible later (on PostgreSQL, where ids
        are given before a commit): it was not before them.
        """
        first_of_others = _FIRST_OF_OTHERS.values(connection, {"me": self.owner})[0]
        held = _MINE.values(connection, {"some": ids, "me": self.owner})
        return {each for each in held if first_of_others is None or each < first_of_others}

    # What planning needs to know

    def histories(self, group_keys: Iterable[str]) -> dict[str, History]:
        """What is remembered of groups, by their keys; those never heard of are left out."""
        keys = {group_id(key): key for key in group_keys}
        found: dict[str, History] = {}
        if not keys:
            return found
        with self._reading() as connection:
            rows = _HISTORIES.rows(connection, {"some": list(keys)})
        for row in rows:
            try:
                found[keys[row.group_id]] = HISTORY.validate_json(row.history)
            except ValidationError:
                # Another version's: the group is then one that was never heard of.
                continue
        return found

    def firing(self, group_key: str, limit: int) -> list[Alert]:
        """The alerts that are known to fire in a group, those heard of last first."""
        with self._reading() as connection:
            known = select(alerts.c.alert).where(alerts.c.group_id == group_id(group_key), alerts.c.status == "firing")
            rows = connection.execute(known.order_by(alerts.c.updated_at.desc()).limit(limit)).scalars().all()
        return list(read_alerts(rows))

    def silent(self, group_key: str, before: datetime) -> set[str]:
        """The fingerprints of a group's alerts that fire and were last heard of before a time."""
        with self._reading() as connection:
            quiet = select(alerts.c.fingerprint).where(
                alerts.c.group_id == group_id(group_key), alerts.c.status == "firing", alerts.c.updated_at < before
            )
            return set(connection.execute(quiet).scalars())

    def holders(self, group_keys: Iterable[str]) -> dict[str, dict[str, frozenset[str]]]:
        """Which destinations hold, or are about to be told, something of groups that is not over there.

        Returns:
            By group key and destination the fingerprints that it holds; empty where that is not known yet.
        """
        keys = {group_id(key): key for key in group_keys}
        found: dict[str, dict[str, frozenset[str]]] = {}
        with self._reading() as connection:
            for statement in _TOLD_OR_WAITING:
                for row in statement.rows(connection, {"some": list(keys)}):
                    held = _open_fingerprints(row.thread) if row.thread else frozenset[str]()
                    found.setdefault(keys[row.group_id], {})[row.destination] = held
            for (of_group, destination), heard in holding_digests(connection, list(keys)).items():
                of_destination = found.setdefault(keys[of_group], {})
                of_destination[destination] = heard or of_destination.get(destination, heard)
        return found

    def silent_alerts(self, before: datetime, limit: int) -> list[tuple[str, Alert]]:
        """Alerts that fire and were last heard of before a time, the longest ago first, each with its group's key."""
        silent = (
            select(groups.c.group_key, alerts.c.alert)
            .join(groups, groups.c.group_id == alerts.c.group_id)
            .where(alerts.c.status == "firing", alerts.c.updated_at < before)
            .order_by(alerts.c.updated_at)
            .limit(limit)
        )
        with self._reading() as connection:
            rows = connection.execute(silent).all()
        return [(row.group_key, alert) for row in rows for alert in read_alerts([row.alert])]

    def lapse_waits(self) -> bool:
        """Whether alerts that are to be taken as over wait for being planned."""
        waits = select(events.c.id).where(events.c.state == "accepted", events.c.kind == "lapse").limit(1)
        with self._reading() as connection:
            return connection.execute(waits).first() is not None

    # Housekeeping

    def release(self, owner_prefix: str = "") -> int:
        """Give back what processes hold that have ended: those whose name begins so.

        Returns:
            How many events and deliveries came back.
        """
        return self._writer.write(self._release, owner_prefix, durable=False)

    def _release(self, connection: Connection, prefixes: Sequence[str]) -> list[int]:
        released = []
        for prefix in prefixes:
            count = 0
            for table, at_work in ((events, ACCEPTED), (deliveries, PENDING)):
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


def _open_fingerprints(thread: str) -> frozenset[str]:
    try:
        return frozenset(THREAD.validate_json(thread).open_fingerprints)
    except ValidationError:
        # Another version's: what it holds is not known.
        return frozenset()


def _probe(connection: Connection, moments: Sequence[datetime]) -> list[None]:
    upsert(connection, probes, [{"id": 1, "written_at": moments[-1]}])
    return [None] * len(moments)


def _lock_planning(connection: Connection) -> None:
    """On PostgreSQL writers do not wait for each other by themselves; SQLite's do."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_PLANNING_LOCK)))


def _event_values(plan: Plan) -> dict[str, Any]:
    return {
        "state": plan.state,
        "error": plain_text(plan.error) if plan.error else None,
        "duplicate_of": plan.duplicate_of,
        "lease_owner": None,
        "lease_until": None,
    }


def _delivery_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for planned in plan.deliveries:
        yield delivery_row(planned, plan.event.id, plan.event.received_at)


def _history_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for group_key, history in plan.histories.items():
        yield {
            "group_id": group_id(group_key),
            "group_key": plain_text(group_key),
            "history": json_text(HISTORY, history),
            "updated_at": plan.event.received_at,
        }


def _alert_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    heard_by = _heard_by(plan)
    for group_key, alert, findings in plan.alerts:
        yield {
            "fingerprint": plain_text(alert.fingerprint),
            "group_id": group_id(group_key),
            "status": alert.status,
            "severity": SEVERITIES.index(alert_severity(alert)),
            "alert": json_text(ALERT, alert),
            "findings": json_text(FINDINGS, findings),
            "destinations": "\n".join(heard_by.get((group_key, alert.fingerprint), ())),
            "event_id": plan.event.id,
            "updated_at": plan.event.received_at,
            "lapsed": int(plan.event.kind == "lapse"),
        }


def _heard_by(plan: Plan) -> dict[tuple[str, str], list[str]]:
    """By group and fingerprint the destinations whose part of the group the alert is in."""
    found: dict[tuple[str, str], list[str]] = {}
    for planned in plan.deliveries:
        group = planned.notification.group
        destination = plain_text(planned.notification.destination)
        for alert in group.alerts:
            found.setdefault((group.group_key, alert.fingerprint), []).append(destination)
    return found
