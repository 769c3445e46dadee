"""The queue of deliveries: what is taken to be sent, and what came of it.

For each destination and group one delivery is in flight at most, and the newest state that waits is the one that is
sent. Each method is one transaction; with it go those of other threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from outbox import claiming, destinations, settling, steering
from outbox.claiming import Asked, Taken
from outbox.composing import Group
from outbox.database import StoreError, explained
from outbox.lanes import DUE, FREE, Lane, clock
from outbox.prepared import Prepared
from outbox.records import Delivery
from outbox.rows import delivery_of
from outbox.settling import Settlement
from outbox.tables import PENDING, deliveries
from outbox.writer import Writer

_OLDEST_FIRST_EVERY = 4
_WAITING = Prepared(select(deliveries.c.destination).distinct().where(PENDING, DUE, FREE))


@dataclass(frozen=True, slots=True)
class Claim:
    """What was taken.

    Attributes:
        settled: what need not be sent any more, as (destination, state) pairs.
        look_at: when more may be taken of what waits; None when nothing tells.
        more: there may be more that could be taken at once.
    """

    deliveries: tuple[Delivery, ...] = ()
    settled: tuple[tuple[str, str], ...] = ()
    look_at: datetime | None = None
    more: bool = False


class Queue:
    """Deliveries on their way.

    Args:
        owner: this process, as it holds what it works on.
    """

    def __init__(self, engine: Engine, writer: Writer, owner: str) -> None:
        self._engine = engine
        self._writer = writer
        self._owner = owner
        self._turns = 0

    def waiting(self, now: datetime, lease_seconds: float) -> list[str]:
        """The destinations for which something waits that is due and held by nobody.

        Raises:
            StoreError: the database does not answer.
        """
        try:
            with self._engine.connect().execution_options(read_only=True) as connection:
                return _WAITING.values(connection, clock(now, lease_seconds))
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(explained(error)) from None

    def claim(self, lanes: Sequence[Lane], now: datetime, lease_seconds: float) -> Claim:
        """Take what may be sent: of each destination and group the newest state, critical ones first.

        Every fourth time the oldest go first, whatever they are, so that nothing waits for ever.

        Raises:
            StoreError: nothing was taken.
        """
        self._turns += 1
        oldest_first = self._turns % _OLDEST_FIRST_EVERY == 0
        asked = Asked(lanes, now, lease_seconds, oldest_first, self._owner)
        # Whoever is woken must hear the end of what was attempted, whatever lost its power while it was sent.
        taken = self._writer.write(_take, asked, durable=any(lane.wakes for lane in lanes))
        made = tuple(_delivery(group, asked) for group in taken.groups)
        return Claim(made, tuple(taken.settled), min(taken.look_at, default=None), taken.more)

    def settle(self, settlements: Sequence[Settlement]) -> list[bool | Exception]:
        """Keep what attempts led to, in one transaction.

        Returns:
            For each False when this process no longer held the delivery, and nothing was kept of it; the error of one
            that cannot be kept.

        Raises:
            StoreError: nothing was kept of any.
        """
        kept = self._writer.write_each(self._settle, settlements)
        errors = [each for each in kept if isinstance(each, StoreError)]
        if errors and len(errors) == len(kept):
            raise errors[0]
        return kept

    def _settle(self, connection: Connection, settlements: Sequence[Settlement]) -> list[bool]:
        return settling.settle(connection, settlements, self._owner)

    def give_back(self, delivery: Delivery) -> None:
        """Let go of a delivery that was not sent.

        Raises:
            StoreError: it comes back with its lease.
        """
        self._writer.write(self._give_back, delivery, durable=False)

    def _give_back(self, connection: Connection, items: Sequence[Delivery]) -> list[None]:
        settling.give_back(connection, items, self._owner)
        return [None] * len(items)

    def retry(self, delivery_id: int, now: datetime) -> str | None:
        """Have a delivery that is dead, or waits for its next attempt, tried again at once.

        Returns:
            Why not; None when it is.
        """
        try:
            with self._engine.connect().execution_options(read_only=True) as connection:
                ahead = steering.look_ahead(connection, delivery_id)
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(explained(error)) from None
        return self._writer.write(_retry, (delivery_id, now, ahead))

    def drop(self, delivery_id: int, now: datetime) -> str | None:
        """Have a delivery that waits or is dead never sent.

        Returns:
            Why not; None when it is.
        """
        return self._writer.write(_drop, (delivery_id, now))


def _take(connection: Connection, items: Sequence[Asked]) -> list[Taken]:
    if len(items) > 1:
        destinations.load(connection, [lane.destination for asked in items for lane in asked.lanes], lock=True)
    return [claiming.take(connection, asked) for asked in items]


def _retry(connection: Connection, items: Sequence[tuple[int, datetime, steering.Ahead]]) -> list[str | None]:
    return [steering.retry(connection, *item) for item in items]


def _drop(connection: Connection, items: Sequence[tuple[int, datetime]]) -> list[str | None]:
    return [steering.drop(connection, *item) for item in items]


def _delivery(group: Group, asked: Asked) -> Delivery:
    row = group.newest
    return delivery_of(row, group.text, group.thread, asked.lease_until)
