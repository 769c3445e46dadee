"""What is expected to be heard of: a row each, that acceptance counts in, and that one process speaks of for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, select, update

from alerts.model import AlertGroup
from outbox import announcing, watchdog_words
from outbox.announcing import Address
from outbox.listening import TICKS_PER_SECOND, Listening, Moment
from outbox.rows import plain_text
from outbox.statements import insert_missing
from outbox.tables import watchdogs as table
from outbox.trouble import Said, tell
from outbox.writer import Writer

FORGOTTEN_SECONDS = 30.0
"""What no process has watched for so long is expected no more; replicas do not load a configuration all at once."""

_c = table.c


@dataclass(frozen=True, slots=True)
class Watch:
    """An alert that is expected.

    Attributes:
        key: what tells it from others.
        name: its matchers.
        within_seconds: for how long it may be silent.
        addresses: who is told.
        page_url: where this service's page is seen, "" when that is not known.
    """

    key: str
    name: str
    within_seconds: float
    addresses: tuple[Address, ...] = ()
    page_url: str = ""


@dataclass(frozen=True, slots=True)
class WatchdogStatus:
    """How one stands.

    Attributes:
        heard_at: when it came last; None where it never did.
        silent_since: since when it is said to be silent; None where it is not.
    """

    key: str
    heard_at: datetime | None = None
    silent_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    watches: tuple[Watch, ...]
    now: datetime


_Change = Literal["silent", "back", "removed"]


class Watchdogs:
    """The rows, and the clock that silence is measured by.

    Args:
        reading: opens a connection that only reads.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Connection]],
        writer: Writer,
        listening: Listening | None = None,
    ) -> None:
        self._reading = reading
        self._writer = writer
        self._listening = listening or Listening()

    def any(self) -> bool:
        """Whether any are known, of whatever configuration."""
        with self._reading() as connection:
            return connection.execute(select(_c.key).limit(1)).first() is not None

    def standing(self, keys: Collection[str]) -> Mapping[str, WatchdogStatus]:
        """How some stand, by their keys."""
        wanted = select(_c.key, _c.heard_at, _c.silent_since).where(_c.key.in_(list(keys)))
        with self._reading() as connection:
            found = {row.key: WatchdogStatus(*row) for row in connection.execute(wanted)}
        return {key: found.get(key, WatchdogStatus(key)) for key in keys}

    def look(self, watches: Sequence[Watch], now: datetime) -> Sequence[Said]:
        """Listen, and say what there is to say: what has become silent, what is back, what is expected no more.

        Args:
            watches: those of this process' configuration.

        Raises:
            StoreError: nothing was said.
        """
        asked = _Asked(tuple(watches), now)
        if self._writer.write(self._listen, asked, durable=False):
            # What is told is to be on the disk; and what another process said meanwhile is seen there.
            return self._writer.write(self._speak, asked)
        return ()

    def _listen(self, connection: Connection, items: Sequence[_Asked]) -> list[bool]:
        return [self._listen_once(connection, each) for each in items]

    def _listen_once(self, connection: Connection, asked: _Asked) -> bool:
        moment = self._listening.advance(connection)
        rows = _locked(connection)
        for watch in sorted(asked.watches, key=lambda each: each.key):
            values = {"watched_ticks": moment.ticks, "name": plain_text(watch.name)}
            if watch.key in rows:
                connection.execute(update(table).where(_c.key == watch.key).values(values))
            else:
                insert_missing(connection, table, {"key": watch.key, "since_ticks": moment.ticks, **values})
        for row in rows.values():
            if row.silent_since is None and row.heard != row.noticed:
                noticed = {"noticed": row.heard, "heard_ticks": moment.ticks}
                connection.execute(update(table).where(_c.key == row.key).values(noticed))
        return any(_changes(_locked(connection), asked.watches, moment))

    def _speak(self, connection: Connection, items: Sequence[_Asked]) -> list[Sequence[Said]]:
        return [self._speak_once(connection, each) for each in items]

    def _speak_once(self, connection: Connection, asked: _Asked) -> Sequence[Said]:
        moment = self._listening.advance(connection)
        said = []
        for row, watch, change in list(_changes(_locked(connection), asked.watches, moment)):
            if change == "silent":
                assert watch is not None
                said.append(_say_silent(connection, row, watch, moment, asked.now))
            else:
                said += _say_over(connection, row, watch, moment, asked.now, removed=change == "removed")
        return said


