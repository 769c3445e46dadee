"""What is said to be kept is on the disk: SQLite's log is synced after the commit, before anybody is told."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select

from outbox.database import StoreError, migrate, open_database
from outbox.tables import groups
from outbox.writer import Writer
from tests.samples import NOW


def keep(connection: Connection, names: Sequence[str]) -> list[None]:
    """Keeps rows."""
    rows = [{"group_id": name, "group_key": name, "history": "", "updated_at": NOW} for name in names]
    connection.execute(insert(groups), rows)
    return [None] * len(names)


@pytest.fixture
def sqlite(sqlite_url: str) -> Engine:
    """A migrated SQLite file."""
    engine = open_database(sqlite_url)
    migrate(engine)
    return engine


def test_syncs_the_log_after_the_commit(sqlite: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the time of the sync others see the row, and the log that is synced is the database's and holds it."""
    synced: list[tuple[str, int]] = []

    def fdatasync(descriptor: int) -> None:
        with sqlite.connect().execution_options(read_only=True) as connection:
            count = connection.execute(select(func.count()).select_from(groups)).scalar_one()
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), count))

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    Writer(sqlite).write(keep, "a")
    assert [(f"{Path(str(sqlite.url.database)).resolve()}-wal", 1)] == synced
    sqlite.dispose()


def test_does_not_sync_what_a_loss_of_power_may_undo(sqlite: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims and plans are no reason to wait."""
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: pytest.fail("it was synced"))
    Writer(sqlite).write(keep, "a", durable=False)
    sqlite.dispose()


def test_what_cannot_be_synced_is_not_said_to_be_kept(sqlite: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails at the sync is a failing store, and the next one is tried anew."""

    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    writer = Writer(sqlite)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fails)
        with pytest.raises(StoreError, match="cannot be synced: Input/output error"):
            writer.write(keep, "a")
    assert None is writer.write(keep, "b")
    sqlite.dispose()
