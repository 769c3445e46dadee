"""Workers that are replaced, killed, hung and frozen under load: nothing accepted is lost, nobody changes another's."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import requests
from sqlalchemy import Engine, text

from outbox.database import open_database
from tests.far_sides.pagerduty import PagerDuty
from tests.samples import webhook, wire_alert
from tests.service import Service, eventually

CONFIG = """
enrichment: {{timeout: 500ms}}
delivery: {{lease: 5s}}
route: {{receiver: on-call}}
receivers:
- name: on-call
  pagerduty_configs: [{{routing_key: 0123456789abcdef0123456789abcdef, url: '{url}'}}]
"""
LEASE_SECONDS = 5.0


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """The far side."""
    with PagerDuty() as far_side:
        yield far_side


class Load:
    """Posts alerts, each a group of its own, until the block ends; each again and again until it is taken."""

    def __init__(self, service: Service) -> None:
        self.accepted: list[str] = []
        self._url = f"{service.url}/alert"
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(3)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _post(self, number: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            count = 0
            while not self._stopping.is_set():
                count += 1
                name = f"A{number}x{count}"
                while not self._taken(session, name):
                    time.sleep(0.05)
                self.accepted.append(name)
                time.sleep(0.02)

    def _taken(self, session: requests.Session, name: str) -> bool:
        try:
            payload = webhook(wire_alert(name), group_key=name)
            return session.post(self._url, json=payload, timeout=10).status_code == 200
        except requests.RequestException:
            return False

    def goes_on(self, count: int = 20) -> None:
        """Waits until so many more were taken."""
        wanted = len(self.accepted) + count
        eventually(lambda: len(self.accepted) >= wanted, "more alerts to be taken", 20)


def triggers(pagerduty: PagerDuty) -> Counter[str]:
    """How often each alert was told, by name."""
    with pagerduty.changed:
        return Counter(each["payload"]["summary"].split()[-2] for each in pagerduty.events)


def end_one(service: Service) -> None:
    """A worker is told to end, as gunicorn does after so many requests."""
    os.kill(service.worker_pids[0], signal.SIGTERM)


def kill_one(service: Service) -> None:
    """A worker is killed, as by the kernel when memory is short."""
    os.kill(service.worker_pids[0], signal.SIGKILL)


def hang_one(service: Service) -> None:
    """A worker hangs, and gunicorn kills it."""
    os.kill(service.worker_pids[0], signal.SIGSTOP)


@pytest.mark.parametrize(
    ("change", "told_again"), [(end_one, 0), (kill_one, 64), (hang_one, 64)], ids=lambda each: None
)
def test_workers_come_and_go(
    tmp_path: Path, pagerduty: PagerDuty, change: Callable[[Service], None], told_again: int
) -> None:
    """Under load every alert that was taken is told; only what a dead one was sending may be told again."""
    pagerduty.delay_seconds = 0.05
    environment = {"GUNICORN_CMD_ARGS": "--timeout 2"}
    with Service(tmp_path, environment, CONFIG.format(url=pagerduty.url)) as service:
        before = set(service.worker_pids)
        with Load(service) as load:
            load.goes_on()
            change(service)
            eventually(lambda: before - set(service.worker_pids), "a worker to end", 40)
            eventually(lambda: len(service.worker_pids) == 2, "both workers", 20)
            load.goes_on()
        eventually(lambda: set(load.accepted) <= set(triggers(pagerduty)), "all to be told", 20)
        told = triggers(pagerduty)
        assert sum(told.values()) - len(told) <= told_again
        assert 0 == service.stop()
        assert "Traceback" not in service.log


def test_the_end_under_load_is_in_time(tmp_path: Path, pagerduty: PagerDuty) -> None:
    """With a slow far side and much that waits: it ends with 0, holds nothing any more, and the next run tells it."""
    with Service(tmp_path, {}, CONFIG.format(url=pagerduty.url)) as service:
        pagerduty.delay_seconds = 2.0
        with Load(service) as load:
            load.goes_on(250)
        begun = time.monotonic()
        assert 0 == service.stop()
        assert time.monotonic() - begun < 20
        engine = open_database(f"sqlite:///{service.database}")
        waiting = "SELECT count(*) FROM deliveries WHERE state = 'pending'"
        assert [0, 0] == [ask(engine, f"{waiting} AND {each}") for each in ("lease_owner IS NOT NULL", "attempts > 0")]
        assert ask(engine, waiting) > 0
        engine.dispose()
        pagerduty.delay_seconds = 0.0
        service.start()
        eventually(lambda: set(load.accepted) <= set(triggers(pagerduty)), "all to be told", 20)
    assert {1} == set(triggers(pagerduty).values())


def ask(engine: Engine, statement: str) -> Any:
    """The one value that the database answers."""
    with engine.connect().execution_options(read_only=True) as connection:
        return connection.execute(text(statement)).scalar()


@pytest.fixture
def replicas(request: pytest.FixtureRequest, tmp_path: Path, pagerduty: PagerDuty) -> Iterator[list[Service]]:
    """Two processes: of one service on SQLite, of two on PostgreSQL."""
    config = CONFIG.format(url=pagerduty.url)
    with ExitStack() as running:
        if request.param == "sqlite":
            yield [running.enter_context(Service(tmp_path, {}, config))]
        else:
            environment = {"DATABASE_URL": request.getfixturevalue("postgresql_url"), "WEB_CONCURRENCY": "1"}
            yield [running.enter_context(Service(tmp_path / name, environment, config)) for name in ("a", "b")]


@pytest.mark.parametrize("replicas", ["sqlite", "postgresql"], indirect=True)
def test_one_that_was_frozen_changes_nothing(replicas: list[Service], pagerduty: PagerDuty) -> None:
    """Stopped in the middle of a send until its lease is over: another tells it, and what it then finds is too late."""
    engine = open_database(replicas[0].environment["DATABASE_URL"])
    pids = [pid for service in replicas for pid in service.worker_pids]
    assert 2 == len(pids)
    pagerduty.delay_seconds = 2.0
    assert 200 == replicas[0].post(webhook(wire_alert("A"))).status_code
    pagerduty.wait_for(1)
    owner = ask(engine, "SELECT lease_owner FROM deliveries")
    pid = int(owner.rstrip(":").rpartition(":")[2])
    os.kill(pid, signal.SIGSTOP)
    try:
        pagerduty.delay_seconds = 0.0
        eventually(
            lambda: ask(engine, "SELECT state FROM deliveries") == "delivered", "another to tell it", 2 * LEASE_SECONDS
        )
        kept = settled_row(engine)
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: any("the lease was lost" in service.log for service in replicas), "it to find out", 10)
    assert kept == settled_row(engine)
    assert (2, 2) == (ask(engine, "SELECT attempts FROM deliveries"), len(pagerduty.events))
    # It is well, and goes on.
    assert 200 == replicas[0].post(webhook(wire_alert("A", "resolved"))).status_code
    pagerduty.wait_for_event(lambda each: each["event_action"] == "resolve")
    assert 1 == len(pagerduty.incidents)
    engine.dispose()


def settled_row(engine: Engine) -> tuple[Any, ...]:
    """What the first delivery and its thread are."""
    with engine.connect().execution_options(read_only=True) as connection:
        delivery = connection.execute(text("SELECT * FROM deliveries WHERE id = 1")).one()
        return (*delivery, *connection.execute(text("SELECT * FROM threads")).one())


def cpus_of(pid: int) -> set[int]:
    """The CPUs that a process may run on."""
    return os.sched_getaffinity(pid)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) not in (2, 3, 4), reason="as many workers as CPUs would be many")
def test_each_worker_has_a_cpu(tmp_path: Path) -> None:
    """Where there are as many workers as CPUs each keeps to one, all its threads, and so does who replaces it."""
    ours = os.sched_getaffinity(0)
    with Service(tmp_path, {"WEB_CONCURRENCY": str(len(ours))}) as service:
        first = service.worker_pids
        assert sorted(ours) == sorted(cpu for pid in first for cpu in cpus_of(pid))
        for pid in first:
            for task in Path(f"/proc/{pid}/task").iterdir():
                assert cpus_of(pid) == cpus_of(int(task.name))
        lost = cpus_of(first[0])
        os.kill(first[0], signal.SIGKILL)
        eventually(lambda: set(service.worker_pids) - set(first), "another worker", 20)
        (another,) = set(service.worker_pids) - set(first)
        eventually(lambda: lost == cpus_of(another), "it to have the CPU of the one before", 10)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one CPU only")
def test_fewer_workers_have_all_cpus(tmp_path: Path) -> None:
    """What one process leaves idle is not kept from it."""
    with Service(tmp_path, {"WEB_CONCURRENCY": "1"}) as service:
        assert [os.sched_getaffinity(0)] == [cpus_of(pid) for pid in service.worker_pids]


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 404), ("0.0.0.0", 403)])
def test_lets_its_own_machine_change_something(tmp_path: Path, address: str, status: int) -> None:
    """Where gunicorn listens there alone; else nobody may who is not known."""
    with Service(tmp_path, {"WEB_CONCURRENCY": "1", "LISTEN_ADDRESS": address}) as service:
        asked = service.session.post(f"{service.url}/api/v1/deliveries/1/retry", timeout=10)
        assert status == asked.status_code
        assert 200 == service.session.post(f"{service.url}/-/reload", timeout=10).status_code
