"""The whole service and another configuration: every process takes it, a broken one ends none, nothing is lost."""

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.far_sides.pagerduty import PagerDuty
from tests.samples import webhook, wire_alert
from tests.service import Service, eventually
from tests.test_workers import Load

ONE = "route: {receiver: one}\nreceivers: [{name: one, log_configs: [{}]}]\n"
TWO = ONE.replace("one", "two")
BROKEN = "route: {receiver: nobody}\nreceivers: [{name: one, log_configs: [{}]}]\n"
KEYS = {"on-call": "0" * 32, "second": "1" * 32}
"""Each of the receivers' routing key."""
RECEIVERS = """
route:
  receiver: on-call
  routes:
  - {{receiver: second, matchers: ['alertname=~"A.*"'], continue: true}}
  - {{receiver: on-call, matchers: ['alertname=~"A.*"']}}
receivers:
- {{name: on-call, pagerduty_configs: [{{routing_key: '{0[on-call]}', url: '{1}', severity: {2}}}]}}
- {{name: second, pagerduty_configs: [{{routing_key: '{0[second]}', url: '{1}', pace: {{rate: 1000/s, burst: 100}}}}]}}
"""
CHANGES_SECONDS = 20.0
CHANGE_EVERY_SECONDS = 0.1


def loaded(service: Service) -> dict[int, Any]:
    """What each worker has of the configuration, by its process: they are asked until each has answered."""
    found: dict[int, Any] = {}

    def ask() -> bool:
        # A connection of its own each time: kept open, one worker would answer all.
        service.session.close()
        document = service.get("/api/v1/status").json()
        found[document["process"]["id"]] = document
        return set(service.worker_pids) <= found.keys()

    eventually(ask, "each worker to answer", 20)
    return {pid: document for pid, document in found.items() if pid in service.worker_pids}


def roots(service: Service) -> set[str]:
    """The receivers that the workers have."""
    return {name.partition("/")[0] for each in loaded(service).values() for name in each["destinations"]}


def successful(service: Service) -> set[bool]:
    """Whether the last attempts of the workers were successful."""
    return {each["configuration"]["last_reload"]["successful"] for each in loaded(service).values()}


