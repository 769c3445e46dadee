"""The store: every statement that writes. Each method is one transaction; what it returns has been committed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    ScalarSelect,
    Select,
    and_,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from alerts.model import Alert, AlertGroup
from alerts.notification import Notification, Thread
from alerts.severity import SEVERITIES, alert_severity
from outbox.database import BUSY_TIMEOUT_SECONDS, StoreError, explained
from outbox.reports import Reports
from outbox.retry import Outcome
from outbox.rows import (
    ALERT,
    FINDINGS,
    NOTIFICATION,
    THREAD,
    Delivery,
    Event,
    Plan,
    group_id,
    json_text,
    plain_text,
)
from outbox.tables import alerts, deliveries, events, probes, threads

_EVENTS_AT_ONCE = 100
# Of bodies (bytes) and notifications (characters) taken up at once; one that is larger is taken alone.
_BYTES_AT_ONCE = 8 * 1024 * 1024


class Store(Reports):
    """What is kept.

    Args:
        engine: with tables of this version.
        owner: this process, as it holds what it works on: no two that live share it.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        super().__init__(engine)
        self.owner = owner
        self._writer = threading.Lock()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        # One at a time: those who wait within SQLite sleep, and the last to come may be the first to go on.
        if not self._writer.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StoreError("the database is busy")
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(explained(error)) from None
        finally:
            self._writer.release()

    def accept(self, body: bytes, received_at: datetime) -> int:
        """Keep a payload.

        Returns:
            The event's id.

        Raises:
            StoreError: it is not kept.
        """
        statement = insert(events).values(received_at=received_at, body=body, state="accepted", attempts=0)
        with self._writing() as connection:
            key = connection.execute(statement).inserted_primary_key
        assert key is not None
        return int(key[0])

    def claim_events(self, now: datetime, lease_seconds: float) -> list[Event]:
        """Take the oldest events that are to be planned, unless another process is planning.

        One plans at a time, and in order: so a group's later state is never planned before an earlier one.
        """
        free = or_(events.c.lease_until.is_(None), events.c.lease_until < now)
        oldest = _up_to_bytes(
            select(events.c.id, func.length(events.c.body).label("size"))
            .where(events.c.state == "accepted", free)
            .order_by(events.c.id)
            .limit(_EVENTS_AT_ONCE),
            "id",
        )
        other = events.alias("other")
        busy = exists().where(
            other.c.state == "accepted", other.c.lease_owner != self.owner, other.c.lease_until >= now
        )
        statement = (
            update(events)
            .where(events.c.id.in_(oldest), ~busy)
            .values(
                lease_owner=self.owner,
                lease_until=now + timedelta(seconds=lease_seconds),
                attempts=events.c.attempts + 1,
            )
            .returning(events.c.id, events.c.received_at, events.c.body, events.c.attempts)
        )
        with self._writing() as connection:
            rows = connection.execute(statement).all()
        return sorted((Event(*row) for row in rows), key=lambda event: event.id)

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Keep what becomes of events that this process holds.

        Returns:
            Those that were kept: an event whose lease was lost meanwhile is another process' to plan, and so are
            those behind it.
        """
        with self._writing() as connection:
            kept = [plan for plan in plans if self._finish_event(connection, plan)]
            rows = [row for plan in kept for row in _delivery_rows(plan)]
            if rows:
                connection.execute(insert(deliveries), rows)
            states = {(row["fingerprint"], row["group_id"]): row for plan in kept for row in _alert_rows(plan)}
            if states:
                self._upsert(connection, alerts, list(states.values()))
        return kept

    def _finish_event(self, connection: Connection, plan: Plan) -> bool:
        other = events.alias("other")
        overtaken = exists().where(
            other.c.state == "accepted",
            other.c.id < plan.event.id,
            or_(other.c.lease_owner.is_(None), other.c.lease_owner != self.owner),
        )
        held = and_(
            events.c.id == plan.event.id,
            events.c.state == "accepted",
            events.c.lease_owner == self.owner,
            ~overtaken,
        )
        values = {
            "state": plan.state,
            "error": plain_text(plan.error) if plan.error else None,
            "lease_owner": None,
            "lease_until": None,
        }
        return connection.execute(update(events).where(held).values(values)).rowcount == 1

    def claim_deliveries(self, now: datetime, lease_seconds: float, limit: int) -> list[Delivery]:
        """Take deliveries that are due, the oldest first, of each destination and group only the first pending."""
        d, earlier = deliveries, deliveries.alias("earlier")
        behind = exists().where(
            earlier.c.destination == d.c.destination,
            earlier.c.group_id == d.c.group_id,
            earlier.c.id < d.c.id,
            earlier.c.state == "pending",
        )
        free = or_(d.c.lease_until.is_(None), d.c.lease_until < now)
        due = _up_to_bytes(
            select(d.c.id, d.c.due_at, func.length(d.c.notification).label("size"))
            .where(d.c.state == "pending", d.c.due_at <= now, free, ~behind)
            .order_by(d.c.due_at, d.c.id)
            .limit(limit),
            "due_at",
            "id",
        )
        lease_until = now + timedelta(seconds=lease_seconds)
        statement = (
            update(d)
            .where(d.c.id.in_(due))
            .values(lease_owner=self.owner, lease_until=lease_until, attempts=d.c.attempts + 1)
            .returning(d)
        )
        with self._writing() as connection:
            rows = connection.execute(statement).all()
            held = {row.id: self._thread(connection, row) for row in rows}
        return [_delivery(row, held[row.id]) for row in sorted(rows, key=lambda row: (row.due_at, row.id))]

    def _thread(self, connection: Connection, row: Row[Any]) -> str | None:
        return connection.execute(
            select(threads.c.thread).where(threads.c.destination == row.destination, threads.c.group_id == row.group_id)
        ).scalar()

    def settle(self, delivery: Delivery, outcome: Outcome, thread: Thread | None, now: datetime) -> bool:
        """Keep what an attempt led to.

        Args:
            thread: what the destination holds now; None when that has not changed.

        Returns:
            False when this process no longer held the delivery, and nothing was kept.
        """
        settled = outcome.state != "pending"
        held = and_(
            deliveries.c.id == delivery.id,
            deliveries.c.state == "pending",
            deliveries.c.lease_owner == self.owner,
            deliveries.c.lease_until == delivery.lease_until,
        )
        values = {
            "state": outcome.state,
            "detail": plain_text(outcome.detail),
            "settled_at": now if settled else None,
            "lease_owner": None,
            "lease_until": None,
        }
        if outcome.due_at is not None:
            values["due_at"] = outcome.due_at
        with self._writing() as connection:
            if connection.execute(update(deliveries).where(held).values(values)).rowcount != 1:
                return False
            if thread is not None:
                row = {
                    "destination": delivery.notification.destination,
                    "group_id": group_id(delivery.notification.group.group_key),
                    "thread": json_text(THREAD, thread),
                    "updated_at": now,
                }
                self._upsert(connection, threads, [row])
        return True

    def release(self, owner_prefix: str = "") -> int:
        """Give back what processes hold that have ended: those whose name begins so.

        Returns:
            How many events and deliveries came back.
        """
        released = 0
        with self._writing() as connection:
            for table in (events, deliveries):
                held = and_(
                    table.c.lease_owner.is_not(None),
                    table.c.lease_owner.startswith(owner_prefix, autoescape=True),
                )
                result = connection.execute(update(table).where(held).values(lease_owner=None, lease_until=None))
                released += result.rowcount
        return released

    def probe(self, now: datetime) -> None:
        """Write one row.

        Raises:
            StoreError: nothing can be kept just now.
        """
        with self._writing() as connection:
            self._upsert(connection, probes, [{"id": 1, "written_at": now}])

    def _upsert(self, connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
        dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def _delivery(row: Row[Any], thread: str | None) -> Delivery:
    unreadable = None
    try:
        notification = NOTIFICATION.validate_json(row.notification)
        held = THREAD.validate_json(thread) if thread else Thread()
    except ValidationError as error:
        # Written by another version: reported on as a delivery that failed, for it must not hold up the rest.
        unreadable = f"cannot be read any more ({error.error_count()} errors)"
        index = int(row.destination.rpartition("/")[2])
        notification = Notification(row.receiver, row.action, index, AlertGroup("", ()))
        held = Thread()
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        notification=notification,
        attempts=row.attempts,
        received_at=row.received_at,
        lease_until=row.lease_until,
        thread=held,
        unreadable=unreadable,
    )


def _up_to_bytes(rows: Select[Any], *order: str) -> ScalarSelect[Any]:
    """The ids of the first rows whose sizes add up to no more than is taken up at once, and at least of one."""
    sized = rows.subquery()
    before = func.sum(sized.c.size).over(order_by=[sized.c[name] for name in order]) - sized.c.size
    running = select(sized.c.id, sized.c.size, before.label("before")).subquery()
    fits = or_(running.c.before == 0, running.c.before + running.c.size <= _BYTES_AT_ONCE)
    return select(running.c.id).where(fits).scalar_subquery()


def _delivery_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for planned in plan.deliveries:
        notification = planned.notification
        yield {
            "event_id": plan.event.id,
            "destination": notification.destination,
            "receiver": notification.receiver,
            "action": notification.action,
            "group_id": group_id(notification.group.group_key),
            "notification": json_text(NOTIFICATION, notification),
            "state": "pending" if planned.suppressed is None else "suppressed",
            "attempts": 0,
            "due_at": plan.event.received_at,
            "received_at": plan.event.received_at,
            "settled_at": None if planned.suppressed is None else plan.event.received_at,
            "detail": planned.suppressed,
        }


def _alert_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for group_key, alert, findings in plan.alerts:
        yield {
            "fingerprint": plain_text(alert.fingerprint),
            "group_id": group_id(group_key),
            "status": alert.status,
            "severity": SEVERITIES.index(alert_severity(alert)),
            "alert": json_text(ALERT, alert),
            "findings": json_text(FINDINGS, findings),
            "destinations": "\n".join(_heard_by(plan, group_key, alert)),
            "event_id": plan.event.id,
            "updated_at": plan.event.received_at,
        }


def _heard_by(plan: Plan, group_key: str, alert: Alert) -> Iterator[str]:
    """The destinations whose part of the group this alert is in."""
    for planned in plan.deliveries:
        group = planned.notification.group
        if group.group_key == group_key and any(each.fingerprint == alert.fingerprint for each in group.alerts):
            yield plain_text(planned.notification.destination)
