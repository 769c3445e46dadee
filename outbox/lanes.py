"""A lane: one destination, as it is asked for work; and what may be taken from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from outbox.pacing import Pace
from outbox.tables import deliveries

# With a minute for clocks that differ, and for who waited for its turn to write since it looked at its own.
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
    return ended(deliveries.c.lease_until, now, lease_seconds)


def ended(lease_until: ColumnElement[Any], now: datetime, lease_seconds: float) -> ColumnElement[bool]:
    """Whether a lease is over, or there is none.

    One that lasts for more than twice as long as any was given before the clock was put back. (Not for longer than any:
    another process' clock may be ahead, or this one's `now` from before it waited for its turn.)
    """
    beyond = now + timedelta(seconds=2 * lease_seconds)
    return or_(lease_until.is_(None), lease_until < now, lease_until > beyond)
