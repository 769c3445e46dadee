"""Nothing accepted is lost: the service killed, a worker killed, and an orderly end, each with sends in hand."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.far_sides.http_server import Answer, Request
from tests.far_sides.pagerduty import PagerDuty
from tests.samples import webhook, wire_alert
from tests.service import Service, eventually

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
# Well under a lease of 30 s, and room for the pauses after a few failed attempts.
SOON_SECONDS = 12.0


class Moody(PagerDuty):
    """A PagerDuty that can be down: it answers 503, and hears nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False

    def answer(self, request: Request) -> Answer:
        """Answers as PagerDuty does, or 503."""
        return Answer(503) if self.down else super().answer(request)


@pytest.fixture
def pagerduty() -> Iterator[Moody]:
    """The far side."""
    with Moody() as far_side:
        yield far_side


@pytest.fixture
def service(tmp_path: Path, pagerduty: Moody) -> Iterator[Service]:
    """The service, which pages through the far side."""
    config = f"""
route: {{receiver: on-call}}
receivers:
- name: on-call
  pagerduty_configs: [{{routing_key: {ROUTING_KEY}, url: '{pagerduty.url}'}}]
"""
    with Service(tmp_path, config_yaml=config) as running:
        yield running


def rows(service: Service, statement: str) -> list[Any]:
    """What the database says, asked past the service."""
    with closing(sqlite3.connect(service.database)) as connection:
        return connection.execute(statement).fetchall()


def accept(service: Service, group: str, status: str = "firing") -> int:
    """Posts the state of a group; returns the event's id."""
    response = service.post(webhook(wire_alert(group, status), group_key=group))
    assert 200 == response.status_code, response.text
    return int(response.headers["Location"].rpartition("/")[2])


def all_delivered(service: Service, timeout_seconds: float) -> None:
    """Waits until every event is planned and every delivery made, superseded or needless; none is dead."""

    def look() -> bool:
        states = rows(service, "SELECT DISTINCT state FROM events UNION SELECT DISTINCT state FROM deliveries")
        return {("planned",), ("delivered",), ("superseded",), ("suppressed",)} >= set(states)

    eventually(look, "every delivery made", timeout_seconds)


def incident_states(pagerduty: Moody) -> dict[str, str]:
    """Each group's incident and its state, by what the alerts are called; each incident has a key of its own."""
    with pagerduty.changed:
        incidents = list(pagerduty.incidents.values())
    states = {incident.events[0]["payload"]["summary"].split()[-2]: incident.state for incident in incidents}
    assert len(states) == len(incidents)
    return states


def test_a_kill_of_the_whole_service_loses_nothing(service: Service, pagerduty: Moody) -> None:
    """What was accepted while the far side was down is told after a restart, soon, and each group's last state is."""
    pagerduty.down = True
    for group in ("A", "B", "C"):
        accept(service, group)
    pagerduty.wait_for(3)
    # In the middle of a send, too, whose lease would last half a minute; it is a probe, for the far side fails.
    pagerduty.delay_seconds = 30
    accept(service, "D")
    pagerduty.wait_for(4)
    accept(service, "B", "resolved")
    accept(service, "E")
    over = accept(service, "E", "resolved")
    # Else the restarted service may tell that E fires before it has planned that it is over.
    eventually(
        lambda: rows(service, f"SELECT 1 FROM events WHERE id = {over} AND state = 'planned'"), "E's end planned"
    )
    service.kill()
    assert [] == pagerduty.events

    pagerduty.down, pagerduty.delay_seconds = False, 0
    service.start()
    begun = time.monotonic()
    all_delivered(service, SOON_SECONDS)
    assert time.monotonic() - begun < SOON_SECONDS
    # Nobody was woken for B, which ended before it could be told, and for E, of which nothing was attempted.
    assert {"A": "triggered", "C": "triggered", "D": "triggered"} == incident_states(pagerduty)
    assert ["resolve"] == [each["event_action"] for each in pagerduty.events if each["event_action"] != "trigger"]
    assert [] == pagerduty.refused


def test_a_kill_right_after_the_answer_loses_nothing(service: Service, pagerduty: Moody) -> None:
    """The answer is the promise: killed the moment it is read, the service tells it when it is back."""
    names = [f"group{number}" for number in range(6)]
    for name in names:
        accept(service, name)
    service.kill()
    service.start()
    all_delivered(service, SOON_SECONDS)
    assert dict.fromkeys(names, "triggered") == incident_states(pagerduty)


def test_what_a_killed_worker_was_sending_is_sent_again_soon(service: Service, pagerduty: Moody) -> None:
    """The other worker takes over at once and not when the lease ends, and the service keeps both of its workers."""
    pagerduty.delay_seconds = 30
    accept(service, "A")
    pagerduty.wait_for(1)
    ((owner,),) = rows(service, "SELECT lease_owner FROM deliveries")
    pid = int(owner.rstrip(":").rpartition(":")[2])
    assert pid in service.worker_pids

    pagerduty.delay_seconds = 0
    os.kill(pid, signal.SIGKILL)
    all_delivered(service, 5)
    assert 2 == len(pagerduty.requests)
    # A trigger may be heard twice; its key makes it one incident.
    assert {"A": "triggered"} == incident_states(pagerduty)
    eventually(lambda: len(set(service.worker_pids) - {pid}) == 2, "a new worker", 5)


def test_an_orderly_end_finishes_what_is_in_flight(service: Service, pagerduty: Moody) -> None:
    """On SIGTERM a send that has begun is finished and kept; what has not is told by the next run; the code is 0."""
    pagerduty.delay_seconds = 1.5
    accept(service, "A")
    pagerduty.wait_for(1)
    assert 0 == service.stop()
    assert [("delivered",)] == rows(service, "SELECT state FROM deliveries")
    assert 1 == len(pagerduty.events)
    assert [] == rows(service, "SELECT id FROM deliveries WHERE lease_owner IS NOT NULL")
    assert "Traceback" not in service.log

    pagerduty.delay_seconds = 0
    service.start()
    accept(service, "A", "resolved")
    all_delivered(service, SOON_SECONDS)
    assert {"A": "resolved"} == incident_states(pagerduty)
    assert 2 == len(pagerduty.events)


def test_an_orderly_end_leaves_the_rest_to_the_next_run(service: Service, pagerduty: Moody) -> None:
    """More than can be sent side by side, and a far side that is slow: nothing is lost, nothing told twice."""
    pagerduty.delay_seconds = 1.0
    names = [f"group{number}" for number in range(24)]
    for name in names:
        accept(service, name)
    pagerduty.wait_for(1)
    assert 0 == service.stop()
    pagerduty.delay_seconds = 0
    service.start()
    all_delivered(service, SOON_SECONDS)
    assert dict.fromkeys(names, "triggered") == incident_states(pagerduty)
    assert len(names) == len(pagerduty.events)


def test_a_terminals_interrupt_ends_it_at_once(service: Service) -> None:
    """Ctrl-C reaches the master and its workers alike; they end in order, in less than gunicorn's patience."""
    os.killpg(service.pid, signal.SIGINT)
    assert 0 == service.wait(15)
    assert "SIGKILL" not in service.log
