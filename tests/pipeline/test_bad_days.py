"""Bad days of the database under load: what cannot be kept is refused, and all comes back by itself.

Nothing accepted is lost, nothing is kept twice, and each alert is told.
"""

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, LiteralString, cast

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine, event, text

from outbox.database import migrate, open_database
from outbox.store import Store
from pipeline import Pipeline
from tests.far_sides.postgresql import PostgreSQL
from tests.pipeline.load import Load
from tests.pipeline.parts import Recorder, application, make_pipeline, settled, started
from tests.service import eventually

# What a broken connection took and never told of comes back when these end.
SHORT_LEASES = """
enrichment: {timeout: 500ms}
delivery: {lease: 5s}
route: {receiver: team}
receivers: [{name: team, log_configs: [{}]}]
"""
BACK_SECONDS = 20.0


class Town:
    """A pipeline that runs behind its web application, on a database of which the test makes a bad day."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.engine = engine
        self.recorder = Recorder()
        self.store = Store(engine, "a")
        self.pipeline: Pipeline = make_pipeline(folder, self.store, {"team/log/0": self.recorder}, SHORT_LEASES)
        self.application: Flask = application(self.pipeline)

    def ready(self) -> int:
        """What /readyz answers."""
        return self.application.test_client().get("/readyz").status_code

    def healthy(self) -> int:
        """What /healthz answers."""
        return self.application.test_client().get("/healthz").status_code

    def back(self, load: Load) -> None:
        """Waits until it is ready again, and has taken alerts since."""
        eventually(lambda: self.ready() == 200, "it to be ready", BACK_SECONDS)
        taken = load.statuses[200]
        eventually(lambda: load.seen(200, taken + 4), "alerts to be taken again", BACK_SECONDS)

    def all_is_told(self, load: Load, *, again: int = 0) -> None:
        """Each alert that was taken is kept once and told; so many may have been told twice."""
        assert len(load.accepted) == len(set(load.accepted.values()))
        for event_id in load.accepted.values():
            assert settled(self.pipeline, event_id, BACK_SECONDS) in (["delivered"], ["duplicate"])
        told = Counter(self.recorder.names())
        assert set(load.accepted) <= set(told)
        assert sum(told.values()) - len(told) <= again
        # Nothing else was told but what was refused at first, though it was kept.
        assert set(told) <= set(load.accepted)
        assert {200, 503} >= set(load.statuses)


@contextmanager
def town(folder: Path, url: str, steer: Callable[[Any], object] = lambda connection: None) -> Iterator[Town]:
    """A town on a database, running; `steer` is given each of the driver's connections before it is used."""
    engine = open_database(url)
    migrate(engine)
    # Before it runs: SQLAlchemy does not take a listener while others hear it.
    event.listen(engine, "checkout", lambda connection, record, proxy: steer(connection))
    made = Town(folder, engine)
    with started(made.pipeline):
        yield made
    engine.dispose()


@pytest.fixture
def sqlite_town(tmp_path: Path, sqlite_url: str) -> Iterator[Town]:
    """On SQLite."""
    with town(tmp_path, sqlite_url) as made:
        yield made


@pytest.fixture
def postgresql_town(tmp_path: Path, postgresql_url: str) -> Iterator[Town]:
    """On PostgreSQL."""
    with town(tmp_path, postgresql_url) as made:
        yield made


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of sixteen megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    """While there is no room alerts are refused; what was taken before is told, and when there is room all is well."""
    with town(tmp_path, f"sqlite:///{small_disk / 'alert-manager.db'}") as bad:
        with Load(bad.application) as load:
            eventually(lambda: load.seen(200, 8), "some alerts to be taken")
            with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
                while filler.write(b" " * 4_096):
                    pass
            eventually(lambda: load.seen(503, 8), "alerts to be refused")
            assert (503, 200) == (bad.ready(), bad.healthy())
            (small_disk / "filler").unlink()
            bad.back(load)
        bad.all_is_told(load, again=8)


def test_no_more_pages(tmp_path: Path, sqlite_url: str) -> None:
    """So it is where the file may grow no further, which any machine can try."""
    pages: list[int] = []

    def limit(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0] if pages else 1_000_000}")

    with town(tmp_path, sqlite_url, limit) as bad:
        with Load(bad.application) as load:
            eventually(lambda: load.seen(200, 8), "some alerts to be taken")
            with bad.engine.connect().execution_options(read_only=True) as connection:
                pages.append(connection.execute(text("PRAGMA page_count")).scalar_one())
            eventually(lambda: load.seen(503, 8), "alerts to be refused")
            # The row that is written to see it may fit where an alert does not; what is planned and not kept tells.
            eventually(lambda: (bad.ready(), bad.healthy()) == (503, 200), "that nothing can be kept to be seen")
            pages.clear()
            bad.back(load)
        bad.all_is_told(load, again=8)


