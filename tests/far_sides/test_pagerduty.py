"""The PagerDuty judge takes what the contract allows and says why it refuses the rest."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.far_sides.pagerduty import PagerDuty

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as server:
        yield server


def trigger(**changes: Any) -> dict[str, Any]:
    """Returns a valid trigger event with some top-level keys changed."""
    payload = {"summary": "PodHighCPU", "source": "checkout-1", "severity": "critical"}
    return {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "group",
        "payload": payload,
        **changes,
    }


def full_trigger() -> dict[str, Any]:
    """Returns a trigger event that uses every key of the contract."""
    event = trigger(
        client="alert-manager",
        client_url="https://alerts.example/",
        links=[{"href": "https://runbooks.example/a", "text": "Runbook"}],
        images=[{"src": "https://alerts.example/a.png", "href": "https://alerts.example/", "alt": "CPU"}],
    )
    event["payload"] |= {
        "timestamp": "2015-07-17T08:42:58.315+0000",
        "component": "checkout",
        "group": "shop",
        "class": "cpu",
        "custom_details": {"load": 0.75},
    }
    return event


def post(pagerduty: PagerDuty, event: object) -> requests.Response:
    """Posts one event."""
    return requests.post(pagerduty.url, json=event, timeout=5)


def test_accepts_every_documented_key(pagerduty: PagerDuty) -> None:
    """An event with all documented keys is answered 202 with its dedup_key."""
    response = post(pagerduty, full_trigger())
    expected = (202, {"status": "success", "message": "Event processed", "dedup_key": "group"})
    assert expected == (response.status_code, response.json())
    assert [full_trigger()] == pagerduty.events
    assert full_trigger() == pagerduty.wait_for_event(lambda event: event["dedup_key"] == "group")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"routing_key": ""}, "'routing_key' is missing or blank"),
        ({"routing_key": "short"}, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ({"event_action": "open"}, "'event_action' must be one of trigger, acknowledge, resolve"),
        ({"dedup_key": "x" * 256}, "'dedup_key' has 256 characters (at most 255)"),
        ({"event_action": "resolve", "dedup_key": None}, "'dedup_key' is missing or blank"),
        ({"payload": None}, "'payload' is missing or not an object"),
        ({"severity": "info"}, "unknown key 'severity'"),
        ({"client": 1}, "'client' is missing or blank"),
        ({"client_url": "nowhere"}, "'client_url' is not a URL"),
        ({"links": {}}, "'links' is not a list"),
        ({"links": ["https://a.example"]}, "'links[0]' is not an object"),
        ({"links": [{"text": "no href"}]}, "'links[0].href' is not a URL"),
        ({"links": [{"href": "https://[a"}]}, "'links[0].href' is not a URL"),
        ({"links": [{"href": "https://a.example", "alt": "x"}]}, "unknown key 'links[0].alt'"),
        ({"images": [{"src": "http://a.example/a.png"}]}, "'images[0].src' is not served via HTTPS"),
        ({"images": [{"src": "https://a.example/a.png", "alt": ""}]}, "'images[0].alt' is missing or blank"),
        ({"images": [{"src": "https://a.example/a.png", "text": "x"}]}, "unknown key 'images[0].text'"),
    ],
)
def test_refuses_wrong_top_level(pagerduty: PagerDuty, changes: dict[str, Any], error: str) -> None:
    """Each breach at the top level is answered 400 with its reason, and no incident opens."""
    response = post(pagerduty, trigger(**changes))
    assert (400, "invalid event", [error]) == (
        response.status_code,
        response.json()["status"],
        response.json()["errors"],
    )
    assert (error,) == pagerduty.refused[0].errors
    assert {} == pagerduty.incidents


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"summary": ""}, "'payload.summary' is missing or blank"),
        ({"summary": "x" * 1025}, "'payload.summary' has 1025 characters (at most 1024)"),
        ({"source": None}, "'payload.source' is missing or blank"),
        ({"severity": "CRITICAL"}, "'payload.severity' must be one of critical, error, warning, info"),
        ({"timestamp": "yesterday"}, "'payload.timestamp' is not an ISO 8601 date and time"),
        ({"timestamp": "2015-07-17"}, "'payload.timestamp' is not an ISO 8601 date and time"),
        ({"component": None}, "'payload.component' is not a string"),
        ({"custom_details": []}, "'payload.custom_details' is not an object"),
        ({"links": []}, "unknown key 'payload.links' (it belongs at the top level)"),
        ({"colour": "red"}, "unknown key 'payload.colour'"),
    ],
)
def test_refuses_wrong_payload(pagerduty: PagerDuty, changes: dict[str, Any], error: str) -> None:
    """Each breach in the payload is answered 400 with its reason."""
    response = post(pagerduty, trigger(payload=trigger()["payload"] | changes))
    assert (400, [error]) == (response.status_code, response.json()["errors"])


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_refuses_what_is_no_event(pagerduty: PagerDuty, body: bytes) -> None:
    """A body that is not a JSON object is answered 400."""
    headers = {"Content-Type": "application/json"}
    assert 400 == requests.post(pagerduty.url, data=body, headers=headers, timeout=5).status_code


def test_refuses_other_content_type(pagerduty: PagerDuty) -> None:
    """An event that is not said to be JSON is refused."""
    response = requests.post(pagerduty.url, data=json.dumps(trigger()), timeout=5)
    assert (400, ["the content type is not application/json"]) == (
        response.status_code,
        response.json()["errors"],
    )


def test_refuses_more_than_512_kilobytes(pagerduty: PagerDuty) -> None:
    """An event one byte over the limit is answered 413, one at the limit is taken."""
    event = trigger()
    event["payload"]["custom_details"] = {"log": ""}
    event["payload"]["custom_details"]["log"] = "x" * (512 * 1024 - len(json.dumps(event)))
    assert 202 == post(pagerduty, event).status_code
    event["payload"]["custom_details"]["log"] += "x"
    assert 413 == post(pagerduty, event).status_code


def test_follows_an_incident_from_trigger_to_resolve(pagerduty: PagerDuty) -> None:
    """An incident is triggered, stays acknowledged over a further trigger, and resolves."""
    states = []
    for action in ("trigger", "acknowledge", "trigger", "resolve"):
        post(pagerduty, trigger(event_action=action))
        states.append(pagerduty.incident("group").state)
    assert ["triggered", "acknowledged", "acknowledged", "resolved"] == states
    assert 4 == len(pagerduty.incident("group").events)
    post(pagerduty, trigger())
    assert ("triggered", 1) == (
        pagerduty.incident("group").state,
        len(pagerduty.incident("group").events),
    )


def test_drops_a_resolve_for_what_is_not_open(pagerduty: PagerDuty) -> None:
    """A resolve for an unknown key, or through another routing key, is accepted and changes nothing."""
    post(pagerduty, trigger())
    other_key = {"routing_key": KEY[::-1], "event_action": "resolve", "dedup_key": "group"}
    assert 202 == post(pagerduty, other_key).status_code
    assert 202 == post(pagerduty, trigger(event_action="resolve", dedup_key="unknown")).status_code
    assert [(KEY, "group")] == list(pagerduty.incidents)
    assert "triggered" == pagerduty.incident("group").state


def test_makes_a_dedup_key_when_a_trigger_has_none(pagerduty: PagerDuty) -> None:
    """A trigger without dedup_key is given one, which the answer tells."""
    event = trigger()
    del event["dedup_key"]
    made = post(pagerduty, event).json()["dedup_key"]
    assert "triggered" == pagerduty.incident(made).state


def test_takes_known_keys_of_any_length() -> None:
    """A short routing key that the test named is taken."""
    with PagerDuty(known_keys=["short"]) as pagerduty:
        assert 202 == post(pagerduty, trigger(routing_key="short")).status_code


def test_answers_trouble_so_many_times(pagerduty: PagerDuty) -> None:
    """The next answers are as programmed and unjudged, and the one after is PagerDuty's own."""
    pagerduty.answer_next(429, b"slow down", {"Retry-After": "7"}, times=2)
    answers = [post(pagerduty, trigger()) for _ in range(3)]
    assert [429, 429, 202] == [answer.status_code for answer in answers]
    assert ("7", b"slow down") == (answers[0].headers["Retry-After"], answers[0].content)
    assert 1 == len(pagerduty.events)


def test_takes_an_event_whose_client_gave_up(pagerduty: PagerDuty) -> None:
    """A trigger that timed out has opened an incident all the same."""
    pagerduty.delay_seconds = 30
    with pytest.raises(requests.ReadTimeout):
        requests.post(pagerduty.url, json=trigger(), timeout=0.1)
    assert "triggered" == pagerduty.incident("group").state


def test_tells_what_came_when_a_wait_fails(pagerduty: PagerDuty) -> None:
    """A failed wait lists the requests and why they were refused."""
    post(pagerduty, trigger(event_action="open"))
    with pytest.raises(AssertionError, match=r"POST /v2/enqueue .*\n +refused 400: 'event_action' must be"):
        pagerduty.wait_for_event(timeout_seconds=0.05)
    with pytest.raises(AssertionError, match="0 incidents with dedup_key 'group'"):
        pagerduty.incident("group")
