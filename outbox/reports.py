"""What is known, for people and metrics: read, never written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Row, case, func, select
from sqlalchemy.exc import SQLAlchemyError

from outbox import untold
from outbox.database import StoreError, explained
from outbox.rows import ALERT, FINDINGS, AlertStatus, Backlog, DeliveryStatus, EventStatus
from outbox.tables import alerts, deliveries, events


class Reports:
    """Answers from the database; each is of one moment.

    Args:
        engine: with tables of this version.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(read_only=True) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(explained(error)) from None

    def event(self, event_id: int) -> EventStatus | None:
        """What became of an event; None when there is none of that id."""
        columns = (events.c.id, events.c.received_at, events.c.state, events.c.error, events.c.duplicate_of)
        with self._reading() as connection:
            row = connection.execute(select(*columns).where(events.c.id == event_id)).first()
            if row is None:
                return None
            of_event = _delivery_statuses(connection, [event_id])
        return EventStatus(*row, tuple(of_event))

    def recent_alerts(self, limit: int) -> list[AlertStatus]:
        """The alerts that matter most, each with the deliveries of the event it was last in.

        Those that fire, the worst first, then those that are over; among equals the one heard of last.
        """
        worst = case((alerts.c.status == "firing", alerts.c.severity), else_=0)
        order = (alerts.c.status, worst, alerts.c.updated_at.desc(), alerts.c.fingerprint)
        with self._reading() as connection:
            rows = connection.execute(select(alerts).order_by(*order).limit(limit)).all()
            statuses = _delivery_statuses(connection, {row.event_id for row in rows})
        by_group: dict[tuple[int, str], list[DeliveryStatus]] = {}
        for status in statuses:
            by_group.setdefault((status.event_id, status.group_id), []).append(status)

        def told(row: Row[Any]) -> tuple[DeliveryStatus, ...]:
            heard_by = row.destinations.split("\n")
            of_group = by_group.get((row.event_id, row.group_id), ())
            return tuple(status for status in of_group if status.destination in heard_by)

        found = []
        for row in rows:
            try:
                alert, findings = ALERT.validate_json(row.alert), FINDINGS.validate_json(row.findings)
            except ValidationError:
                # Another version's; its deliveries go their way all the same.
                continue
            found.append(AlertStatus(alert, findings, row.event_id, row.updated_at, bool(row.lapsed), told(row)))
        return found

    def backlog(self) -> Backlog:
        """What waits."""
        with self._reading() as connection:
            counted = [
                connection.execute(
                    select(func.count(), func.min(table.c.received_at)).where(table.c.state == state)
                ).one()
                for table, state in ((events, "accepted"), (deliveries, "pending"))
            ]
        (waiting_events, first), (waiting_deliveries, second) = counted
        oldest = [moment for moment in (first, second) if moment is not None]
        return Backlog(waiting_events, waiting_deliveries, min(oldest, default=None))

    def firing_alerts(self) -> int:
        """How many alerts fire, as far as is known."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).where(alerts.c.status == "firing")).scalar_one()

    def dead_events(self) -> int:
        """How many payloads could not be planned: nobody was told of them."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).where(events.c.state == "dead")).scalar_one()

    def untold(self) -> dict[str, int]:
        """How many deliveries died at each destination, of which nothing later got through there."""
        with self._reading() as connection:
            return untold.untold(connection)

    def troubles(self) -> list[str]:
        """What was said last of each destination that is in trouble, in a sentence each."""
        with self._reading() as connection:
            return untold.troubles(connection)


def _delivery_statuses(connection: Connection, event_ids: Iterable[int]) -> list[DeliveryStatus]:
    columns = [deliveries.c[each.name] for each in fields(DeliveryStatus)]
    statement = select(*columns).where(deliveries.c.event_id.in_(list(event_ids))).order_by(deliveries.c.id)
    rows = connection.execute(statement).all()
    return [DeliveryStatus(**{**row._asdict(), "detail": row.detail or ""}) for row in rows]
