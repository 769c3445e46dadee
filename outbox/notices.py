"""Notices: how processes that share one PostgreSQL wake one another. One may be missed; whoever waits looks anyway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Text, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from outbox import postgresql
from outbox.database import explained
from outbox.prepared import Prepared

EVENTS, DELIVERIES = "events", "deliveries"
"""The channels on which other processes hear that there is something to do."""

_PREFIX = "alert_manager_"
# How often the thread looks whether it is to end, in seconds.
_LOOK_SECONDS = 0.25
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
_NOTIFY = Prepared(select(func.pg_notify(bindparam("channel", type_=Text()), "").label("notified")))

_log = structlog.get_logger("notices")


def notify(connection: Connection, channel: str) -> None:
    """Wake those that listen, once this transaction is committed; nothing on SQLite, which one machine has alone."""
    if connection.dialect.name == "postgresql":
        _NOTIFY.rows(connection, {"channel": _PREFIX + channel})


class Listener:
    """Rings a bell for each notice; does nothing on SQLite.

    Args:
        engine: its connection is one of its own, outside the pool.
        bells: what to call, by channel; short, and from any thread.
    """

    def __init__(self, engine: Engine, bells: Mapping[str, Callable[[], None]]) -> None:
        self._engine = engine
        self._bells = {_PREFIX + channel: ring for channel, ring in bells.items()}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        if self._engine.dialect.name == "postgresql":
            self._thread.start()

    def stop(self) -> None:
        """End within a second; a thread that just now waits for the server to answer ends by itself."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=4 * _LOOK_SECONDS)

    def _run(self) -> None:
        import psycopg

        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                with postgresql.connect(self._engine) as connection:
                    self._begin(connection)
                    pause_seconds = _FIRST_PAUSE_SECONDS
                    while not self._stopping.is_set():
                        for notice in connection.notifies(timeout=_LOOK_SECONDS):
                            self._bells[notice.channel]()
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                if not self._stopping.is_set():
                    _log.warning("notices are missed: what others do is seen a little later", error=explained(error))
            self._stopping.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    def _begin(self, connection: Any) -> None:
        for channel in self._bells:
            connection.execute(f'LISTEN "{channel}"')
        # Nobody listened until now.
        for ring in self._bells.values():
            ring()
