"""PostgreSQL: one database that many replicas share. psycopg is imported only where one is used."""

from __future__ import annotations

import hashlib
import select
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

if TYPE_CHECKING:
    import psycopg

DRIVERS = ("postgres", "postgresql", "postgresql+psycopg")

# What the URL says goes before these. Without them a connection to a server that has gone without a word, as in a
# failover, hangs for as long as the kernel tries: a quarter of an hour.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_PARAMETERS: Mapping[str, int | str] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "fallback_application_name": "alert-manager",
}
# Of each session. The server too notices within half a minute that a replica has gone without a word: until then what
# it had locked stays locked.
_SETTINGS: Mapping[str, str] = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    # No transaction of ours waits for anything but the server; a replica that stands still in one stops the others, and
    # must not do so for as long as a lease.
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
# Connections of one process. Its 48 threads wait for one another, for a statement takes a millisecond, while a server
# allows a hundred connections in all. The one used last is used next, so that most of the time a few are open.
_CONNECTIONS = 10
_TRUSTED_SECONDS = 1.0


def knows(names: Mapping[str, Any]) -> bool:
    """Whether these are all parameters of libpq."""
    import psycopg.pq

    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return known.issuperset(names)


def open_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    """Make an engine; nothing is connected yet."""
    parameters = {name: value for name, value in _PARAMETERS.items() if name not in url.query}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        # Statements that are prepared on the server would not be found there behind PgBouncer in transaction mode,
        # which gives each transaction another session. (Notices do not get through it; see `notices.py`.)
        connect_args={**parameters, "prepare_threshold": None},
        use_native_hstore=False,
        hide_parameters=True,
        pool_use_lifo=True,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=busy_timeout_seconds,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "connect", _used)
    event.listen(engine, "checkin", _used)
    event.listen(engine, "checkout", _prove)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: psycopg.Connection[Any], _record: Any) -> None:
    settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
    # Where the server is set to answer before it has written to the disk, it is not for us: accepted means kept.
    durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    # The driver's own BEGIN would be a way to the server and back of its own: see `_begin`.
    connection.autocommit = True
    connection.execute(cast(Any, f"SELECT {settings}"))
    connection.execute(durable)


def _used(_connection: psycopg.Connection[Any] | None, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _prove(connection: psycopg.Connection[Any], record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Notice before it is used that a connection broke while nobody used it; then so did all that are as old.

    To ask the server each time, as SQLAlchemy's `pool_pre_ping` does, takes as long as a statement. A server that goes,
    or that ends the session, says so: while it has said nothing, a connection that was used just now can be used again.
    """
    import psycopg

    try:
        heard = select.poll()
        heard.register(connection, select.POLLIN)
        if heard.poll(0) or time.monotonic() - record.info["used_at"] > _TRUSTED_SECONDS:
            connection.execute("")
    except psycopg.Error as error:
        raise InvalidatePoolError(str(error)) from None


def _begin(connection: Connection) -> None:
    # Never READ WRITE in so many words: the database's owner may have it read-only by default.
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
    if connection.get_execution_options().get("read_only", False):
        # A report of several statements is of one moment, as it is on SQLite; who only reads never fails by that.
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    elif not connection.get_execution_options().get("durable", True):
        # What a loss of power may undo need not wait for the disk.
        begin += "; SET LOCAL synchronous_commit TO off"
    connection.exec_driver_sql(begin)


def connect(engine: Engine) -> psycopg.Connection[Any]:
    """A connection of one's own, outside the pool and outside any transaction, to be kept open as long as one likes.

    Raises:
        SQLAlchemyError, psycopg.Error: there is none to be had.
    """
    borrowed = engine.raw_connection()
    connection = cast("psycopg.Connection[Any]", borrowed.driver_connection)
    # It counts no longer among those of the pool, and is closed by whoever has it.
    borrowed.detach()
    try:
        # Not every server (14 and later) has the setting that would end it while it waits.
        connection.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'")
    except BaseException:
        connection.close()
        raise
    return connection


def lock_number(name: str) -> int:
    """An advisory lock's number, which no other software on the database should have."""
    return int.from_bytes(hashlib.sha256(f"alert-manager {name}".encode()).digest()[:8], signed=True)


def lock_migrations(connection: Connection) -> None:
    """Have this transaction alone change the tables; what changes them may take its time."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text("SET LOCAL lock_timeout = '60s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": lock_number("migrations")})
    # Others, of the version before, are served meanwhile: behind a change that waits for a table all would wait.
    connection.execute(text(f"SET LOCAL lock_timeout = '{_SETTINGS['lock_timeout']}'"))
