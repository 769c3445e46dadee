"""What is known, for people and metrics: read, never written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, Table, case, func, select
from sqlalchemy.exc import SQLAlchemyError

from alerts.history import History
from alerts.notification import Notification
from alerts.timeline import Acknowledgement
from outbox import listing, standing, untold
from outbox.database import StoreError, explained
from outbox.listing import ListedDelivery, Word
from outbox.records import AlertStatus, Backlog, DeliveryStatus, EventStatus
from outbox.rows import ALERT, FINDINGS, HISTORY
from outbox.standing import DestinationStatus
from outbox.tables import ACCEPTED, DEAD, PENDING, alerts, deliveries, events, groups
from outbox.vitals import Vitals, vitals


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
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(explained(error)) from None

    def event(self, event_id: int) -> EventStatus | None:
        """What became of an event; None when there is none of that id."""
        columns = (events.c.id, events.c.received_at, events.c.state, events.c.error, events.c.duplicate_of)
        with self._reading() as connection:
            row = connection.execute(select(*columns).where(events.c.id == event_id)).first()
            if row is None:
                return None
            of_event = listing.statuses(connection, [event_id])
        return EventStatus(*row, tuple(of_event))

    def deliveries(
        self,
        words: Sequence[Word] = (),
        *,
        now: datetime,
        limit: int,
        before_id: int | None = None,
        destination: str | None = None,
    ) -> tuple[ListedDelivery, ...]:
        """The newest deliveries, newest first.

        Args:
            words: of these states; all of them unless some are given.
            now: aware; what its destination does not take before a later moment is tried then.
            limit: at most so many.
            before_id: only those with a smaller id, such as the last one of the page before.
            destination: only those for it, "receiver/action/index".
        """
        with self._reading() as connection:
            found = listing.ids(connection, words, limit=limit, before_id=before_id, destination=destination)
            return _listed(connection, found, now)

    def delivery(self, delivery_id: int, now: datetime) -> ListedDelivery | None:
        """One delivery; None when there is none of that id."""
        with self._reading() as connection:
            return next(iter(_listed(connection, [delivery_id], now)), None)

    def delivery_ids(
        self, words: Sequence[Word], *, limit: int, before_id: int | None = None, destination: str | None = None
    ) -> list[int]:
        """The ids of what `deliveries` gives."""
        with self._reading() as connection:
            return listing.ids(connection, words, limit=limit, before_id=before_id, destination=destination)

    def digested(self, delivery_id: int) -> tuple[Notification, ...] | None:
        """What a digest tells of each group, the oldest first; None when there is no digest of that id."""
        with self._reading() as connection:
            return listing.digested(connection, delivery_id)

    def destinations(self, now: datetime, names: Iterable[str] = ()) -> list[DestinationStatus]:
        """How each destination stands, by name.

        Args:
            now: aware.
            names: those that are listed even when nothing is known of them.
        """
        with self._reading() as connection:
            return standing.standing(connection, now, names)

    def recent_alerts(self, limit: int) -> list[AlertStatus]:
        """The alerts that matter most, each with the deliveries of the event it was last in.

        Those that fire, the worst first, then those that are over; among equals the one heard of last.
        """
        worst = case((alerts.c.status == "firing", alerts.c.severity), else_=0)
        order = (alerts.c.status, worst, alerts.c.updated_at.desc(), alerts.c.fingerprint)
        with self._reading() as connection:
            rows = connection.execute(select(alerts).order_by(*order).limit(limit)).all()
            statuses = listing.statuses(connection, {row.event_id for row in rows})
            histories = _histories(connection, {row.group_id for row in rows if row.status == "firing"})
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
            withheld = json.loads(row.withheld or "{}")
            found.append(
                AlertStatus(
                    alert,
                    findings,
                    row.event_id,
                    row.updated_at,
                    bool(row.lapsed),
                    told(row),
                    withheld,
                    *_taken(histories.get(row.group_id) if alert.firing else None),
                )
            )
        return found

    def backlog(self) -> Backlog:
        """What waits."""
        with self._reading() as connection:
            waiting_events, first = connection.execute(_waiting(events, ACCEPTED)).one()
            waiting_deliveries, second = connection.execute(_waiting(deliveries, PENDING)).one()
        oldest = [moment for moment in (first, second) if moment is not None]
        return Backlog(waiting_events, waiting_deliveries, min(oldest, default=None))

    def waiting_events(self) -> tuple[int, datetime | None]:
        """How many events are to be planned, and since when the oldest of them waits."""
        with self._reading() as connection:
            count, oldest_at = connection.execute(_waiting(events, ACCEPTED)).one()
        return count, oldest_at

    def firing_alerts(self) -> int:
        """How many alerts fire, as far as is known."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).where(alerts.c.status == "firing")).scalar_one()

    def dead_events(self) -> int:
        """How many payloads could not be planned: nobody was told of them."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).where(DEAD)).scalar_one()

    def vitals(self) -> Vitals:
        """How the service and its storage are."""
        with self._reading() as connection:
            return vitals(connection)

    def untold(self) -> dict[str, int]:
        """How many deliveries died at each destination, of which nothing later got through there."""
        with self._reading() as connection:
            return untold.untold(connection)

    def troubles(self) -> list[str]:
        """What was said last of each destination that is in trouble, in a sentence each."""
        with self._reading() as connection:
            return untold.troubles(connection)


def _waiting(table: Table, at_work: ColumnElement[bool]) -> Select[int, Any]:
    return select(func.count(), func.min(table.c.received_at)).where(at_work)


def _taken(history: History | None) -> tuple[Acknowledgement | None, Acknowledgement | None]:
    """Who has taken a group over, and who had it silenced."""
    return (history.acknowledged, history.silenced) if history else (None, None)


def _histories(connection: Connection, group_ids: Collection[str]) -> dict[str, History]:
    """What is remembered of groups, by their ids."""
    found = {}
    asked = select(groups.c.group_id, groups.c.history).where(groups.c.group_id.in_(group_ids))
    for row in connection.execute(asked) if group_ids else ():
        try:
            found[row.group_id] = HISTORY.validate_json(row.history)
        except ValidationError:
            # Another version's.
            continue
    return found


def _listed(connection: Connection, delivery_ids: Sequence[int], now: datetime) -> tuple[ListedDelivery, ...]:
    """These deliveries; what waits is not tried before its destination takes something."""
    found = listing.listed(connection, delivery_ids)
    if not any(each.next_at for each in found):
        return tuple(found)
    moments = {each.name: each.next_at(None, now) for each in standing.known(connection)}

    def next_at(each: ListedDelivery) -> datetime | None:
        not_before = moments.get(each.destination)
        return max(each.next_at, not_before) if each.next_at and not_before else each.next_at

    return tuple(replace(each, next_at=next_at(each)) for each in found)
