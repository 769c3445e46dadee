"""The PagerDuty far side tells incidents apart, takes changes, and lets persons act as PagerDuty does."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.far_sides.http_server import HttpServer
from tests.far_sides.pagerduty import PagerDuty

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "not-a-real-secret"


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty where nothing is open."""
    with PagerDuty(now=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as server:
        yield server


def send(pagerduty: PagerDuty, action: str = "trigger", summary: str = "Crash", **changes: Any) -> int:
    """Sends an event and returns the status."""
    event = {"routing_key": KEY, "event_action": action, "dedup_key": "group", **changes}
    if action == "trigger":
        event["payload"] = {"summary": summary, "source": "a-1", "severity": "critical", "custom_details": {"a": "b"}}
    return requests.post(pagerduty.url, json=event, timeout=5).status_code


def change(**changes: Any) -> dict[str, Any]:
    """Returns a change event."""
    return {"routing_key": KEY, "payload": {"summary": "Restarted a-1"}, **changes}


def test_opens_another_incident_after_a_resolve(pagerduty: PagerDuty) -> None:
    """A resolved one does not open again, and both are kept."""
    for action in ("trigger", "trigger", "resolve", "trigger"):
        assert 202 == send(pagerduty, action)
    assert [(1, "resolved", 3), (2, "triggered", 1)] == [
        (one.number, one.state, len(one.events)) for one in pagerduty.opened
    ]
    assert 2 == pagerduty.incident("group").number


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_says_why_an_event_was_dropped(pagerduty: PagerDuty, action: str) -> None:
    """Each is taken with 202 all the same."""
    assert 202 == send(pagerduty, action)
    send(pagerduty)
    assert 202 == send(pagerduty, action, routing_key=KEY[::-1])
    send(pagerduty, "resolve")
    assert 202 == send(pagerduty, action)
    assert [
        "nothing was triggered",
        "it was triggered through another routing key",
        "incident 1 is resolved already",
    ] == [one.why for one in pagerduty.dropped]
    assert [action] * 3 == [one.event["event_action"] for one in pagerduty.dropped]


def test_a_trigger_through_another_key_is_another_incident(pagerduty: PagerDuty) -> None:
    """The dedup key counts for one integration."""
    send(pagerduty)
    send(pagerduty, routing_key=KEY[::-1])
    assert 2 == len(pagerduty.opened)


def test_takes_changes(pagerduty: PagerDuty) -> None:
    """Whole and bare ones, and they open nothing."""
    whole = {
        "summary": "Restarted a-1",
        "source": "alert-manager",
        "timestamp": "2026-01-01T00:00:00.000+0000",
        "custom_details": {"by": "jane"},
    }
    for event in (change(), change(payload=whole, links=[{"href": "https://a.example", "text": "Page"}])):
        response = requests.post(pagerduty.change_url, json=event, timeout=5)
        assert (202, "success") == (response.status_code, response.json()["status"])
    assert (2, [], []) == (len(pagerduty.changes), pagerduty.events, pagerduty.opened)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ([], "the event is not a JSON object"),
        (change(routing_key=""), "'routing_key' is missing or blank"),
        (change(routing_key="R" * 32), "'routing_key' is of a ruleset, which takes no change events"),
        (change(payload=None), "'payload' is missing or not an object"),
        (change(payload={"summary": ""}), "'payload.summary' is missing or blank"),
        (change(payload={"summary": "x" * 1025}), "'payload.summary' has 1025 characters (at most 1024)"),
        (change(payload={"summary": "x", "severity": "info"}), "unknown key 'payload.severity'"),
        (change(payload={"summary": "x", "timestamp": "now"}), "'payload.timestamp' is not an ISO 8601 date and time"),
        (change(payload={"summary": "x", "custom_details": []}), "'payload.custom_details' is not an object"),
        (change(links=[{"text": "x"}]), "'links[0].href' is not a URL"),
        (change(dedup_key="x"), "unknown key 'dedup_key'"),
        (change(event_action="trigger"), "unknown key 'event_action'"),
    ],
)
def test_refuses_a_wrong_change(pagerduty: PagerDuty, event: object, error: str) -> None:
    """Each breach is answered 400 with its reason."""
    response = requests.post(pagerduty.change_url, json=event, timeout=5)
    assert (400, [error]) == (response.status_code, response.json()["errors"])
    assert [] == pagerduty.changes


def test_takes_120_calls_a_minute(pagerduty: PagerDuty) -> None:
    """Of each key, over the last 60 seconds; what is refused counts for nothing."""
    seconds = [0.0]
    pagerduty.limit_rates(lambda: seconds[0])
    assert [202] * 120 + [429] == [send(pagerduty) for _ in range(121)]
    assert 202 == send(pagerduty, routing_key=KEY[::-1])
    seconds[0] = 60.0
    assert 202 == send(pagerduty)
    assert 122 == len(pagerduty.events)


