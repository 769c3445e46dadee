"""SQLite: one file, which one writes at a time."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError, OperationalError, SQLAlchemyError

_WAL_BYTES = 16 * 1024 * 1024


def file(url: URL) -> Path:
    """Where the database is."""
    return Path(str(url.database)).absolute()


def open_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    """Make an engine, with the file's folder where it is missing.

    Raises:
        OSError: the folder cannot be made.
    """
    file(url).parent.mkdir(parents=True, exist_ok=True)
    # Only `migrate` makes a file. A connection that made one in the place of a file that is away just now would have
    # SQLite delete that file's -wal, and with it what was accepted last.
    uri = f"file:{quote(str(file(url)))}?mode=rw"
    engine = create_engine(
        url,
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=busy_timeout_seconds, check_same_thread=False),
        pool_size=48,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkout", _same_file)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: Any) -> None:
    # The driver's own transactions begin too late: two that read and then write lose one another's update.
    # https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#enabling-non-legacy-sqlite-transactional-modes-with-the-sqlite3-or-aiosqlite-driver
    connection.isolation_level = None
    cursor = connection.cursor()
    # A long report lets the -wal grow; afterwards it need not stay so large.
    # https://www.sqlite.org/pragma.html#pragma_journal_size_limit
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"journal_size_limit={_WAL_BYTES}"):
        cursor.execute(f"PRAGMA {pragma}")
    path = cursor.execute("PRAGMA database_list").fetchone()[2]
    cursor.close()
    record.info["file"] = path, _identity(path)


def _same_file(_connection: Any, record: Any, _proxy: Any) -> None:
    # In WAL mode SQLite writes on into a file that was moved away or deleted, and what it keeps there is lost.
    # https://www.sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
    path, identity = record.info["file"]
    if _identity(path) != identity:
        raise DisconnectionError("the database file is another one now")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # many times a second, and pathlib takes twenty times as long
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_busy(error: OperationalError) -> bool:
    """Whether an error says that somebody else has the file just now."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def made_room(engine: Engine, error: OperationalError) -> bool:
    """Where an error says that the disk is full, have what is in the log written into the file, as far as it fits.

    The log then begins anew and needs no room for a while. SQLite does so by itself only after a commit that succeeded.
    https://www.sqlite.org/wal.html#ckpt

    Returns:
        Whether all of it was: it is worth trying once more.
    """
    if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
        return False
    try:
        # The driver's, for in a transaction nothing is moved.
        with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            busy, in_log, moved = cursor.fetchall()[0]
    except (SQLAlchemyError, sqlite3.Error):
        return False
    return not busy and moved == in_log


def _begin(connection: Any) -> None:
    options = connection.get_execution_options()
    if options.get("read_only", False):
        connection.exec_driver_sql("BEGIN")
        return
    # What a loss of power may undo need not wait for the disk: https://www.sqlite.org/pragma.html#pragma_synchronous
    synchronous = "FULL" if options.get("durable", True) else "NORMAL"
    if connection.info.get("synchronous", "FULL") != synchronous:
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.info["synchronous"] = synchronous
    connection.exec_driver_sql("BEGIN IMMEDIATE")
