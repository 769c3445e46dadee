"""A watchdog that stops, with two services on one PostgreSQL: it pages once, in time, and so does its return."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.far_sides.http_server import HttpServer
from tests.far_sides.pagerduty import PagerDuty
from tests.samples import webhook, wire_alert
from tests.service import Service, eventually

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
WITHIN_SECONDS = 12.0
TOKEN = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """Who is paged."""
    with PagerDuty(ROUTING_KEY) as far_side:
        yield far_side


@pytest.fixture
def switch() -> Iterator[HttpServer]:
    """A dead man's switch."""
    with HttpServer() as far_side:
        yield far_side


@pytest.fixture
def services(tmp_path: Path, postgresql_url: str, pagerduty: PagerDuty, switch: HttpServer) -> Iterator[list[Service]]:
    """Two replicas, each with two workers."""
    config = f"""
route: {{receiver: nobody}}
receivers:
- {{name: nobody}}
- name: on-call
  pagerduty_configs: [{{routing_key: {ROUTING_KEY}, url: '{pagerduty.url}'}}]
watchdogs:
- {{matchers: ['alertname="Watchdog"'], within: {WITHIN_SECONDS:g}s, receiver: on-call}}
heartbeat: {{url: '{switch.base_url}/{TOKEN}', every: 10s}}
"""
    with ExitStack() as running:
        made = [Service(tmp_path / name, {"DATABASE_URL": postgresql_url}, config) for name in ("one", "two")]
        yield [running.enter_context(each) for each in made]


def comes(service: Service) -> None:
    """Posts it as Alertmanager does, again and again the same."""
    assert 200 == service.post(webhook(wire_alert("Watchdog", severity="none"), group_key="watchdog")).status_code


def said(service: Service) -> Any:
    """What `/status` says of it."""
    (watchdog,) = service.get("/api/v1/status").json()["watchdogs"]
    return watchdog


def test_a_stopped_watchdog_pages_once_in_time(
    services: list[Service], pagerduty: PagerDuty, switch: HttpServer
) -> None:
    """While it comes nobody is paged; a kill of a replica changes nothing; two replicas tell one return."""
    first, second = services
    for turn in range(5):
        comes(services[turn % 2])
        time.sleep(3)
    assert [] == pagerduty.events
    assert not said(first)["silent"]
    comes(first)
    stopped_at = time.monotonic()
    # It was who heard of it last.
    first.kill()
    pagerduty.wait_for(1, WITHIN_SECONDS + 10)
    assert WITHIN_SECONDS - 1 < time.monotonic() - stopped_at < WITHIN_SECONDS + 10
    first.start()
    # Were there a second page, it would have come by then.
    time.sleep(8)
    assert ["trigger"] == [each["event_action"] for each in pagerduty.events]
    assert 'alertname="Watchdog" has not come for 12s' in pagerduty.events[0]["payload"]["summary"]
    assert {True} == {said(each)["silent"] for each in services}
    silent = 'alert_manager_watchdog_silent{receiver="on-call",watchdog="alertname=\\"Watchdog\\""}'
    assert f"{silent} 1.0" in second.get("/metrics").text

    comes(second)
    eventually(lambda: len(pagerduty.events) == 2, "its return", 10)
    assert ["trigger", "resolve"] == [each["event_action"] for each in pagerduty.events]
    assert f"{silent} 0.0" in first.get("/metrics").text
    assert [] == pagerduty.refused

    seconds = time.monotonic() - switch.requests[0].received_at
    assert {f"/{TOKEN}"} == {each.path for each in switch.requests}
    # Four workers, and not four calls in each interval.
    assert 2 <= len(switch.requests) <= seconds / 10 + 2
    assert TOKEN not in "".join(f"{each.log}{each.get('/status').text}{each.get('/metrics').text}" for each in services)
    assert "alert_manager_heartbeat_last_success_timestamp_seconds" in first.get("/metrics").text
