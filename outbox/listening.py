"""The clock that silence is measured by: for how long somebody has been listening, whatever wall clocks do.

A row of the database holds how much of that there was. Each process that listens looks every few seconds, and says how
long it has lived since it last did, by a clock that nobody sets; the highest of what is said holds. Where nobody looked
for a while, for no process lived, or the database was away, nothing could be heard: that time does not count, and the
listening begins anew. So neither a wall clock that is put forward nor the service's own absence is taken for silence.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from outbox.statements import insert_missing
from outbox.tables import listening as table

TICKS_PER_SECOND = 1_000_000

JOIN_SECONDS = 10.0
"""For how long a process that begins only looks whether others listen: longer than between two of their looks."""

GAP_SECONDS = 20.0
"""Nobody looked for longer: nobody listened. A database that is only busy keeps a look or two waiting."""

_OTHERS_TICKS = TICKS_PER_SECOND
_ID = 1
_c = table.c


def lived() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Moment:
    """What time it is.

    Attributes:
        ticks: microseconds in which somebody listened.
        since_ticks: since when that was without a gap.
        joined: whether this process knows by now.
    """

    ticks: int
    since_ticks: int
    joined: bool


class Listening:
    """One process' part in it; for one thread.

    Args:
        lived: seconds by a clock that nobody sets.
    """

    def __init__(self, lived: Callable[[], float] = lived) -> None:
        self._lived = lived
        self._joined = False
        self._seen: tuple[int, float] | None = None

    def advance(self, connection: Connection) -> Moment:
        """Say that this process listens; nobody else looks until the transaction ends."""
        row = connection.execute(select(_c.ticks, _c.since_ticks).where(_c.id == _ID).with_for_update()).first()
        if row is None:
            insert_missing(connection, table, {"id": _ID, "ticks": 0, "since_ticks": 0})
            row = connection.execute(select(_c.ticks, _c.since_ticks).where(_c.id == _ID).with_for_update()).one()
        ticks, anew = self._reached(row.ticks)
        since_ticks = ticks if anew else row.since_ticks
        if (ticks, since_ticks) != (row.ticks, row.since_ticks):
            connection.execute(update(table).where(_c.id == _ID).values(ticks=ticks, since_ticks=since_ticks))
        return Moment(ticks, since_ticks, self._joined)

    def _reached(self, stored: int) -> tuple[int, bool]:
        """The time, given what stands in the row; and whether nobody listened before."""
        now = self._lived()
        if self._seen is None:
            self._seen = stored, now
        ticks, at = self._seen
        if not self._joined:
            if now - at < JOIN_SECONDS:
                return stored, False
            self._joined, self._seen = True, (stored, now)
            return stored, stored - ticks < _OTHERS_TICKS
        passed = int(max(0.0, now - at) * TICKS_PER_SECOND)
        if passed - (stored - ticks) > GAP_SECONDS * TICKS_PER_SECOND:
            self._seen = stored, now
            return stored, True
        reached = max(stored, ticks + passed)
        self._seen = reached, now
        return reached, False
