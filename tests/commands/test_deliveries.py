"""`python app.py deliveries list|retry|drop`, each in a process of its own, on both databases."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.notification import Notification
from outbox.database import migrate, open_database
from outbox.store import Store
from tests.deliveries import add
from tests.far_sides.trouble import refusing
from tests.samples import SEED, model_alert, notification
from tests.service import Service, eventually
from tests.test_commands import ROOT, SECRET, Ran, run

Command = Callable[..., Ran]


@pytest.fixture
def command(tmp_path: Path, database_url: str, engine: Engine) -> Command:
    """Runs `deliveries ...` on the database, in a folder of its own."""
    folder = tmp_path / "folder"
    folder.mkdir()

    def call(*arguments: str) -> Ran:
        done = run(folder, ("deliveries", *arguments), {"DATABASE_URL": database_url})
        assert [] == list(folder.iterdir())
        assert "Traceback" not in done.stderr
        return done

    return call


def words(store: Store) -> list[str]:
    """The states of all deliveries, the oldest first."""
    return [each.word for each in store.deliveries(now=datetime.now(UTC), limit=10_000)][::-1]


def ended(done: Ran) -> tuple[int, str, str]:
    """How a command ended, and what it said."""
    return done.returncode, done.stdout, done.stderr


def several(*names: str) -> Notification:
    """A notification of several alerts."""
    return notification("group", "team", *map(model_alert, names))


def test_lists_deliveries(command: Command, engine: Engine) -> None:
    """A line each, the newest first, aligned; with no delivery it says so."""
    assert (0, "no deliveries\n", "") == ended(command("list"))
    now = datetime.now(UTC)
    add(engine, "dead", several("A", "B", "C", "D", "E"), received_at=now - timedelta(days=2, seconds=1), attempts=12)
    add(engine, "superseded", received_at=now - timedelta(hours=3), successor_id=3, detail="")
    add(engine, "retrying", received_at=now - timedelta(minutes=5), due_at=now + timedelta(days=10, minutes=1))
    heading, *lines = [re.split(r" {2,}", line) for line in command("list").stdout.splitlines()]
    ages = [line.pop(2).partition(" ")[0] for line in lines]
    assert ["ID", "STATE", "AGE", "DESTINATION", "ATTEMPTS", "NEXT", "ALERTS", "DETAIL"] == heading
    assert ["5m", "3h", "2d"] == ages
    assert [
        ["3", "retrying", "team/log/0", "1", "in 10d", "Crash", "Slack: status 500"],
        ["2", "superseded", "team/log/0", "0", "-", "Crash", "(delivery 3)"],
        ["1", "dead", "team/log/0", "12", "-", "A, B, C, +2", "was dead"],
    ] == lines
    assert 2 == len(command("list", "--limit", "1").stdout.splitlines())


def test_lists_what_is_asked_for(command: Command, engine: Engine) -> None:
    """By states and destination; as JSON it is what the API tells."""
    add(engine, "dead", received_at=datetime.now(UTC))
    add(engine, "retrying")
    add(engine, "dead", notification("other group", "other"))
    listed = json.loads(command("list", "--state", "dead", "--state", "retrying", "--json").stdout)
    assert [(3, "dead"), (2, "retrying"), (1, "dead")] == [(each["id"], each["state"]) for each in listed]
    (found,) = json.loads(command("list", "--destination", "other/log/0", "--json").stdout)
    assert (3, "other group", ["Crash"], None) == (
        found["id"],
        found["group_key"],
        found["alerts"],
        found["next_attempt_at"],
    )
    assert (0, "[]\n", "") == ended(command("list", "--state", "delivered", "--json"))


def test_steers_the_deliveries_that_are_named(command: Command, engine: Engine, store: Store) -> None:
    """What can be done is done; what cannot is said, each with its reason, and the answer is then no."""
    for number, state in enumerate(("dead", "retrying", "delivered", "dead", "pending")):
        add(engine, state, notification(f"group {number}"))
    assert (0, "2 deliveries will be tried again\n", "") == ended(command("retry", "1", "2"))
    assert (
        1,
        "1 delivery dropped\n",
        "delivery 3: it is delivered\ndelivery 99: there is no such delivery\n",
    ) == ended(command("drop", "3", "4", "99"))
    assert ["retrying", "retrying", "delivered", "suppressed", "pending"] == words(store)
    found = store.delivery(4, datetime.now(UTC))
    assert found is not None
    assert "dropped by hand" == found.detail


def test_steers_all_of_a_kind(command: Command, engine: Engine, store: Store) -> None:
    """Those of the states and the destination that are named, the dead ones unless any is; and how many they were."""
    for number in range(3):
        add(engine, "dead", notification(f"group {number}"))
    add(engine, "dead", notification("group", "other"))
    add(engine, "pending", notification("group", "other"))
    assert (0, "3 deliveries will be tried again\n", "") == ended(
        command("retry", "--all", "--state", "dead", "--destination", "team/log/0")
    )
    assert (0, "1 delivery dropped\n", "") == ended(command("drop", "--all", "--yes"))
    assert ["retrying"] * 3 + ["suppressed", "pending"] == words(store)
    assert (0, "4 deliveries dropped\n", "") == ended(
        command("drop", "--all", "--state", "pending", "--state", "retrying", "--yes")
    )
    assert ["suppressed"] * 5 == words(store)
    assert (0, "0 deliveries will be tried again\n", "") == ended(command("retry", "--all"))


def test_says_once_why_several_were_refused(command: Command, engine: Engine, store: Store) -> None:
    """Of all that died the newest state of a group is tried again, and the older ones are told by it."""
    for _ in range(3):
        add(engine, "dead")
    assert (
        1,
        "1 delivery will be tried again\n",
        "2 refused: a newer state of its group has been told, or is about to be\n",
    ) == ended(command("retry", "--all"))
    assert ["dead", "dead", "retrying"] == words(store)


WRONG = {
    "nothing": ("retry",),
    "both": ("retry", "1", "--all"),
    "a state of one": ("drop", "1", "--state", "dead"),
    "a destination of one": ("drop", "1", "--destination", "team/log/0"),
    "no yes": ("drop", "--all", "--state", "dead"),
    "no id": ("drop", "x"),
    "no state": ("list", "--state", "ded"),
    "what is over": ("retry", "--all", "--state", "delivered"),
    "a limit": ("list", "--limit", "0"),
    "an id too large": ("retry", str(2**63)),
    "no command": (),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage_is_2(tmp_path: Path, name: str) -> None:
    """It says what would be right, and nothing has been looked at."""
    done = run(tmp_path, ("deliveries", *WRONG[name]))
    assert (2, "", True) == (done.returncode, done.stdout, "Usage: app.py deliveries" in done.stderr)


@pytest.mark.parametrize("arguments", [("list",), ("retry", "1"), ("drop", "--all", "--yes")])
def test_makes_no_database(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Where there is none it says so, and makes neither a file nor a folder."""
    path = tmp_path / "none" / "a.db"
    done = run(tmp_path, ("deliveries", *arguments), {"DATABASE_URL": f"sqlite:///{path}"})
    assert (1, "", f"there is no database {path} yet: `python app.py migrate` makes it\n") == ended(done)
    assert [] == list(tmp_path.iterdir())


