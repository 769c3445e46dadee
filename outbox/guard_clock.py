"""The clock that cooldowns and caps go by: what the processes have lived through, whatever their wall clocks do.

A row of the database holds how much time has passed for certain. A process that has seen it, and has lived on for so
long since by a clock that nobody sets, knows that as much more has passed, and may say so; the highest of what is said
holds. So no clock that is put forward ends a cooldown; a clock that is put back makes none longer. While no process
lives the time stands still: what is to wait then waits longer, which is the safe side.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, func, select, update

from outbox.statements import insert_missing
from outbox.tables import remediation_control

TICKS_PER_SECOND = 1_000_000

_LOCK = 0x5265_6D65_6479
_ID = 1
_c = remediation_control.c


def lock(connection: Connection) -> None:
    """Let nobody else decide on what is done until the transaction ends; on SQLite nobody else writes anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def control_row(connection: Connection) -> None:
    """See to it that there is the one row that holds the clock and the switch."""
    insert_missing(connection, remediation_control, {"id": _ID, "ticks": 0, "enabled": True})


class GuardClock:
    """One process' part in it.

    Args:
        lived: seconds by a clock that nobody sets.
    """

    def __init__(self, lived: Callable[[], float] = time.monotonic) -> None:
        self._lived = lived
        self._lock = threading.Lock()
        self._seen: tuple[int, float] | None = None

    def advance(self, connection: Connection) -> int:
        """The time, in microseconds, after having said what this process knows; the row must be locked."""
        stored = connection.execute(select(_c.ticks).where(_c.id == _ID)).scalar()
        if stored is None:
            control_row(connection)
            stored = connection.execute(select(_c.ticks).where(_c.id == _ID)).scalar_one()
        now = self.at_least(stored)
        if now > stored:
            connection.execute(update(remediation_control).where(_c.id == _ID).values(ticks=now))
        return now

    def at_least(self, stored: int) -> int:
        """The time by what stands in the row and what this process knows."""
        with self._lock:
            lived = self._lived()
            now = stored
            if self._seen is not None:
                ticks, at = self._seen
                now = max(stored, ticks + int(max(0.0, lived - at) * TICKS_PER_SECOND))
            self._seen = now, lived
            return now
