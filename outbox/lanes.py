"""A lane: one destination, as it is asked for work; and what may be taken from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, or_, select

from outbox.pacing import Pace
from outbox.prepared import OneOf, Prepared
from outbox.tables import PENDING, Moment, deliveries

# With a minute for clocks that differ, and for who waited for its turn since it looked at its own.
_LONGEST_PAUSE_SECONDS = 360.0
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
        timeline: it keeps a message for each group; to edit one disturbs nobody.
        external_url: where this service's pages are seen, "" when that is not known.
    """

    destination: str
    limit: int
    pace: Pace | None = None
    digest_after_seconds: float | None = None
    wakes: bool = False
    timeline: bool = False
    external_url: str = ""


def clock(now: datetime, lease_seconds: float) -> dict[str, datetime]:
    """What `DUE` and `FREE` compare with, as a statement's parameters."""
    return {
        "now": now,
        "beyond_pause": now + timedelta(seconds=_LONGEST_PAUSE_SECONDS),
        "beyond_hold": now + timedelta(seconds=_LONGEST_HOLD_SECONDS),
        "beyond_lease": now + timedelta(seconds=2 * lease_seconds),
    }


def _moment(name: str) -> BindParameter[datetime]:
    return bindparam(name, type_=Moment())


def ended(lease_until: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a lease is over, or there is none; its clock is a parameter, see `clock`.

    One that lasts for more than twice as long as any was given before the clock was put back. (Not for longer than any:
    another process' clock may be ahead, or this one's `now` from before it waited for its turn.)
    """
    return or_(lease_until.is_(None), lease_until < _moment("now"), lease_until > _moment("beyond_lease"))


_d = deliveries.c

DUE: ColumnElement[bool] = or_(
    _d.due_at <= _moment("now"),
    and_(_d.attempts > 0, _d.due_at > _moment("beyond_pause")),
    _d.due_at > _moment("beyond_hold"),
)
"""Whether a delivery's time has come; what waits longer than anything may has seen the clock put back."""

FREE = ended(_d.lease_until)
"""Whether nobody holds a delivery."""


_LOCK_FREE = Prepared(
    select(_d.id).where(OneOf(_d.id, "some"), PENDING, FREE).order_by(_d.id).with_for_update(skip_locked=True)
)


def lock_free(connection: Connection, ids: Sequence[int], now: datetime, lease_seconds: float) -> set[int]:
    """Keep deliveries from changing until the transaction ends: those of them that wait and that nobody holds.

    One that is being settled, dropped or retried just now is left out, and not waited for. SQLite has one writer only.
    """
    if connection.dialect.name == "sqlite":
        return set(ids)
    return set(_LOCK_FREE.values(connection, {"some": sorted(ids), **clock(now, lease_seconds)}))