def metrics(service: Service) -> dict[str, float]:
    """What /metrics says of the configuration."""
    lines = service.get("/metrics").text.splitlines()
    found = [line.split() for line in lines if line.startswith("alert_manager_config_last_reload_")]
    return {name.removeprefix("alert_manager_config_last_reload_"): float(value) for name, value in found}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Two workers, whose configuration is as ConfigMaps are: `config.yaml` -> `..data` -> a folder."""
    path = tmp_path / "mounted" / "config.yaml"
    path.parent.mkdir()
    swap(path, ONE)
    path.symlink_to("..data/config.yaml")
    with Service(tmp_path / "service", {"CONFIG_FILE": str(path), "WEB_CONCURRENCY": "2"}) as running:
        yield running


def file_of(service: Service) -> Path:
    """The file as it is named."""
    return Path(service.environment["CONFIG_FILE"])


def swap(file: Path, text: str) -> None:
    """Another folder in the place of the one before, as the kubelet does it."""
    folder = file.parent / f"..{time.monotonic_ns()}"
    folder.mkdir()
    (folder / file.name).write_text(text)
    link = file.parent / "..data_tmp"
    link.symlink_to(folder.name)
    link.rename(file.parent / "..data")


def hang_up(service: Service) -> None:
    """SIGHUP for the master."""
    os.kill(service.pid, signal.SIGHUP)


def post(service: Service) -> None:
    """`POST /-/reload`."""
    response = service.session.post(f"{service.url}/-/reload", timeout=30)
    assert (200, {"status": "success", "warnings": []}) == (response.status_code, response.json())


def nothing(service: Service) -> None:
    """It is seen without being told."""


def test_every_worker_takes_it(service: Service) -> None:
    """Told to one process, or to none: both have it, the same ones as before; and after a swap of links, too."""
    before = service.worker_pids
    earlier = metrics(service)
    tells: list[Callable[[Service], None]] = [hang_up, post, nothing]
    for tell in tells:
        file_of(service).write_text(TWO)
        tell(service)
        eventually(lambda: roots(service) == {"two"}, f"both to take it: {tell.__doc__}", 10)
        swap(file_of(service), ONE)
        tell(service)
        eventually(lambda: roots(service) == {"one"}, f"both to take the next: {tell.__doc__}", 10)
    assert before == service.worker_pids
    assert 1.0 == metrics(service)["successful"]
    assert metrics(service)["success_timestamp_seconds"] > earlier["success_timestamp_seconds"]
    assert 1 == len({each["configuration"]["digest"] for each in loaded(service).values()})


def test_a_broken_file_ends_nobody(service: Service) -> None:
    """Not the workers, nor one that is begun meanwhile, nor the master; it is said everywhere until it is mended."""
    before = service.worker_pids
    broken_at = time.time()
    file_of(service).write_text(BROKEN)
    eventually(lambda: successful(service) == {False}, "both to see it", 10)
    assert 0.0 == metrics(service)["successful"]
    hang_up(service)
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(set(service.worker_pids) - set(before)) == 1, "another worker", 20)
    eventually(lambda: len(loaded(service)) == 2, "it to answer", 20)
    assert ({"one"}, {False}) == (roots(service), successful(service))
    assert "no receiver is called" in service.get("/status").text
    found = metrics(service)
    assert 0.0 == found["successful"]
    assert found["success_timestamp_seconds"] < broken_at
    response = service.session.post(f"{service.url}/-/reload", timeout=30)
    assert 500 == response.status_code
    assert response.json()["error"].startswith("failed to reload config: ")
    assert 200 == service.post(webhook(wire_alert()), "?wait=5s").status_code
    swap(file_of(service), TWO)
    eventually(lambda: (roots(service), successful(service)) == ({"two"}, {True}), "both to take the good one", 10)
    assert 1.0 == metrics(service)["successful"]
    assert 0 == service.stop()
    assert "Traceback" not in service.log


def test_who_begins_later_has_what_the_others_took(service: Service) -> None:
    """Though nobody was told of it, and it is no more there: the master has looked, too."""
    swap(file_of(service), TWO)
    eventually(lambda: (roots(service), successful(service)) == ({"two"}, {True}), "both to take it", 10)
    # Longer than the master waits between two looks.
    time.sleep(3)
    file_of(service).write_text(BROKEN)
    eventually(lambda: successful(service) == {False}, "both to see it", 10)
    before = service.worker_pids
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(set(service.worker_pids) - set(before)) == 1, "another worker", 20)
    eventually(lambda: len(loaded(service)) == 2, "it to answer", 20)
    assert {"two"} == roots(service)
    assert 0 == service.stop()


def test_a_storage_that_changes_stays_until_a_restart(tmp_path: Path) -> None:
    """What a dead worker held is freed where it is held, though the file names another database, or none, by now."""
    first = f"storage: {{url: 'sqlite:///{tmp_path / 'first.db'}'}}\n"
    with Service(tmp_path / "service", {"DATABASE_URL": ""}, first + ONE) as service:
        file = file_of(service)
        file.write_text(f"storage: {{url: 'sqlite:///{tmp_path / 'second.db'}'}}\n{TWO}")
        eventually(lambda: roots(service) == {"two"}, "both to take the rest", 10)
        assert "storage.url: has changed; only a restart has that take effect" in service.get("/status").text
        killed = service.worker_pids[0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in service.worker_pids and len(service.worker_pids) == 2, "another worker", 20)
        file.unlink()
        eventually(lambda: successful(service) == {False}, "all to see that it is gone", 10)
        killed = service.worker_pids[0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in service.worker_pids and len(service.worker_pids) == 2, "another worker", 20)
        assert {"two"} == roots(service)
        assert 200 == service.post(webhook(wire_alert()), "?wait=5s").status_code
        assert "comes back with its lease" not in service.log
    assert not (tmp_path / "second.db").exists()


class Changes(threading.Thread):
    """Writes the configuration anew, by turns good and broken, and tells the service in every way there is."""

    def __init__(self, service: Service, texts: list[str]) -> None:
        super().__init__()
        self._service = service
        self._texts = texts
        self.count = 0

    def run(self) -> None:
        """Writes for twenty seconds."""
        file, until = file_of(self._service), time.monotonic() + CHANGES_SECONDS
        for text, tell in zip(cycle(self._texts), cycle([None, None, hang_up, None, None]), strict=False):
            if time.monotonic() >= until:
                return
            file.write_text(text)
            self.count += 1
            if tell is not None:
                tell(self._service)
            time.sleep(CHANGE_EVERY_SECONDS)


def test_under_load_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    """Twenty seconds of another file each 100 ms, while alerts come in: each is told once to each of its receivers."""
    with PagerDuty() as pagerduty:
        pagerduty.delay_seconds = 0.03
        good = [RECEIVERS.format(KEYS, pagerduty.url, severity) for severity in ("warning", "critical")]
        # Not more of it than of receivers: what is looked up, how long is tried, and that it is broken half way.
        texts = [good[0], f"delivery: {{retry_for: 2h}}\nenrichment: {{timeout: 1s}}\n{good[1]}", good[0][:300]]
        with Service(tmp_path, {"LOG_LEVEL": "INFO"}, texts[0]) as service:
            workers = service.worker_pids
            changes = Changes(service, texts)
            with Load(service) as load:
                changes.start()
                changes.join(CHANGES_SECONDS + 20)
                assert not changes.is_alive()
            assert workers == service.worker_pids
            wanted = {(key, name): 1 for name in load.accepted for key in KEYS.values()}
            eventually(lambda: len(told(pagerduty)) >= len(wanted), "all to be told", 30)
            file_of(service).write_text(texts[0])
            eventually(lambda: successful(service) == {True}, "the last one to be taken", 10)
            assert 0 == service.stop()
            log = service.log
        assert wanted == told(pagerduty)
        assert not pagerduty.refused
    assert len(load.accepted) > 100
    assert changes.count > 50
    # Good ones and broken ones were seen, again and again, and it was told by both of the good.
    assert len(re.findall('"message": "configuration loaded"', log)) > 10
    assert len(re.findall("the configuration is not good", log)) > 3
    assert {"warning", "critical"} <= {each["payload"]["severity"] for each in pagerduty.events}
    assert "Traceback" not in log
    assert "the lease was lost" not in log


def told(pagerduty: PagerDuty) -> Counter[tuple[str, str]]:
    """How often each receiver was told of each alert, by its key and the alert's name."""
    with pagerduty.changed:
        return Counter((each["routing_key"], each["payload"]["summary"].split()[-2]) for each in pagerduty.events)