@pytest.mark.parametrize(("after", "expected"), [(None, None), (7, "7")])
def test_throttles_as_it_is_told(pagerduty: PagerDuty, after: int | None, expected: str | None) -> None:
    """With or without saying for how long."""
    pagerduty.throttle(retry_after_seconds=after)
    response = requests.post(pagerduty.url, json={}, timeout=5)
    assert (429, expected) == (response.status_code, response.headers.get("Retry-After"))
    assert (202, []) == (send(pagerduty), pagerduty.refused)


def test_a_person_acknowledges_and_resolves(pagerduty: PagerDuty) -> None:
    """Each is told by a signed webhook of the third version, which may come again as it was."""
    send(pagerduty)
    with HttpServer() as service:
        pagerduty.subscribe(service.url, SECRET, "the-next-secret")
        assert 200 == pagerduty.acknowledge_by("Jane", "group")
        assert 200 == pagerduty.tell_again()
        assert 200 == pagerduty.resolve_by("Bob", "group")
        first, again, second = service.requests
    assert (first.body, dict(first.headers)) == (again.body, dict(again.headers))
    assert first.headers["X-Webhook-Id"] != second.headers["X-Webhook-Id"]
    told = [request.json()["event"] for request in (first, second)]
    assert [
        ("incident.acknowledged", "acknowledged", "Jane", "group"),
        ("incident.resolved", "resolved", "Bob", "group"),
    ] == [
        (each["event_type"], each["data"]["status"], each["agent"]["summary"], each["data"]["incident_key"])
        for each in told
    ]
    assert ("incident", "2026-01-01T00:00:00.000Z", "Crash") == (
        told[0]["resource_type"],
        told[0]["occurred_at"],
        told[0]["data"]["title"],
    )
    expected = [
        "v1=" + hmac.new(each.encode(), first.body, hashlib.sha256).hexdigest() for each in (SECRET, "the-next-secret")
    ]
    assert expected == first.headers["X-PagerDuty-Signature"].split(",")
    assert SECRET not in repr(pagerduty.deliveries) + json.dumps(told)


def test_what_nobody_did_has_no_agent(pagerduty: PagerDuty) -> None:
    """As of what an integration triggered."""
    send(pagerduty)
    assert pagerduty.tell("incident.triggered", "group") is None
    with HttpServer() as service:
        pagerduty.subscribe(service.url, SECRET)
        pagerduty.tell("incident.triggered", "group")
        event = service.requests[0].json()["event"]
    assert (None, "triggered") == (event["agent"], event["data"]["status"])


def test_only_an_open_incident_is_acted_on(pagerduty: PagerDuty) -> None:
    """A test that does otherwise is wrong."""
    send(pagerduty)
    pagerduty.resolve_by("Jane", "group")
    with pytest.raises(AssertionError, match="incident 1 is resolved already"):
        pagerduty.acknowledge_by("Jane", "group")
    assert 202 == send(pagerduty, "resolve")
    assert ["incident 1 is resolved already"] == [one.why for one in pagerduty.dropped]


def test_tells_it_all_as_text(pagerduty: PagerDuty) -> None:
    """What a person reads, without keys or times."""
    links = [{"href": "https://r.example", "text": "Runbook"}, {"href": "https://a.example"}]
    send(pagerduty, links=links, images=[{"src": "https://a.example/a.png", "alt": "CPU"}])
    pagerduty.acknowledge_by("Jane", "group")
    send(pagerduty, summary="Crash, and 1 more")
    send(pagerduty, "resolve")
    send(pagerduty, "resolve")
    send(pagerduty)
    requests.post(pagerduty.change_url, json=change(), timeout=5)
    expected = """\
incident 1 (resolved)
    trigger (critical) Crash
        [Runbook] [https://a.example] [picture: CPU]
    acknowledged by Jane
    trigger (critical) Crash, and 1 more
    resolve
incident 2 (triggered)
    trigger (critical) Crash
dropped resolve: incident 1 is resolved already
change: Restarted a-1
"""
    assert expected == pagerduty.log()


def test_tells_details_where_they_are_wanted(pagerduty: PagerDuty) -> None:
    """What is nested stands further in."""
    payload = {
        "summary": "Crash",
        "source": "a-1",
        "severity": "info",
        "custom_details": {"pod": "a-1", "readings": {"CPU": "84%", "cores": 0.5}, "logs": "one\ntwo"},
    }
    event = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "group", "payload": payload}
    requests.post(pagerduty.url, json=event, timeout=5)
    expected = """\
incident 1 (triggered)
    trigger (info) Crash
        pod: a-1
        readings:
            CPU: 84%
            cores: 0.5
        logs:
            one
            two
"""
    assert expected == pagerduty.log(details=True)
