"""Databases are opened as what was promised needs it, and what is none is refused in words without secrets."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import URL, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from outbox.database import DatabaseUrlError, StoreError, explained, migrate, open_database, parse_url
from outbox.store import Store
from tests.far_sides.postgresql import PostgreSQL
from tests.far_sides.process import free_port
from tests.samples import NOW
from tests.service import ROOT


def test_migrates_from_nothing_and_again(database_url: str, open_engine: Callable[[], Engine]) -> None:
    """A new database gets its folder and its tables, and a second time nothing of it is lost."""
    store = Store(open_engine(), "a")
    event_id = store.accept(b"{}", NOW)
    again = Store(open_engine(), "b")
    assert [event_id] == [event.id for event in again.claim_events(NOW, 30)]


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """An engine on a migrated SQLite file."""
    engine = open_database(sqlite_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_engine(postgresql_url: str) -> Iterator[Engine]:
    """An engine on a migrated PostgreSQL."""
    engine = open_database(postgresql_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense with s3cret",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file?s3cret=x",
        "mysql://user:s3cret@host/name",
        "postgresql+asyncpg://user:s3cret@host/name",
        "postgresql://user:s3cret@host",
        "postgresql://user:s3cret@host:port/name",
        "://s3cret",
    ],
)
def test_refuses_a_url_without_repeating_it(url: str) -> None:
    """What is neither is refused, and the message holds nothing of the URL, which may have a password."""
    with pytest.raises(DatabaseUrlError, match=r"should be sqlite:///path/to/file or postgresql://user:pass") as caught:
        open_database(url)
    assert "s3cret" not in str(caught.value)


def test_refuses_an_unknown_parameter() -> None:
    """What libpq would refuse at the first connection is refused at once, and not repeated either."""
    with pytest.raises(DatabaseUrlError, match=r"a parameter after its \? that PostgreSQL's library") as caught:
        parse_url("postgresql://user:s3cret@host/name?sslmode=require&pasword=s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_connects_by_any_of_the_schemes(postgresql_url: str, scheme: str) -> None:
    """Whatever the URL begins with, and with parameters of libpq, the database is the one that is meant."""
    url = postgresql_url.replace("postgresql", scheme, 1)
    engine = open_database(f"{url}?sslmode=prefer&application_name=mine&connect_timeout=3")
    with engine.connect() as connection:
        assert "mine" == connection.execute(text("SHOW application_name")).scalar()
    engine.dispose()


def test_psycopg_is_imported_only_where_it_is_used(sqlite_url: str) -> None:
    """On SQLite the service starts without it."""
    code = "import sys, app; app.migrate(app.open_database(sys.argv[1])); print('psycopg' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code, sqlite_url], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ("False\n", "") == (ran.stdout, ran.stderr)


def test_refuses_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Where a file is in the way of the database's folder, that is said."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"^the database's folder cannot be made: "):
        open_database(f"sqlite:///{tmp_path}/file/database.db")


@pytest.mark.parametrize("kind", ["folder", "garbage"])
def test_refuses_what_is_no_database(tmp_path: Path, kind: str) -> None:
    """A folder in the file's place, or another file, is a StoreError in the database's own words."""
    path = tmp_path / "database.db"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff" * 10_000)
    engine = open_database(f"sqlite:///{path}")
    words = "unable to open database file" if kind == "folder" else "file is not a database"
    with pytest.raises(StoreError, match=f"^the database cannot be brought up to date: {words}$"):
        migrate(engine)
    engine.dispose()


def test_sqlite_keeps_what_it_says_it_keeps(sqlite_engine: Engine) -> None:
    """SQLite writes to the disk before it answers, and looks after the references between tables."""
    with sqlite_engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == found


SETTINGS = {
    "application_name": "alert-manager",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "synchronous_commit": "on",
    "tcp_keepalives_idle": "10",
    "transaction_isolation": "read committed",
    "transaction_read_only": "off",
}


def test_postgresql_keeps_what_it_says_it_keeps(postgresql_server: PostgreSQL, postgresql_url: str) -> None:
    """Even of a database that is set to answer before it has written, and to other isolation, we want what we need."""
    name = postgresql_url.rpartition("/")[2]
    for setting in ("synchronous_commit = off", "default_transaction_isolation = 'serializable'", "lock_timeout = 0"):
        postgresql_server.execute(f"ALTER DATABASE {name} SET {setting}")
    engine = open_database(postgresql_url)
    for _ in range(2):
        with engine.connect() as connection:
            assert SETTINGS == {each: connection.execute(text(f"SHOW {each}")).scalar() for each in SETTINGS}
    engine.dispose()


def test_postgresql_lets_a_wish_for_more_be(postgresql_server: PostgreSQL, postgresql_url: str) -> None:
    """A database that is set to wait for its standby to have replayed, too, stays so."""
    name = postgresql_url.rpartition("/")[2]
    postgresql_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = remote_apply")
    engine = open_database(postgresql_url)
    with engine.connect() as connection:
        assert "remote_apply" == connection.execute(text("SHOW synchronous_commit")).scalar()
    engine.dispose()


def test_postgresql_takes_a_report_of_one_moment(postgresql_engine: Engine) -> None:
    """Who reads sees what was so at the first statement, cannot write, and leaves the connection as it was."""
    store = Store(postgresql_engine, "a")
    count = text("SELECT count(*) FROM events")
    with postgresql_engine.connect().execution_options(read_only=True) as connection:
        assert 0 == connection.execute(count).scalar()
        store.accept(b"{}", NOW)
        assert 0 == connection.execute(count).scalar()
        with pytest.raises(SQLAlchemyError, match="read-only transaction"):
            connection.execute(text("DELETE FROM events"))
    with postgresql_engine.connect() as connection:
        assert 1 == connection.execute(count).scalar()
        assert "read committed" == connection.execute(text("SHOW transaction_isolation")).scalar()


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_goes_on_after_postgresql_was_away(
    postgresql_engine: Engine, postgresql_server: PostgreSQL, mode: Literal["fast", "immediate", "kill"]
) -> None:
    """While the server is away nothing is kept, in words; connections that it broke are not tried when it is back."""
    store = Store(postgresql_engine, "a")
    assert 1 == store.accept(b"1", NOW)
    postgresql_server.stop(mode)
    try:
        with pytest.raises(StoreError, match="Connection refused"):
            store.accept(b"lost", NOW)
    finally:
        postgresql_server.start()
    event_id = store.accept(b"2", NOW)
    assert [(1, b"1"), (event_id, b"2")] == [(event.id, event.body) for event in store.claim_events(NOW, 30)]


@pytest.mark.parametrize("idle_seconds", [0.0, 2.0])
def test_notices_sessions_that_the_server_ended(
    postgresql_engine: Engine, postgresql_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch, idle_seconds: float
) -> None:
    """Before they are used, though they were used just now: nobody is told an error that was none of theirs."""
    store = Store(postgresql_engine, "a")
    store.accept(b"1", NOW)
    name = str(postgresql_engine.url.database)
    ended = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    postgresql_server.execute(ended)
    monkeypatch.setattr("outbox.postgresql._TRUSTED_SECONDS", 1.0 - idle_seconds)
    event_id = store.accept(b"2", NOW)
    assert [1, event_id] == [event.id for event in store.claim_events(NOW, 30)]


@pytest.mark.parametrize("trouble", ["nobody there", "no such database", "wrong password"])
def test_says_why_postgresql_cannot_be_had(postgresql_server: PostgreSQL, trouble: str) -> None:
    """In one line, in the server's words, and never with the password."""
    at = f"postgresql://postgres:s3cret@127.0.0.1:{postgresql_server.port}"
    url, words = {
        "nobody there": (f"postgresql://user:s3cret@127.0.0.1:{free_port()}/name", "Connection refused"),
        "no such database": (f"{at}/absent", 'database "absent" does not exist'),
        "wrong password": (f"{at}/postgres?require_auth=scram-sha-256", "auth"),
    }[trouble]
    engine = open_database(url)
    with pytest.raises(StoreError, match=f"^the database cannot be brought up to date: .*{words}") as caught:
        migrate(engine)
    assert "s3cret" not in repr(caught.value)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in repr(engine)


