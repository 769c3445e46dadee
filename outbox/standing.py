"""How destinations stand, for people and metrics: how each fares, and what waits for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime

from sqlalchemy import Connection, case, func, select, text

from outbox.listing import failed_before
from outbox.pacing import UNPACED, Destination
from outbox.tables import PENDING, deliveries, destinations


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """How a destination stands.

    Attributes:
        name: "on-call/slack/0".
        failing: it has failed so often that it is told one thing at a time.
        failures: in a row.
        failing_since: when the first of them was.
        paused_until: nothing is sent before; None when it is not paused.
        throttled_until: until when it is told slowly, for it was told too much; None when it is not.
        error: the last one, "" when something was delivered since.
        waiting: how many deliveries are to be made.
        retrying: how many of them have failed before.
        oldest_at: since when the oldest of them waits.
        untold: how many are dead, with nothing later that got through.
    """

    name: str
    failing: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    throttled_until: datetime | None = None
    error: str = ""
    waiting: int = 0
    retrying: int = 0
    oldest_at: datetime | None = None
    untold: int = 0


def standing(connection: Connection, now: datetime, names: Iterable[str]) -> list[DestinationStatus]:
    """Every destination that is known or named, by name; it costs what waits, and nothing of what is finished."""
    d = deliveries
    found = {name: DestinationStatus(name) for name in names}
    found |= {each.name: _faring(each, now) for each in known(connection)}
    retrying = func.sum(case((failed_before(), 1), else_=0))
    pending = select(d.c.destination, func.count(), retrying, func.min(d.c.received_at)).where(PENDING)
    for name, waiting, of_them, oldest_at in connection.execute(pending.group_by(d.c.destination)):
        status = found.get(name, DestinationStatus(name))
        found[name] = replace(status, waiting=waiting, retrying=int(of_them), oldest_at=oldest_at)
    dead = select(d.c.destination, func.count()).where(d.c.untold > text("0")).group_by(d.c.destination)
    for name, untold in connection.execute(dead):
        found[name] = replace(found.get(name, DestinationStatus(name)), untold=untold)
    return [found[name] for name in sorted(found)]


def known(connection: Connection) -> list[Destination]:
    """Every destination of which something was ever written down."""
    columns = [destinations.c[each.name] for each in fields(Destination)]
    return [Destination(**row._mapping) for row in connection.execute(select(*columns))]


def _faring(destination: Destination, now: datetime) -> DestinationStatus:
    # Asked of it as it would be with that alone: which times to come are a clock's jump is for pacing to say.
    paused = replace(destination, throttled_until=None, pace_at=None)
    throttled = replace(destination, failures=0, paused_until=None, pace_at=None).may_send(None, now) < UNPACED
    return DestinationStatus(
        name=destination.name,
        failing=destination.failing,
        failures=destination.failures,
        failing_since=destination.failing_since,
        paused_until=paused.next_at(None, now),
        throttled_until=destination.throttled_until if throttled else None,
        error=destination.error or "",
    )


def document(status: DestinationStatus) -> dict[str, object]:
    """A destination as JSON has it."""
    values = {each.name: getattr(status, each.name) for each in fields(status)}
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in values.items()}
