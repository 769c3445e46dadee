"""A lane: one destination, as it is asked for work; and what may be taken from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from outbox.pacing import Pace
from outbox.statements import chunks
from outbox.tables import deliveries

_LONGEST_PAUSE_SECONDS = 300.0
# The longest that can be set, and a minute by which other replicas' clocks may differ.
_LONGEST_HOLD_SECONDS = 3_660.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A destination, and how much may be taken of what waits for it.

    Attributes:
        destination: "receiver/action/index".
        limit: at most so many deliveries.
        pace: how fast it is told; None for as fast as it goes.
        digest_after_seconds: when what waits would take longer than this at its pace, it is told in a digest; None
            where there are no digests.
        wakes: what is over already is not told there unless it may have been told before.
        external_url: where this service's pages are seen, "" when that is not known.
    """

    destination: str
    limit: int
    pace: Pace | None = None
    digest_after_seconds: float | None = None
    wakes: bool = False
    external_url: str = ""


def due(now: datetime) -> ColumnElement[bool]:
    """Whether a delivery's time has come; what waits longer than anything may has seen the clock put back."""
    d = deliveries
    no_pause = and_(d.c.attempts > 0, d.c.due_at > now + timedelta(seconds=_LONGEST_PAUSE_SECONDS))
    no_hold = d.c.due_at > now + timedelta(seconds=_LONGEST_HOLD_SECONDS)
    return or_(d.c.due_at <= now, no_pause, no_hold)


def free(now: datetime, lease_seconds: float) -> ColumnElement[bool]:
    """Whether nobody holds a delivery."""
    until = deliveries.c.lease_until
    return or_(until.is_(None), until < now, until > longest_lease(now, lease_seconds))


def longest_lease(now: datetime, lease_seconds: float) -> datetime:
    """What ends later was given before the clock was put back.

    Twice the lease, for other replicas' clocks are not quite the same as this one's, and who waits for the database
    asks with the time at which it began to wait.
    """
    return now + timedelta(seconds=2 * lease_seconds)


def lock_free(connection: Connection, ids: Sequence[int], now: datetime, lease_seconds: float) -> set[int]:
    """Keep deliveries from changing until the transaction ends: those of them that wait and that nobody holds.

    One that is being settled, dropped or retried just now is left out, and not waited for. SQLite has one writer only.
    """
    if connection.dialect.name == "sqlite":
        return set(ids)
    d = deliveries
    locked: set[int] = set()
    for some in chunks(sorted(ids)):
        statement = select(d.c.id).where(d.c.id.in_(some), d.c.state == "pending", free(now, lease_seconds))
        locked.update(connection.execute(statement.order_by(d.c.id).with_for_update(skip_locked=True)).scalars())
    return locked
