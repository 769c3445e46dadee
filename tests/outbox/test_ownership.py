"""What a dead process held is given back at once where it is certain that it is dead, and nothing of the living is."""

import fcntl
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from outbox import ownership
from outbox.database import StoreError, migrate, open_database
from outbox.tables import events
from tests.samples import NOW
from tests.service import ROOT, Service, eventually

HOST = socket.gethostname()
# Takes over, has a child that ends in order, and waits: as a master does, one of whose workers has ended.
HOLDER = """
import os, sys, time
from outbox.database import open_database
from outbox.ownership import take_over
engine = open_database(sys.argv[1])
lock = take_over(engine)
engine.dispose()
child = os.fork()
if not child:
    sys.exit()
os.waitpid(child, 0)
print("held" if lock else "not held", flush=True)
time.sleep(60)
"""


def hold(engine: Engine, owner: str) -> None:
    """Has a process of this name hold one more event for a minute: a longer lease counts as none."""
    held = {"received_at": NOW, "body": b"{}", "state": "accepted", "attempts": 1}
    with engine.begin() as connection:
        until = datetime.now(UTC) + timedelta(seconds=60)
        connection.execute(events.insert().values(**held, lease_owner=owner, lease_until=until))


def holders(engine: Engine) -> list[str | None]:
    """Who holds each event."""
    with engine.connect() as connection:
        return list(connection.execute(select(events.c.lease_owner).order_by(events.c.id)).scalars())


def waiting(engine: Engine) -> int:
    """How many events are still to be planned."""
    with engine.connect() as connection:
        return connection.execute(select(func.count()).where(events.c.state == "accepted")).scalar_one()


def test_names_fit_the_column() -> None:
    """A name tells host, instance and process, and fits whatever the instance is called."""
    assert f"{HOST}:blue:7:" == ownership.owner({"ALERT_MANAGER_INSTANCE": "blue"}, 7)
    longest = ownership.owner({"ALERT_MANAGER_INSTANCE": "x" * 100}, 2**22).removeprefix(HOST)
    assert len(longest) + 64 <= 128


def test_each_run_has_a_name_of_its_own() -> None:
    """Two that are started without a name get different ones; one that was given stays."""
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    ownership.name_instance(first)
    ownership.name_instance(second)
    assert first != second
    assert ownership.owner(first, 1) == ownership.owner(first, 1)
    given = {"ALERT_MANAGER_INSTANCE": "blue"}
    assert not ownership.is_named({})
    assert ownership.is_named(given)
    ownership.name_instance(given)
    assert {"ALERT_MANAGER_INSTANCE": "blue"} == given


def test_takes_over_what_an_earlier_run_held(engine: Engine) -> None:
    """On SQLite all, for nobody else is there; on PostgreSQL what has this host's name, and no other's like it."""
    others = [f"{HOST}x:1:1:", f"x{HOST}:1:1:", "elsewhere:1:1:"]
    for owner in [f"{HOST}:dead:1:", *others]:
        hold(engine, owner)
    lock = ownership.take_over(engine)
    assert lock is not None
    left = others if engine.dialect.name == "postgresql" else [None] * 3
    assert [None, *left] == holders(engine)
    lock.close()


def test_takes_nothing_from_one_that_lives(engine: Engine, open_engine: Callable[[], Engine]) -> None:
    """While another has the lock nothing is given back; when it has ended, all is."""
    first = ownership.take_over(engine)
    assert first is not None
    hold(engine, f"{HOST}:alive:1:")
    other = open_engine()
    assert None is ownership.take_over(other)
    assert [f"{HOST}:alive:1:"] == holders(engine)
    first.close()
    second = ownership.take_over(other)
    assert second is not None
    assert [None] == holders(engine)
    second.close()


def test_a_worker_that_ended_is_not_its_neighbour(engine: Engine) -> None:
    """What one worker held is given back, and not what others hold, nor another instance's worker of its number."""
    variables = {"ALERT_MANAGER_INSTANCE": "blue"}
    alive = [ownership.owner(variables, 71), ownership.owner({"ALERT_MANAGER_INSTANCE": "green"}, 7)]
    for owner in [ownership.owner(variables, 7), *alive]:
        hold(engine, owner)
    ownership.release_worker(engine, variables, 7)
    assert [None, *alive] == holders(engine)


def test_the_lock_is_the_processes_own(engine: Engine, database_url: str) -> None:
    """It outlives a worker that ends in order, and ends with the process that is killed."""
    command = [sys.executable, "-c", HOLDER, database_url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        assert None is ownership.take_over(engine)
        holder.send_signal(signal.SIGKILL)
    lock = ownership.take_over(engine)
    assert lock is not None
    lock.close()


def test_waits_a_moment_for_a_predecessor_to_end(postgresql_url: str) -> None:
    """A session of one that has just been killed may last a little longer than it."""
    engine = open_database(postgresql_url)
    migrate(engine)
    first = ownership.take_over(engine)
    assert first is not None
    threading.Timer(0.4, first.close).start()
    second = ownership.take_over(engine)
    assert second is not None
    second.close()
    engine.dispose()


def test_what_another_replica_stands_still_on_does_not_keep_one_from_starting(postgresql_url: str) -> None:
    """It has the lock, and what it could not give back comes back with its leases."""
    engine = open_database(postgresql_url)
    migrate(engine)
    hold(engine, f"{HOST}:dead:1:")
    with engine.connect() as frozen:
        frozen.execute(select(events.c.id).with_for_update())
        lock = ownership.take_over(engine)
    assert lock is not None
    assert [f"{HOST}:dead:1:"] == holders(engine)
    lock.close()
    engine.dispose()


def test_two_services_on_one_host_share_a_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    """The first gives back what an earlier run held; the second, while the first lives, nothing, and says so."""
    engine = open_database(postgresql_url)
    migrate(engine)
    hold(engine, f"{HOST}:dead:1:")
    settings = {"DATABASE_URL": postgresql_url, "WEB_CONCURRENCY": "1"}
    with Service(tmp_path / "one", settings) as first:
        eventually(lambda: not waiting(engine), "what the dead one held is planned")
        hold(engine, f"{HOST}:alive:1:")
        with Service(tmp_path / "two", settings) as second:
            words = "another alert-manager runs on the same database under this host's name; it is shared"
            assert [False, True] == [words in service.log for service in (first, second)]
            assert [None, f"{HOST}:alive:1:"] == holders(engine)
        first.kill()
        first.start()
        eventually(lambda: not waiting(engine), "what it held is planned")
    engine.dispose()


def test_who_frees_a_workers_leases_does_not_wait_for_another_that_stands_still(
    sqlite_url: str,
) -> None:
    """The master is the only one who could end that; what the worker held comes back with its lease."""
    engine = open_database(sqlite_url)
    migrate(engine)
    hold(engine, f"{HOST}:blue:7:")
    with Path(f"{engine.url.database}.turn").open("a") as stands_still:
        fcntl.flock(stands_still, fcntl.LOCK_EX)
        begun = time.monotonic()
        with pytest.raises(StoreError, match="lock beside the database"):
            ownership.release_worker(engine, {"ALERT_MANAGER_INSTANCE": "blue"}, 7)
        assert time.monotonic() - begun < 3
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        ownership.release_worker(engine, {"ALERT_MANAGER_INSTANCE": "blue"}, 7)
    assert [None] == holders(engine)
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_files
    engine.dispose()
