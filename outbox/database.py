"""Opening the database, and bringing its tables up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import alembic.command
import alembic.config
import alembic.util
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError

_MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_TIMEOUT_SECONDS = 5.0


class StoreError(Exception):
    """The database did not do what was asked; nothing of it was kept. The message holds no password."""


class DatabaseUrlError(ValueError):
    """A database URL that cannot be used; the message does not repeat it."""


def parse_url(url: str) -> URL:
    """Read a database's URL.

    Raises:
        DatabaseUrlError: it is none that can be used.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # A ValueError is a port's that is no number.
        raise DatabaseUrlError("the database URL should be sqlite:///path/to/file") from None
    known = parsed.drivername in ("sqlite", "sqlite+pysqlite") and not parsed.query
    if not known or parsed.database in (None, "", ":memory:"):
        raise DatabaseUrlError("the database URL should be sqlite:///path/to/file; other databases are not known yet")
    return parsed


def open_database(url: str) -> Engine:
    """Make an engine, with the database's folder where it is missing.

    Args:
        url: "sqlite:///path/to/file" (four slashes for an absolute path).

    Raises:
        DatabaseUrlError: it is something else.
        StoreError: the folder cannot be made.
    """
    parsed = parse_url(url)
    try:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the database's folder cannot be made: {error.strerror}") from None
    # Only `migrate` makes a file. A connection that made one in the place of a file that is away just now would have
    # SQLite delete that file's -wal, and with it what was accepted last.
    uri = f"file:{quote(str(Path(str(parsed.database)).absolute()))}?mode=rw"
    engine = create_engine(
        parsed,
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False),
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
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    file = cursor.execute("PRAGMA database_list").fetchone()[2]
    cursor.close()
    record.info["file"] = file, _identity(file)


def _same_file(_connection: Any, record: Any, _proxy: Any) -> None:
    # In WAL mode SQLite writes on into a file that was moved away or deleted, and what it keeps there is lost.
    # https://www.sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
    file, identity = record.info["file"]
    if _identity(file) != identity:
        raise DisconnectionError("the database file is another one now")


def _identity(file: str) -> tuple[int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _begin(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def migrate(engine: Engine) -> None:
    """Bring the tables to this version, under the database's own lock, so that several may start at once.

    Raises:
        StoreError: the database cannot be written, or was made by a newer version.
    """
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    try:
        Path(str(engine.url.database)).touch()
        with engine.connect().execution_options(read_only=True) as connection:
            if MigrationContext.configure(connection).get_current_revision() == script.get_current_head():
                return
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
    except OSError as error:
        raise StoreError(f"the database's file cannot be made: {error.strerror}") from None
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be brought up to date: {explained(error)}") from None
    except alembic.util.CommandError:
        raise StoreError("the database was made by a newer version of alert-manager") from None


def explained(error: SQLAlchemyError) -> str:
    """What the database said, without the statement and its parameters."""
    cause = getattr(error, "orig", None)
    return str(cause) if cause is not None else type(error).__name__
