"""Migrations: from every earlier version to this one, with what was kept; started by several at once; never back."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from outbox import database
from outbox.database import StoreError, migrate, open_database
from outbox.store import Store
from outbox.tables import metadata
from tests.samples import NOW
from tests.service import ROOT

MIGRATE = "import sys; from outbox.database import migrate, open_database; migrate(open_database(sys.argv[1]))"
FOLDER = Path(database.__file__).with_name("migrations")
# As the first version wrote them: an accepted event, one that is planned with a delivery, what is held, what fires.
ROWS = (
    "INSERT INTO events (id, received_at, body, state, attempts) VALUES (1, 1000000, 'one', 'planned', 1)",
    "INSERT INTO events (id, received_at, body, state, attempts) VALUES (2, 2000000, 'two', 'accepted', 0)",
    "INSERT INTO deliveries (id, event_id, destination, receiver, action, group_id, notification, state, attempts,"
    " due_at, received_at) VALUES (1, 1, 'team/log/0', 'team', 'log', 'g', '{}', 'pending', 3, 1000000, 1000000)",
    "INSERT INTO threads (destination, group_id, thread, updated_at) VALUES ('team/log/0', 'g', '{}', 1000000)",
    "INSERT INTO alerts (fingerprint, group_id, status, severity, alert, findings, destinations, event_id, updated_at)"
    " VALUES ('f', 'g', 'firing', 0, '{}', '[]', 'team/log/0', 1, 1000000)",
)
KEPT = {
    "SELECT id, received_at, state, attempts FROM events ORDER BY id": [
        (1, 1_000_000, "planned", 1),
        (2, 2_000_000, "accepted", 0),
    ],
    "SELECT id, event_id, destination, group_id, state, attempts, due_at FROM deliveries": [
        (1, 1, "team/log/0", "g", "pending", 3, 1_000_000)
    ],
    "SELECT destination, group_id, thread, updated_at FROM threads": [("team/log/0", "g", "{}", 1_000_000)],
    "SELECT fingerprint, group_id, status, severity, event_id FROM alerts": [("f", "g", "firing", 0, 1)],
}


def script() -> tuple[alembic.config.Config, ScriptDirectory]:
    """The migrations."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(FOLDER))
    return config, ScriptDirectory.from_config(config)


def revisions() -> list[str]:
    """All revisions, the first one first."""
    return [each.revision for each in reversed(list(script()[1].walk_revisions()))]


def differences(engine: Engine) -> list[Any]:
    """In what a database differs from outbox/tables.py: columns, types, indexes, keys and defaults."""
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    # Changes of one column come together in a list. Comments are for who reads the code, and are in no database.
    flat = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in flat if each[0] != "modify_comment"]


def conditions(engine: Engine) -> dict[str, str]:
    """What each index of few rows is of, which compare_metadata does not look at."""
    name = engine.dialect.name
    found = {}
    for table in metadata.tables:
        for index in inspect(engine).get_indexes(table):
            condition = index.get("dialect_options", {}).get(f"{name}_where")
            if condition is not None:
                # PostgreSQL gives it back in its own words: ((state)::text = 'pending'::text)
                found[str(index["name"])] = str(condition).replace("::text", "").translate({40: None, 41: None})
    return found


@pytest.fixture
def empty(database_url: str) -> Any:
    """An engine on a database without tables."""
    engine = open_database(database_url)
    if engine.dialect.name == "sqlite":
        Path(str(engine.url.database)).touch()
    yield engine
    engine.dispose()


def upgrade(engine: Engine, revision: str) -> None:
    """Brings a database to a revision."""
    config, _ = script()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)


@pytest.mark.parametrize("revision", revisions())
def test_comes_from_every_version_with_all_that_was_kept(empty: Engine, revision: str) -> None:
    """A database of any version becomes the one of the code, and what an earlier one wrote is still there."""
    upgrade(empty, "0001")
    with empty.begin() as connection:
        for row in ROWS:
            connection.execute(text(row))
    upgrade(empty, revision)
    migrate(empty)
    assert [] == differences(empty)
    with empty.connect() as connection:
        assert KEPT == {each: [tuple(row) for row in connection.execute(text(each))] for each in KEPT}


def test_the_migrated_tables_are_those_of_the_code(engine: Engine) -> None:
    """The migrations and outbox/tables.py say the same, the conditions of indexes too."""
    assert [] == differences(engine)
    expected = {
        str(index.name): str(index.dialect_options[engine.dialect.name]["where"])
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options[engine.dialect.name]["where"] is not None
    }
    assert expected == conditions(engine)


def test_a_difference_is_seen(engine: Engine) -> None:
    """A column too many, and an index too few, would be found."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE probes ADD COLUMN more TEXT"))
        connection.execute(text("DROP INDEX threads_by_group"))
    assert ["add_index", "remove_column"] == sorted(each[0] for each in differences(engine))


def test_ids_go_on_counting_after_the_rows_there_are(engine: Engine) -> None:
    """The database gives each event an id, and never one again: the highest is not free when it is deleted."""
    store = Store(engine, "a")
    assert [1, 2] == [store.accept(b"{}", NOW) for _ in range(2)]
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM events"))
    assert 3 == store.accept(b"{}", NOW)


@pytest.mark.parametrize("count", [2, 5])
def test_migrates_from_several_processes_at_once(
    database_url: str, open_engine: Callable[[], Engine], count: int
) -> None:
    """Processes that start together on an empty database all succeed."""

    def run(_: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", MIGRATE, database_url]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    with ThreadPoolExecutor(count) as pool:
        ended = list(pool.map(run, range(count)))
    assert [(0, "")] * count == [(each.returncode, each.stderr) for each in ended]
    assert 1 == Store(open_engine(), "a").accept(b"{}", NOW)


def test_migrates_from_several_threads_at_once(database_url: str) -> None:
    """Likewise threads, which come closer together: nobody starts while another is in the middle."""
    engines = [open_database(database_url) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        assert [None] * 5 == list(pool.map(migrate, engines))
    assert [] == differences(engines[0])
    for engine in engines:
        engine.dispose()


def test_refuses_a_newer_database(engine: Engine) -> None:
    """A database of a later version is left alone, in words."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"^the database was made by a newer version of alert-manager$"):
        migrate(engine)


def test_a_failed_migration_leaves_nothing(empty: Engine) -> None:
    """Where a table stands in the way, none of the others is made."""
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE threads (x INTEGER)"))
    with pytest.raises(StoreError, match=r'"?threads"? already exists'):
        migrate(empty)
    assert ["threads"] == inspect(empty).get_table_names()


def test_an_up_to_date_database_is_not_locked(engine: Engine) -> None:
    """The fast path takes no lock: a worker that starts again does not wait for anybody who writes."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE probes SET written_at = 0"))
        other = open_database(engine.url.render_as_string(hide_password=False))
        migrate(other)
        other.dispose()