def test_says_what_was_refused_without_the_rows_values(engine: Engine) -> None:
    """A row that cannot be kept is not told in the error: it may hold a secret."""
    insert = text("INSERT INTO threads (destination, group_id, updated_at) VALUES ('s3cret', 's3cret', 0)")
    with engine.connect() as connection, pytest.raises(SQLAlchemyError) as caught:
        connection.execute(insert)
    assert "thread" in explained(caught.value)
    assert "s3cret" not in explained(caught.value)


def test_waits_for_a_connection_only_so_long(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all connections are in use, that is said in time; when one is free it goes on."""
    monkeypatch.setattr("outbox.database.BUSY_TIMEOUT_SECONDS", 0.1)
    engine = open_database(postgresql_url)
    with ExitStack() as held:
        for _ in range(10):
            held.enter_context(engine.connect())
        with pytest.raises(StoreError, match="TimeoutError"):
            migrate(engine)
    migrate(engine)
    engine.dispose()


@pytest.mark.parametrize("kind", ["a folder", "nothing"])
def test_a_file_that_was_moved_away_is_missed(sqlite_engine: Engine, kind: str) -> None:
    """While the file is away nothing is kept, nothing stands in for it, and when it is back all that was kept is."""
    path = Path(str(sqlite_engine.url.database))
    store = Store(sqlite_engine, "a")
    assert 1 == store.accept(b"1", NOW)
    path.rename(path.with_suffix(".moved"))
    if kind == "a folder":
        path.mkdir()
    for _ in range(2):
        with pytest.raises(StoreError, match="unable to open database file"):
            store.accept(b"lost", NOW)
    if kind == "a folder":
        path.rmdir()
    assert not path.exists()
    path.with_suffix(".moved").rename(path)
    assert 2 == store.accept(b"2", NOW)
    assert [b"1", b"2"] == [event.body for event in store.claim_events(NOW, 30)]


@pytest.mark.parametrize("name", ["with space", "100%", "a?b=c#d", "ünïcödé 🔥", "a:b@c"])
def test_opens_a_file_of_any_name(tmp_path: Path, name: str) -> None:
    """Nothing in a file's name is taken for something else."""
    path = tmp_path / name / f"{name}.db"
    engine = open_database(URL.create("sqlite", database=str(path)).render_as_string(hide_password=False))
    migrate(engine)
    assert 1 == Store(engine, "a").accept(b"{}", NOW)
    engine.dispose()
    assert path.exists()