def test_changes_no_database_of_another_version(tmp_path: Path) -> None:
    """What is older is brought up to date by a command of its own; what is newer, or no database, is let be."""
    path = tmp_path / "a.db"
    variables = {"DATABASE_URL": f"sqlite:///{path}"}
    older = "the database is not up to date: `python app.py migrate` brings it there\n"
    path.touch()
    assert (1, "", older) == ended(run(tmp_path, ("deliveries", "list"), variables))
    assert 0 == run(tmp_path, ("migrate",), variables).returncode
    for version, said in (("0001", older), ("9999", "the database was made by a newer version of alert-manager\n")):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        assert (1, "", said) == ended(run(tmp_path, ("deliveries", "list"), variables))
    path.write_text("x" * 5_000)
    said = "the database cannot be opened: file is not a database\n"
    assert (1, "", said) == ended(run(tmp_path, ("deliveries", "list"), variables))


def test_says_that_the_server_is_away(tmp_path: Path) -> None:
    """In words, and without the password."""
    with refusing() as nobody:
        url = f"postgresql://user:{SECRET}@{nobody.removeprefix('http://')}/name"
        done = run(tmp_path, ("deliveries", "list"), {"DATABASE_URL": url})
    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("the database cannot be opened: ")
    assert SECRET not in done.stderr


def test_a_retry_wakes_the_replicas(tmp_path: Path, postgresql_url: str) -> None:
    """They are told that there is something to do; on SQLite they look by themselves twice a second."""
    engine = open_database(postgresql_url)
    migrate(engine)
    add(engine, "dead")
    heard = threading.Event()
    listener = Store(engine, "a").listener(lambda: None, heard.set)
    listener.start()
    try:
        # It rings when it begins.
        assert heard.wait(5)
        heard.clear()
        assert 0 == run(tmp_path, ("deliveries", "retry", "1"), {"DATABASE_URL": postgresql_url}).returncode
        assert heard.wait(5)
    finally:
        listener.stop()
        engine.dispose()


def test_works_beside_the_service(tmp_path: Path) -> None:
    """What a running service has given up is listed, and is sent once it is to be tried again."""
    yaml = "route: {receiver: team}\nreceivers: [{name: team, log_configs: [{}]}]\n"
    with Service(tmp_path / "service", config_yaml=yaml) as service:
        variables = {"DATABASE_URL": f"sqlite:///{service.database}"}
        (told,) = service.post(SEED, "?wait=5s").json()["deliveries"]
        with sqlite3.connect(service.database) as connection:
            connection.execute("UPDATE deliveries SET state = 'dead', detail = 'made so by the test'")
        connection.close()
        listed = run(tmp_path, ("deliveries", "list", "--state", "dead"), variables).stdout
        assert "made so by the test" in listed
        assert 0 == run(tmp_path, ("deliveries", "retry", str(told["id"])), variables).returncode
        path = f"/api/v1/deliveries/{told['id']}"
        eventually(lambda: service.get(path).json()["state"] == "delivered", "it is delivered")
        assert 2 == service.get(path).json()["attempts"]


def test_cuts_lines_on_a_terminal(tmp_path: Path, sqlite_url: str) -> None:
    """No line is longer than the terminal is wide."""
    engine = open_database(sqlite_url)
    migrate(engine)
    add(engine, "dead", detail="a long story " * 20)
    engine.dispose()
    ours, theirs = os.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "deliveries", "list"],
        cwd=tmp_path,
        env={**environment, "COLUMNS": "60", "DATABASE_URL": sqlite_url},
        stdout=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    lines = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert (0, 2, 60, "…") == (done.returncode, len(lines), len(lines[1]), lines[1][-1])