def hear(connection: Connection, keys: Collection[str], now: datetime) -> None:
    """Count that some were heard of; what nobody watches yet is not counted."""
    # In one order everywhere, so that no two transactions wait for each other's rows.
    for key in sorted(keys):
        connection.execute(update(table).where(_c.key == key).values(heard=_c.heard + 1, heard_at=now))


def _locked(connection: Connection) -> dict[str, Row[Any]]:
    return {row.key: row for row in connection.execute(select(table).order_by(_c.key).with_for_update())}


def _changes(
    rows: Mapping[str, Row[Any]], watches: Sequence[Watch], moment: Moment
) -> Iterator[tuple[Row[Any], Watch | None, _Change]]:
    """Those of which something is to be said, and what; of nothing while it is not known since when it is listened."""
    known = {each.key: each for each in watches}
    for row in rows.values() if moment.joined else ():
        watch = known.get(row.key)
        if row.silent_since is not None and row.heard != row.noticed:
            yield row, watch, "back"
        elif watch is None:
            if moment.ticks - row.watched_ticks > FORGOTTEN_SECONDS * TICKS_PER_SECOND:
                yield row, None, "removed"
        elif row.silent_since is None and _is_silent(row, watch, moment):
            yield row, watch, "silent"


def _is_silent(row: Row[Any], watch: Watch, moment: Moment) -> bool:
    # What was counted meanwhile has come, though nobody has noticed yet.
    return row.heard == row.noticed and _silence_seconds(row, moment) >= watch.within_seconds


def _silence_seconds(row: Row[Any], moment: Moment) -> float:
    since: int = max(row.heard_ticks or 0, row.since_ticks, moment.since_ticks)
    return (moment.ticks - since) / TICKS_PER_SECOND


def _say_silent(connection: Connection, row: Row[Any], watch: Watch, moment: Moment, now: datetime) -> Said:
    since = now - timedelta(seconds=_silence_seconds(row, moment))
    unbroken = row.heard_ticks is not None and row.heard_ticks > moment.since_ticks
    group = watchdog_words.silent(watch.key, watch.name, watch.within_seconds, since, row.heard_at, unbroken=unbroken)
    told = tuple(each.destination for each in watch.addresses)
    tell(connection, watch.addresses, group, watch.page_url, None, now)
    values = {"silent_since": since, "told": json.dumps(told)}
    connection.execute(update(table).where(_c.key == row.key).values(values))
    return Said("begin", _summary(group), told)


def _say_over(
    connection: Connection,
    row: Row[Any],
    watch: Watch | None,
    moment: Moment,
    now: datetime,
    *,
    removed: bool,
) -> list[Said]:
    if removed:
        connection.execute(delete(table).where(_c.key == row.key))
    else:
        heard = {"silent_since": None, "told": None, "noticed": row.heard, "heard_ticks": moment.ticks}
        connection.execute(update(table).where(_c.key == row.key).values(heard))
    if row.silent_since is None:
        return []
    group = watchdog_words.back(row.key, row.name, row.silent_since, now, removed=removed)
    told = tuple(json.loads(row.told or "[]"))
    addresses = [announcing.told_address(each, watch.addresses if watch else ()) for each in told]
    tell(connection, addresses, group, watch.page_url if watch else "", None, now)
    return [Said("end", _summary(group), told)]


def _summary(group: AlertGroup) -> str:
    return group.alerts[0].summary
