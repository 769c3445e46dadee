"""Opening a database and bringing its tables up to date."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Engine, inspect, text

from outbox.database import DatabaseUrlError, StoreError, migrate, open_database
from outbox.store import Store
from outbox.tables import metadata
from tests.samples import NOW
from tests.service import ROOT

MIGRATE = "import sys; from outbox.database import migrate, open_database; migrate(open_database(sys.argv[1]))"


def test_migrates_from_nothing_and_again(database_url: str, open_engine: Callable[[], Engine]) -> None:
    """A new database gets its folder and its tables, and a second time nothing of it is lost."""
    store = Store(open_engine(), "a")
    event_id = store.accept(b"{}", NOW)
    again = Store(open_engine(), "b")
    assert [event_id] == [event.id for event in again.claim_events(NOW, 30)]


def test_migrates_from_several_processes_at_once(database_url: str, open_engine: Callable[[], Engine]) -> None:
    """Processes that start together on an empty database all succeed."""

    def run(_: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", MIGRATE, database_url]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(run, range(4)))
    assert [(0, "")] * 4 == [(each.returncode, each.stderr) for each in ended]
    assert 1 == Store(open_engine(), "a").accept(b"{}", NOW)


def test_the_migrated_tables_are_those_of_the_code(engine: Engine) -> None:
    """The migrations and outbox/tables.py say the same, columns, indexes and defaults."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert [] == compare_metadata(context, metadata)


def test_refuses_a_newer_database(engine: Engine) -> None:
    """A database of a later version is left alone, in words."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"^the database was made by a newer version of alert-manager$"):
        migrate(engine)


def test_a_failed_migration_leaves_nothing(database_url: str) -> None:
    """Where a table stands in the way, none of the others is made."""
    engine = open_database(database_url)
    Path(str(engine.url.database)).touch()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE threads (x INTEGER)"))
    with pytest.raises(StoreError, match="threads already exists"):
        migrate(engine)
    assert ["threads"] == inspect(engine).get_table_names()
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense with s3cret",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "postgres://user:s3cret@host/name",
        "mysql://user:s3cret@host/name",
        "postgresql://user:s3cret@host:port/name",
        "://s3cret",
    ],
)
def test_refuses_a_url_without_repeating_it(url: str) -> None:
    """What is no SQLite file is refused, and the message holds nothing of the URL, which may have a password."""
    with pytest.raises(DatabaseUrlError, match=r"should be sqlite:///path/to/file") as caught:
        open_database(url)
    assert "s3cret" not in str(caught.value)


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


def test_keeps_what_it_says_it_keeps(engine: Engine) -> None:
    """SQLite writes to the disk before it answers, and looks after the references between tables."""
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite needs telling")
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == found


@pytest.mark.parametrize("kind", ["a folder", "nothing"])
def test_a_file_that_was_moved_away_is_missed(engine: Engine, kind: str) -> None:
    """While the file is away nothing is kept, nothing stands in for it, and when it is back all that was kept is."""
    path = Path(str(engine.url.database))
    store = Store(engine, "a")
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