def test_read_only(tmp_path: Path, database_url: str) -> None:
    """A disk that became read-only, or a server that is a standby now."""
    read_only = threading.Event()
    statements = {
        "sqlite": ("PRAGMA query_only=OFF", "PRAGMA query_only=ON"),
        "postgresql": ("SET default_transaction_read_only = off", "SET default_transaction_read_only = on"),
    }[database_url.partition(":")[0]]

    def steer(connection: Any) -> None:
        connection.execute(statements[read_only.is_set()])
        connection.commit()

    with town(tmp_path, database_url, steer) as bad:
        with Load(bad.application) as load:
            eventually(lambda: load.seen(200, 8), "some alerts to be taken")
            read_only.set()
            eventually(lambda: load.seen(503, 8), "alerts to be refused")
            assert (503, 200) == (bad.ready(), bad.healthy())
            read_only.clear()
            bad.back(load)
        bad.all_is_told(load, again=8)


LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(7)
"""


def test_locked_by_another_process(sqlite_town: Town) -> None:
    """A backup or a person with a shell that holds the file for seven seconds: refused after five, and then taken."""
    with Load(sqlite_town.application) as load:
        eventually(lambda: load.seen(200, 8), "some alerts to be taken")
        path = str(sqlite_town.engine.url.database)
        with subprocess.Popen([sys.executable, "-c", LOCK, path], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert b"locked\n" == other.stdout.readline()
            eventually(lambda: load.seen(503, 1), "an alert to be refused", 7)
            assert 0 == other.wait(10)
        sqlite_town.back(load)
    sqlite_town.all_is_told(load, again=8)


def test_a_corrupt_file(sqlite_town: Town) -> None:
    """Whatever is read from it is an error and never an alert's end; with the file restored all goes on."""
    path = Path(str(sqlite_town.engine.url.database))
    copy = path.with_suffix(".copy")
    with Load(sqlite_town.application) as load:
        eventually(lambda: load.seen(200, 8), "some alerts to be taken")
    sqlite_town.all_is_told(load)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, copy)
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xa5" * (path.stat().st_size - 4_096))
    sqlite_town.engine.dispose()
    sqlite_town.recorder.sent.clear()
    with Load(sqlite_town.application, "B") as later:
        eventually(lambda: later.seen(503, 8), "alerts to be refused")
        assert (503, 200) == (sqlite_town.ready(), sqlite_town.healthy())
        assert not later.seen(200)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        copy.rename(path)
        sqlite_town.back(later)
    sqlite_town.all_is_told(later, again=8)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgresql_restarts(
    postgresql_town: Town, postgresql_server: PostgreSQL, mode: Literal["fast", "immediate"]
) -> None:
    """In the middle of transactions: what they were to keep is refused, and tried again."""
    with Load(postgresql_town.application) as load:
        eventually(lambda: load.seen(200, 20), "some alerts to be taken")
        postgresql_server.stop(mode)
        try:
            eventually(lambda: load.seen(503, 8), "alerts to be refused", 10)
            assert (503, 200) == (postgresql_town.ready(), postgresql_town.healthy())
        finally:
            postgresql_server.start()
        postgresql_town.back(load)
    postgresql_town.all_is_told(load, again=8)


def end_sessions(bad: Town) -> LiteralString:
    """The statement that ends all sessions on a town's database."""
    name = cast(LiteralString, bad.engine.url.database)
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


def test_all_sessions_are_ended(postgresql_town: Town, postgresql_server: PostgreSQL) -> None:
    """As an operator or a failing proxy does it, again and again under load."""
    end_all = end_sessions(postgresql_town)
    with Load(postgresql_town.application) as load:
        for _ in range(5):
            taken = load.statuses[200]
            eventually(lambda taken=taken: load.seen(200, taken + 5), "some alerts to be taken", BACK_SECONDS)  # type: ignore[misc]
            postgresql_server.execute(end_all)
        postgresql_town.back(load)
    postgresql_town.all_is_told(load, again=8)


def test_connections_are_exhausted(postgresql_town: Town, postgresql_server: PostgreSQL) -> None:
    """Others have all that the server allows: alerts are refused until they give some back."""

    def take_all(others: ExitStack) -> None:
        with suppress(psycopg.OperationalError):
            while True:
                others.enter_context(closing(psycopg.connect(postgresql_server.url())))

    end_all = end_sessions(postgresql_town)
    with Load(postgresql_town.application) as load:
        eventually(lambda: load.seen(200, 8), "some alerts to be taken")
        with ExitStack() as others:
            one = others.enter_context(closing(psycopg.connect(postgresql_server.url(), autocommit=True)))
            take_all(others)
            while postgresql_town.ready() == 200:
                one.execute(end_all)
                take_all(others)
            refused = load.statuses[503]
            eventually(lambda: load.seen(503, refused + 4), "alerts to be refused", 10)
            assert 200 == postgresql_town.healthy()
        postgresql_town.back(load)
    postgresql_town.all_is_told(load, again=8)
