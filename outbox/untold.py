"""What was not told at a destination: what waits where it fails, and what died. Only read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, text

from alerts.model import Alert
from alerts.severity import SEVERITIES, worst_first
from outbox import announcing
from outbox.announcing import LISTED, Address, Announced, Trouble
from outbox.lanes import DUE, clock
from outbox.records import AT_ONCE
from outbox.rows import notification_of
from outbox.tables import PENDING, alerts, deliveries, threads
from outbox.tables import destinations as table

UNTOLD = deliveries.c.untold > text("0")
"""Dead, and nothing later of the group got through (1), which was announced (2). In words that the index has."""

ANNOUNCED: TypeAdapter[Announced] = TypeAdapter(Announced)

_AT_ONCE = 20_000
_MATTERS_FOR = timedelta(hours=24)
_WARNING = SEVERITIES.index("warning")


@dataclass(frozen=True, slots=True)
class Watched:
    """A destination, and who is told when it is in trouble.

    Attributes:
        fallback_after_seconds: how long it may fail before.
        page_url: where this service's page is seen, "" when that is not known.
    """

    destination: str
    fallback_after_seconds: float
    addresses: tuple[Address, ...] = ()
    page_url: str = ""


@dataclass(slots=True)
class Seen:
    """A destination as it is found.

    Attributes:
        fresh: deliveries that died of which nobody heard yet.
        done: those that were announced, and matter no more.
        groups: the newest delivery of each group of which something was not told.
    """

    trouble: Trouble | None = None
    announced: Announced | None = None
    announced_at: datetime | None = None
    fresh: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    groups: list[Row[Any]] = field(default_factory=list)


def look(connection: Connection, watched: Watched, now: datetime) -> Seen:
    """See how a destination fares; nothing, when it is not time yet to say anything."""
    columns = (table.c.failing_since, table.c.error, table.c.announced, table.c.announced_at)
    row = connection.execute(select(*columns).where(table.c.name == watched.destination)).first()
    seen = Seen()
    if row is not None:
        seen.announced, seen.announced_at = _read(row.announced), row.announced_at
    if not announcing.may_speak(seen.announced_at, now):
        return seen
    since = row.failing_since if row is not None else None
    # A destination that fails only since what is the future now: the clock was put back.
    failing = since is not None and (now - since).total_seconds() >= watched.fallback_after_seconds
    waiting = _waiting(connection, watched.destination, now) if failing else []
    dead = _dead(connection, watched.destination, now)
    seen.fresh = [each.id for each in dead if each.untold == 1]
    seen.done = [each.id for each in dead if each.untold != 1 and not each.matters]
    dead = [each for each in dead if each.untold == 1 or each.matters]
    newest = {each.group_id: each for each in sorted((*waiting, *dead), key=lambda each: each.id)}
    if not newest:
        return seen
    seen.groups = sorted(newest.values(), key=lambda each: (_severity(each), each.id))
    last_dead = max(dead, key=lambda each: each.id, default=None)
    said = row.error if waiting and row is not None else last_dead.detail if last_dead else None
    seen.trouble = Trouble(
        destination=watched.destination,
        since=since if waiting and since else min(each.settled_at or each.received_at for each in dead),
        reason=said or "",
        failing=bool(waiting),
        tried=any(each.attempts for each in waiting),
        alerts=sum(max(1, sum(_counts(each).values())) for each in newest.values()),
        dead=len(dead),
        fresh=len(seen.fresh),
        severity=SEVERITIES[min(_WARNING, _severity(seen.groups[0]))],
        event_id=max(newest.values(), key=lambda each: each.id).event_id,
    )
    return seen


_COLUMNS = [
    deliveries.c[name]
    for name in ("id", "event_id", "group_id", "counts", "attempts", "untold", "received_at", "settled_at", "detail")
]


def _waiting(connection: Connection, destination: str, now: datetime) -> Sequence[Row[Any]]:
    """What waits for a destination, but for what waits for its time, and for news of other destinations."""
    d = deliveries
    here = and_(d.c.destination == destination, PENDING, d.c.kind.in_(("state", "digest")))
    statement = select(*_COLUMNS).where(here, or_(d.c.attempts > 0, DUE)).order_by(d.c.id).limit(_AT_ONCE)
    return connection.execute(statement, clock(now, 0.0)).all()


def _dead(connection: Connection, destination: str, now: datetime) -> list[Row[Any]]:
    """What died at a destination and was told neither there nor, all of it, elsewhere; each with whether it matters."""
    d = deliveries
    recent = d.c.settled_at > now - _MATTERS_FOR
    matters = and_(recent, or_(_fires(), _open(), _fires_in_digest())).label("matters")
    statement = select(*_COLUMNS, matters).where(UNTOLD, d.c.destination == destination)
    return list(connection.execute(statement.order_by(d.c.id).limit(_AT_ONCE)))


def _fires() -> ColumnElement[bool]:
    return exists().where(alerts.c.group_id == deliveries.c.group_id, alerts.c.status == "firing").correlate(deliveries)


def _open() -> ColumnElement[bool]:
    here = and_(threads.c.destination == deliveries.c.destination, threads.c.group_id == deliveries.c.group_id)
    return exists().where(here, threads.c.open == 1).correlate(deliveries)


def _fires_in_digest() -> ColumnElement[bool]:
    within = deliveries.alias("within")
    told = and_(within.c.successor_id == deliveries.c.id, within.c.state == text("'digested'"))
    return (
        exists().where(told, alerts.c.group_id == within.c.group_id, alerts.c.status == "firing").correlate(deliveries)
    )


def _counts(row: Row[Any]) -> dict[str, int]:
    counted: dict[str, int] = json.loads(row.counts or "{}")
    return counted


def _severity(row: Row[Any]) -> int:
    """The worst of what fires, as its place among severities."""
    counted = _counts(row)
    return min((at for at, name in enumerate(SEVERITIES) if counted.get(name)), default=len(SEVERITIES))


def worst(connection: Connection, groups: Sequence[Row[Any]]) -> list[Alert]:
    """The worst of the alerts in these deliveries."""
    ids = [each.id for each in groups[:LISTED]]
    statement = select(deliveries.c.notification).where(deliveries.c.id.in_(ids))
    read = [notification_of(each) for each in connection.execute(statement).scalars()]
    return worst_first(alert for each in read if each is not None for alert in each.group.alerts)[:LISTED]


def _read(announced: str | None) -> Announced | None:
    if announced is None:
        return None
    try:
        return ANNOUNCED.validate_json(announced)
    except ValidationError:
        # Another version's: it was said, and is said anew.
        return Announced(AT_ONCE, "", "", False, 0, 0, "info", 1, (), 0)


def untold(connection: Connection) -> dict[str, int]:
    """How many deliveries died at each destination whose news did not get through otherwise."""
    statement = select(deliveries.c.destination, func.count()).where(UNTOLD).group_by(deliveries.c.destination)
    return {row[0]: row[1] for row in connection.execute(statement)}


def troubles(connection: Connection) -> list[str]:
    """What was said last of each destination that is in trouble, in a sentence each."""
    statement = select(table.c.announced).where(table.c.announced.is_not(None), table.c.name.contains("/"))
    read = [_read(each) for each in connection.execute(statement.order_by(table.c.name)).scalars()]
    return [each.summary for each in read if each is not None and each.summary]
