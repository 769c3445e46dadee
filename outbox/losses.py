"""Payloads of which nobody was told: bodies that were rejected, and events that could not be planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, delete, func, insert, select

from outbox import announcing, destinations
from outbox.announcing import Address, Step, waited_seconds
from outbox.records import AT_ONCE
from outbox.rows import json_text, plain_text
from outbox.tables import destinations as table
from outbox.tables import events, rejected
from outbox.trouble import Reading, Said, remember, tell
from outbox.writer import Writer

LossKind = Literal["rejected", "unplanned"]

_KEPT_BYTES = 64 * 1024
_KEPT_ROWS = 100
_PAUSE_SECONDS = 600.0
_QUIET_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class LossSaid:
    """What was said last.

    Attributes:
        since: when this series of losses began.
        before: the id of the last one before it.
        newest: the id of the last one that was told.
        over: it was said that they have ended.
    """

    since: datetime
    before: int = 0
    newest: int = 0
    told: tuple[str, ...] = ()
    over: bool = True


_SAID: TypeAdapter[LossSaid] = TypeAdapter(LossSaid)


def loss_step(said: LossSaid, newest: int, said_at: datetime | None, now: datetime) -> Step | None:
    """Decide whether something is said: at most once in ten minutes, and of the end after an hour without another."""
    waited = waited_seconds(said_at, now)
    if newest > said.newest and waited >= _PAUSE_SECONDS:
        return "begin" if said.over else "update"
    if newest <= said.newest and not said.over and waited >= _QUIET_SECONDS:
        return "end"
    return None


def loss_summary(kind: LossKind, count: int, error: str) -> str:
    """The one sentence."""
    reason = announcing.shortened(error)
    if kind == "rejected":
        return f"alert-manager rejected {announcing.counted(count, 'webhook body', 'webhook bodies')}: {reason}"
    payloads = announcing.counted(count, "accepted payload", "accepted payloads")
    return f"alert-manager could not plan {payloads}, and told nobody: {reason}"


class Losses:
    """What was lost, and what is said of it.

    Args:
        reading: opens a connection that only reads.
    """

    def __init__(self, reading: Reading, writer: Writer) -> None:
        self._reading = reading
        self._writer = writer

    def keep(self, error: str, body: bytes, now: datetime) -> None:
        """Keep a body that was rejected, for a person to look at; the last hundred are.

        Raises:
            StoreError: it is not kept.
        """
        row = {"received_at": now, "error": plain_text(error), "body": body[:_KEPT_BYTES]}
        self._writer.write(_keep, row)

    def announce(self, kind: LossKind, addresses: Sequence[Address], page_url: str, now: datetime) -> Said | None:
        """Say what there is to say of one kind of loss; None when there is nothing.

        Raises:
            StoreError: nothing was said.
        """
        with self._reading() as connection:
            said, said_at = _said(connection, kind)
            newest = _newest(connection, kind)
        if loss_step(said, newest, said_at, now) is None:
            return None
        return self._writer.write(_announce, _Asked(kind, tuple(addresses), page_url, now))


@dataclass(frozen=True, slots=True)
class _Asked:
    kind: LossKind
    addresses: tuple[Address, ...]
    page_url: str
    now: datetime


def _keep(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[None]:
    connection.execute(insert(rejected), list(rows))
    surplus = select(rejected.c.id).order_by(rejected.c.id.desc()).offset(_KEPT_ROWS).limit(1).scalar_subquery()
    connection.execute(delete(rejected).where(rejected.c.id <= surplus))
    return [None] * len(rows)


def _announce(connection: Connection, items: Sequence[_Asked]) -> list[Said | None]:
    return [_announce_once(connection, asked) for asked in items]


def _announce_once(connection: Connection, asked: _Asked) -> Said | None:
    kind, addresses, now = asked.kind, asked.addresses, asked.now
    destinations.load(connection, [kind], lock=True)
    said, said_at = _said(connection, kind)
    newest = _newest(connection, kind)
    step = loss_step(said, newest, said_at, now)
    if step is None:
        return None
    if step == "end":
        summary = "nothing was rejected for an hour" if kind == "rejected" else "all could be planned for an hour"
        after = LossSaid(said.since, said.newest, said.newest)
        addresses = tuple(announcing.told_address(each, addresses) for each in said.told)
        told = said.told
    else:
        since, before = (now, said.newest) if said.over else (said.since, said.before)
        summary = loss_summary(kind, *_counted(connection, kind, before))
        told = tuple(dict.fromkeys((*said.told, *(each.destination for each in addresses))))
        after = LossSaid(since, before, newest, told, over=False)
    name = "PayloadsRejected" if kind == "rejected" else "PayloadsUnplanned"
    ends_at = now if step == "end" else None
    annotations = {"summary": summary}
    if kind == "rejected":
        annotations["description"] = "The last hundred are kept in the table `rejected`."
    group = announcing.own_group(f"fallback:{kind}", name, {}, "error", annotations, after.since, ends_at)
    tell(connection, addresses, group, asked.page_url, newest if kind == "unplanned" else None, now)
    remember(connection, kind, json_text(_SAID, after), now)
    return Said(step, summary, told)


def _said(connection: Connection, kind: LossKind) -> tuple[LossSaid, datetime | None]:
    columns = (table.c.announced, table.c.announced_at)
    row = connection.execute(select(*columns).where(table.c.name == kind)).first()
    nothing = LossSaid(AT_ONCE)
    if row is None or row.announced is None:
        return nothing, None
    try:
        return _SAID.validate_json(row.announced), row.announced_at
    except ValidationError:
        # Another version's.
        return nothing, row.announced_at


def _newest(connection: Connection, kind: LossKind) -> int:
    newest = select(func.max(rejected.c.id))
    if kind == "unplanned":
        newest = select(func.max(events.c.id)).where(events.c.state == "dead")
    return connection.execute(newest).scalar() or 0


def _counted(connection: Connection, kind: LossKind, before: int) -> tuple[int, str]:
    """How many there are, and the last one's error. Of rejected bodies only the newest are kept: their ids count."""
    if kind == "rejected":
        last = connection.execute(select(rejected.c.id, rejected.c.error).order_by(rejected.c.id.desc()).limit(1)).one()
        return last.id - before, last.error
    dead = select(events.c.error).where(events.c.state == "dead", events.c.id > before)
    error = connection.execute(dead.order_by(events.c.id.desc()).limit(1)).scalar_one()
    count = select(func.count()).where(events.c.state == "dead", events.c.id > before)
    return connection.execute(count).scalar_one(), error or ""
