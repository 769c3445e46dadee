"""Opening the database, and bringing its tables up to date."""

from __future__ import annotations

import time
from pathlib import Path

import alembic.command
import alembic.config
import alembic.util
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from outbox import postgresql, sqlite

_MIGRATIONS = Path(__file__).with_name("migrations")
_FORMS = "the database URL should be sqlite:///path/to/file or postgresql://user:password@host/name"
_NEWER = "the database was made by a newer version of alert-manager"
BUSY_TIMEOUT_SECONDS = 5.0
_PATIENCE_SECONDS = 10.0
_TRY_AGAIN_SECONDS = 0.1


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
        raise DatabaseUrlError(_FORMS) from None
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if parsed.query or parsed.database in (None, "", ":memory:"):
            raise DatabaseUrlError(_FORMS)
    elif parsed.drivername not in postgresql.DRIVERS or not parsed.database:
        raise DatabaseUrlError(_FORMS)
    elif not postgresql.knows(parsed.query):
        raise DatabaseUrlError("the database URL has a parameter after its ? that PostgreSQL's library does not know")
    return parsed


def open_database(url: str) -> Engine:
    """Make an engine; SQLite's file gets its folder where that is missing, PostgreSQL is not connected to yet.

    Args:
        url: "sqlite:///path/to/file" (four slashes for an absolute path), or "postgresql://user:password@host/name"
            with libpq's parameters behind a question mark.

    Raises:
        DatabaseUrlError: it is something else.
        StoreError: the folder cannot be made.
    """
    parsed = parse_url(url)
    if parsed.drivername in postgresql.DRIVERS:
        return postgresql.open_engine(parsed, BUSY_TIMEOUT_SECONDS)
    try:
        return sqlite.open_engine(parsed, BUSY_TIMEOUT_SECONDS)
    except OSError as error:
        raise StoreError(f"the database's folder cannot be made: {error.strerror}") from None


def open_current(url: str) -> Engine:
    """Make an engine on a database that is there and has this version's tables; nothing is made or changed.

    Raises:
        DatabaseUrlError: the URL is something else.
        StoreError: it is not there, or of another version.
    """
    parsed = parse_url(url)
    if parsed.drivername not in postgresql.DRIVERS and not sqlite.file(parsed).exists():
        raise StoreError(f"there is no database {sqlite.file(parsed)} yet: `python app.py migrate` makes it")
    engine = open_database(url)
    script = _script(alembic.config.Config())
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
        if revision == script.get_current_head():
            return engine
        if revision is not None:
            script.get_revision(revision)
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be opened: {explained(error)}") from None
    except alembic.util.CommandError:
        raise StoreError(_NEWER) from None
    raise StoreError("the database is not up to date: `python app.py migrate` brings it there")


def _script(config: alembic.config.Config) -> ScriptDirectory:
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def migrate(engine: Engine) -> None:
    """Bring the tables to this version, under the database's own lock, so that several may start at once.

    Raises:
        StoreError: the database cannot be written, or was made by a newer version.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    try:
        while True:
            try:
                _migrate(engine)
                return
            except OperationalError as error:
                # Who makes SQLite's file, or changes its tables, just now: not everything waits for that by itself.
                if not sqlite.is_busy(error) or time.monotonic() > deadline:
                    raise
            time.sleep(_TRY_AGAIN_SECONDS)
    except OSError as error:
        raise StoreError(f"the database's file cannot be made: {error.strerror}") from None
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be brought up to date: {explained(error)}") from None
    except alembic.util.CommandError:
        raise StoreError(_NEWER) from None


def _migrate(engine: Engine) -> None:
    config = alembic.config.Config()
    script = _script(config)
    if engine.dialect.name == "sqlite":
        sqlite.file(engine.url).touch()
    with engine.connect().execution_options(read_only=True) as connection:
        if MigrationContext.configure(connection).get_current_revision() == script.get_current_head():
            return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # SQLite's lock is its BEGIN IMMEDIATE.
            postgresql.lock_migrations(connection)
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def explained(error: Exception) -> str:
    """What the database or its driver said, in one line, without the statement, its parameters, and values of rows."""
    cause = getattr(error, "orig", None) if isinstance(error, SQLAlchemyError) else error
    if cause is None:
        return type(error).__name__
    # PostgreSQL's further lines (DETAIL) hold values; an error that is not the server's has no such field.
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    return " ".join(str(primary or cause).split())
