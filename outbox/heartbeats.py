"""The calls of a switch outside: when the last one was, so that one process makes each, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, select, update

from outbox.rows import plain_text
from outbox.statements import insert_missing
from outbox.tables import ACCEPTED, PENDING, deliveries, events
from outbox.tables import heartbeats as table
from outbox.writer import Writer

_ID = 1
_c = table.c


@dataclass(frozen=True, slots=True)
class HeartbeatStatus:
    """What came of the calls.

    Attributes:
        succeeded_at: when the switch last took one; None where it never did.
        failed_at: when one could not be made, or was not to be; None where one was made since.
        problem: why; "" where one was made since.
    """

    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Outcome:
    now: datetime
    problem: str
    called_at: datetime | None


class Heartbeats:
    """The one row.

    Args:
        reading: opens a connection that only reads.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]], writer: Writer) -> None:
        self._reading = reading
        self._writer = writer

    def status(self) -> HeartbeatStatus:
        """What came of them."""
        wanted = select(_c.succeeded_at, _c.failed_at, _c.problem).where(_c.id == _ID)
        with self._reading() as connection:
            row = connection.execute(wanted).first()
        return HeartbeatStatus(row.succeeded_at, row.failed_at, row.problem or "") if row else HeartbeatStatus()

    def due(self, every_seconds: float, now: datetime) -> bool:
        """Whether it is time for a call."""
        with self._reading() as connection:
            called_at = connection.execute(select(_c.called_at).where(_c.id == _ID)).scalar()
        return _due(called_at, every_seconds, now)

    def oldest_waiting(self) -> datetime | None:
        """Since when something waits that could be done: an event for its plan, a delivery for its far side."""
        d = deliveries.c
        wanted_at = func.coalesce(d.wanted_at, d.received_at)
        # What is held for a while is not late before.
        since = case((and_(d.attempts == 0, d.due_at > wanted_at), d.due_at), else_=wanted_at)
        with self._reading() as connection:
            found = [
                connection.execute(select(func.min(events.c.received_at)).where(ACCEPTED)).scalar(),
                connection.execute(select(func.min(since, type_=d.due_at.type)).where(PENDING)).scalar(),
            ]
        return min((each for each in found if each is not None), default=None)

    def claim(self, every_seconds: float, now: datetime) -> bool:
        """Take the next call, unless another process has; that this can be kept is what the call says.

        Raises:
            StoreError: nothing can be kept just now.
        """
        return self._writer.write(_claim, (every_seconds, now))

    def settle(self, now: datetime, problem: str = "", called_at: datetime | None = None) -> None:
        """Keep what came of a call, or why none was made.

        Args:
            problem: "" where it was taken.
            called_at: since when the next one is waited for; None leaves it as it is.
        """
        self._writer.write(_settle, _Outcome(now, plain_text(problem), called_at), durable=False)


def _due(called_at: datetime | None, every_seconds: float, now: datetime) -> bool:
    # By another clock it may be yet to come. A call too many does no harm, one too few does.
    return called_at is None or not 0 <= (now - called_at).total_seconds() < every_seconds


def _claim(connection: Connection, items: Sequence[tuple[float, datetime]]) -> list[bool]:
    taken = []
    for every_seconds, now in items:
        insert_missing(connection, table, {"id": _ID})
        called_at = connection.execute(select(_c.called_at).where(_c.id == _ID).with_for_update()).scalar()
        taken.append(_due(called_at, every_seconds, now))
        if taken[-1]:
            connection.execute(update(table).where(_c.id == _ID).values(called_at=now))
    return taken


def _settle(connection: Connection, items: Sequence[_Outcome]) -> list[None]:
    for each in items:
        insert_missing(connection, table, {"id": _ID})
        values: dict[str, Any] = {"succeeded_at": each.now, "failed_at": None, "problem": None}
        if each.problem:
            values = {"failed_at": each.now, "problem": each.problem}
        if each.called_at is not None:
            values["called_at"] = each.called_at
        connection.execute(update(table).where(_c.id == _ID).values(values))
    return [None] * len(items)
