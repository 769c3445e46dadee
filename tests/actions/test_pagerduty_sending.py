"""PagerDuty: what is too large shrinks until it is taken, and each documented answer is understood."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from actions._pagerduty_size import bodies, fitted
from actions.pagerduty import Action, Settings
from alerts.notification import Image, Notification, SendError, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.notifications import alert, notification
from tests.actions.test_pagerduty import KEY
from tests.far_sides import trouble
from tests.far_sides.http_server import Answer, Request
from tests.far_sides.pagerduty import PagerDuty

LINK = "https://a.example/" + "ü" * 2_900


class Small(PagerDuty):
    """A PagerDuty that takes less than it documents, and says so in one of several ways."""

    def __init__(self, most_bytes: int, status: int = 413, said: bytes = b"Payload Too Large") -> None:
        super().__init__()
        self.most_bytes = most_bytes
        self.too_large = Answer(status, said)

    def answer(self, request: Request) -> Answer:
        """Refuses what is longer."""
        return self.too_large if len(request.body) > self.most_bytes else super().answer(request)


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as far_side:
        yield far_side


def send(far_side: PagerDuty, http: Http, told: Notification, **own: Any) -> None:
    """Sends one notification."""
    Action(Settings.model_validate({"url": far_side.url, "routing_key": KEY, **own}), http).send(told, Thread(), 5)


def huge() -> Notification:
    """Returns what is as large as it may be in every part, links and pictures included."""
    told = notifications.huge(200)
    images = tuple(Image(f"https://a.example/{at}/{'ü' * 2_900}", "x" * 500) for at in range(4))
    return replace(told, page_url=LINK, images=images)


OWN: dict[str, Any] = {
    "details": {f"d{at}": {"deep": ["🔥" * 30_000, {"deeper": "é" * 9_000}]} for at in range(9)} | {"team": "shop"},
    "links": [{"href": LINK, "text": "x" * 300}] * 10,
    "images": [{"src": LINK, "alt": "y" * 600, "href": LINK}] * 5,
}


@pytest.mark.parametrize(
    ("status", "said"), [(413, b""), (400, b'{"errors":["Payload too large"]}'), (413, b"<html>nginx</html>")]
)
@pytest.mark.parametrize("most_bytes", [520_000, 300_000, 100_000, 20_000])
def test_shrinks_until_it_is_taken(http: Http, most_bytes: int, status: int, said: bytes) -> None:
    """At once, in one send, in few steps; who is paged still reads what it is about, and that something is missing."""
    with Small(most_bytes, status, said) as far_side:
        send(far_side, http, huge(), **OWN)
        (event,) = far_side.events
    assert len(far_side.requests) <= 4
    details = event["payload"]["custom_details"]
    assert {"resolved", "readings"} <= set(details["dropped_for_size"])
    assert (100, 100) == (details["num_firing"], details["num_resolved"])
    assert event["payload"]["summary"].startswith("[FIRING:100] ")
    assert most_bytes < 300_000 or ("shop", 11) == (details["team"], len(event["links"]))


def test_what_can_shrink_no_more_is_refused(http: Http) -> None:
    """And is not sent again and again."""
    with Small(100) as far_side:
        with pytest.raises(SendError, match="status 413: Payload Too Large") as raised:
            send(far_side, http, huge(), **OWN)
        first = len(far_side.requests)
        with pytest.raises(SendError):
            send(far_side, http, notifications.seed())
    assert (True, 3, 4) == (raised.value.permanent, first, len(far_side.requests))


def test_shrinking_has_one_deadline(http: Http) -> None:
    """However many steps it takes."""
    with Small(100) as far_side:
        far_side.delay_seconds = 0.4
        action = Action(Settings.model_validate({"url": far_side.url, "routing_key": KEY}), http)
        with pytest.raises(SendError, match="timed out") as raised:
            action.send(huge(), Thread(), 0.6)
    assert not raised.value.permanent


def test_each_incident_shrinks_by_itself(http: Http) -> None:
    """One that is too large holds no other up."""
    with Small(100_000) as far_side:
        large = notifications.alert({"alertname": "Large"}, {"summary": "x" * 9_000})
        told = notification(large, alert({"alertname": "B"}), findings={large.fingerprint: (notifications.CPU,)})
        details = {"own": "{{ leading.annotations.summary }}" * 5, "more": ["{{ leading.annotations.summary }}"] * 30}
        send(far_side, http, told, dedup="alert", details=details)
        sizes = {each["payload"]["class"]: each["payload"]["custom_details"] for each in far_side.events}
    assert ("dropped_for_size" in sizes["Large"], "dropped_for_size" in sizes["B"]) == (True, False)


def test_names_few_of_what_it_drops() -> None:
    """Else the names would be what is too long."""
    event = {"payload": {"custom_details": {f"{at}" + "k" * 400: "v" * 100 for at in range(2_000)}}}
    body = fitted(event, 64_000)
    dropped = json.loads(body)["payload"]["custom_details"]["dropped_for_size"]
    assert (21, True) == (len(dropped), dropped[-1].endswith(" more"))
    assert len(body) <= 64_000


def test_what_fits_is_as_it_is() -> None:
    """However small it might be made."""
    event = {"event_action": "trigger", "payload": {"summary": "s", "custom_details": {"a": "b"}}, "links": []}
    assert [event] == [json.loads(each) for each in bodies(event)]
    resolve = {"event_action": "resolve", "dedup_key": "x" * 20_000}
    assert [resolve] == [json.loads(each) for each in bodies(resolve)]


def test_a_refused_event_is_told_with_its_reasons(pagerduty: PagerDuty, http: Http) -> None:
    """As PagerDuty says them, and is not sent again."""
    reasons = {"status": "invalid event", "message": "Event object is invalid", "errors": ["'x' is missing or blank"]}
    pagerduty.answer_next(400, json.dumps(reasons).encode())
    with pytest.raises(SendError, match=r"invalid event.*'x' is missing or blank") as raised:
        send(pagerduty, http, notifications.seed())
    assert (True, 1) == (raised.value.permanent, len(pagerduty.requests))


@pytest.mark.parametrize("far_side", [trouble.hanging, trouble.closing, trouble.dripping_body])
def test_troubles_of_several_end_in_time(far_side: Any, http: Http) -> None:
    """All are tried side by side, and what has no time left is not begun."""
    with far_side() as url:
        action = Action(
            Settings.model_validate({"url": f"{url}/v2/enqueue", "routing_key": KEY, "dedup": "alert"}), http
        )
        told = notification(*(alert({"alertname": f"A{at}"}) for at in range(30)))
        with pytest.raises(SendError, match=r"\(30 of 30 events were not taken\)") as raised:
            action.send(told, Thread(), 0.5)
    assert (False, False) == (raised.value.permanent, raised.value.partly)
    assert len(str(raised.value)) < 700


@pytest.mark.parametrize("depth", [50, 900, 2_000, 19_000])
def test_deep_details_are_sent(pagerduty: PagerDuty, http: Http, depth: int) -> None:
    """As what they say in JSON, or as text where that is nested too deeply."""
    told = notification(alert({"alertname": "A"}, {"summary": "[" * depth + "]" * depth}))
    send(pagerduty, http, told, details={"own": "{{ leading.annotations.summary }}"})
    assert "own" in pagerduty.events[-1]["payload"]["custom_details"]
