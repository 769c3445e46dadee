"""PagerDuty: a user's own parts of an event take the place of ours, or stand beside them, within what it takes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from actions.pagerduty import Action, Settings
from alerts.notification import Image, Notification, Receipt, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.in_process import InProcess
from tests.actions.notifications import alert, any_notification, notification
from tests.actions.test_pagerduty import KEY, SUBJECT
from tests.far_sides.pagerduty import Event, PagerDuty

OURS = ["Runbook", "Prometheus", "Alertmanager", "alert-manager"]


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as far_side:
        yield far_side


def receipt_of(pagerduty: PagerDuty, http: Http, told: Notification, **own: Any) -> Receipt:
    """Sends one notification with parts of the user's and returns the receipt."""
    made = Settings.model_validate({"url": pagerduty.url, "routing_key": KEY, **own})
    return Action(made, http).send(told, Thread(), 5)


def event(pagerduty: PagerDuty, http: Http, told: Notification | None = None, **own: Any) -> Event:
    """Sends one notification with parts of the user's and returns the event that PagerDuty took."""
    assert () == receipt_of(pagerduty, http, told or notifications.seed(), **own).template_errors
    return pagerduty.events[-1]


def test_texts_are_instead_of_ours(pagerduty: PagerDuty, http: Http) -> None:
    """Each on one line and cut where PagerDuty would refuse it."""
    own: dict[str, Any] = {
        key: f"{key}:\n{{{{ status }}}}" for key in ("source", "class", "component", "group", "client")
    }
    made = event(
        pagerduty,
        http,
        description="{{ common_labels.alertname }}\nis {{ status }} " + "x" * 2_000,
        client_url="https://a.example/{{ receiver }}",
        severity="{{ 'P' }}3",
        **own,
    )
    payload = made["payload"]
    assert payload["summary"].startswith("KubePodCrashLooping is firing xxx")
    assert 1_024 == len(payload["summary"])
    assert {key: f"{key}: firing" for key in own} == {
        **{key: payload.get(key) for key in own},
        "client": made["client"],
    }
    assert ("https://a.example/on-call", "warning") == (made["client_url"], payload["severity"])


def test_what_comes_to_nothing_is_ours(pagerduty: PagerDuty, http: Http) -> None:
    """An empty text, and a URL that is none."""
    empty: dict[str, Any] = dict.fromkeys(
        ("source", "class", "component", "group", "client", "description", "severity", "client_url"), " {{ '' }}"
    )
    ours, made = event(pagerduty, http), event(pagerduty, http, **empty)
    assert ours == made
    assert ours == event(pagerduty, http, client_url="javascript:alert(1)")


def test_details_are_added_to_ours(pagerduty: PagerDuty, http: Http) -> None:
    """Nested as they are, one of our name in its place, JSON as what it says, and what is no JSON as text."""
    made = event(
        pagerduty,
        http,
        details={
            "team": "{{ common_labels.namespace }}",
            "firing": "mine",
            "nested": {"a": ["{{ status }}", {"b": "x"}], "nothing": None},
            "json": '{"n": [1, "{{ status }}"]}',
            "no json": "[{{ status }}",
            "number": "3",
        },
    )
    details = made["payload"]["custom_details"]
    expected = {
        "team": "customer",
        "firing": "mine",
        "nested": {"a": ["firing", {"b": "x"}]},
        "json": {"n": [1, "firing"]},
        "no json": "[firing",
        "number": "3",
    }
    assert expected == {key: details[key] for key in expected}
    assert ("", 1) == (details["resolved"], details["num_firing"])


def test_links_and_images_are_added_to_ours(pagerduty: PagerDuty, http: Http) -> None:
    """In front, at the top of the event; what PagerDuty would refuse is left out, what it has already is there once."""
    told = notification(alert({}, {"runbook_url": "https://runbooks.example/a"}))
    made = event(
        pagerduty,
        http,
        told,
        links=[
            {"href": "https://a.example/{{ status }}", "text": "A {{ status }}"},
            {"href": "https://b.example"},
            {"href": "nowhere", "text": "x"},
            {"href": "https://runbooks.example/a", "text": "Mine"},
        ],
        images=[
            {"src": "https://a.example/{{ status }}.png", "alt": "", "href": "https://a.example"},
            {"src": ""},
        ],
    )
    expected = [("https://a.example/firing", "A firing"), ("https://b.example", "https://b.example")]
    expected.append(("https://runbooks.example/a", "Mine"))
    assert expected == [(each["href"], each["text"]) for each in made["links"]][:3]
    assert ["Alertmanager"] == [each["text"] for each in made["links"]][3:]
    assert [{"src": "https://a.example/firing.png", "href": "https://a.example"}] == made["images"]
    assert OURS == [each["text"] for each in event(pagerduty, http)["links"]]


@pytest.mark.parametrize("src", ["http://a.example/plain.png", "nowhere", "https://a.example/\u202eb.png"])
def test_an_image_that_is_left_out_is_said(pagerduty: PagerDuty, http: Http, src: str) -> None:
    """In the event and the receipt: PagerDuty would refuse the event for it."""
    own = {"images": [{"src": "https://a.example/{{ status }}.png"}, {"src": src}]}
    receipt = receipt_of(pagerduty, http, notifications.seed(), **own)
    assert ("images[1].src: left out, for PagerDuty takes only an https:// URL",) == receipt.template_errors
    made = pagerduty.events[-1]
    assert list(receipt.template_errors) == made["payload"]["custom_details"]["template_errors"]
    assert [{"src": "https://a.example/firing.png"}] == made["images"]


_HOSTILE = "a\u202eb\x00c\x1b[31m\nd\u2066"


@pytest.mark.parametrize("users", [False, True])
def test_what_cannot_be_seen_is_left_out(pagerduty: PagerDuty, http: Http, users: bool) -> None:
    """Of the parts on one line, ours and the user's: nothing turns what is read on a phone around."""
    names = ("pod", "container", "namespace", "cluster", "alertname")
    told = notification(alert(dict.fromkeys(names, _HOSTILE), {"summary": _HOSTILE}))
    text = "{{ leading.summary }}"
    keys = ("description", "source", "component", "group", "class", "client")
    own: dict[str, Any] = {**dict.fromkeys(keys, text), "links": [{"href": "https://a.example", "text": text}]}
    made = event(pagerduty, http, told, **(own if users else {}))
    payload = made["payload"]
    shown = [payload[key] for key in ("summary", "source", "component", "group", "class")] + [made["client"]]
    shown += [each["text"] for each in made["links"]]
    assert [] == [each for each in shown if not each.isprintable()]
    assert "abc[31m d" == payload["component"]


def test_a_source_of_which_nothing_can_be_seen_is_none(pagerduty: PagerDuty, http: Http) -> None:
    """A blank one would be refused with the whole event."""
    told = notification(alert({"pod": "\u202e", "alertname": "A"}))
    assert "A" == event(pagerduty, http, told, source="\u202e")["payload"]["source"]


def test_a_users_images_are_before_ours(pagerduty: PagerDuty, http: Http) -> None:
    """Both are shown."""
    drawn = replace(notifications.seed(), images=(Image("https://alerts.example/a.png", "CPU"),))
    made = event(pagerduty, http, drawn, images=[{"src": "https://a.example/own.png"}])
    assert ["https://a.example/own.png", "https://alerts.example/a.png"] == [each["src"] for each in made["images"]]


def test_what_fails_is_ours_and_is_told(pagerduty: PagerDuty, http: Http) -> None:
    """Field by field, in the details and in the receipt; the incident is opened in any case."""
    receipt = receipt_of(
        pagerduty,
        http,
        notifications.seed(),
        description="{{ nothing.there }}",
        details={"firing": "{{ 1 / 0 }}", "a": {"b": "{{ 1 / 0 }}", "c": "fine"}},
    )
    payload = pagerduty.events[-1]["payload"]
    failed = {each.partition(":")[0] for each in receipt.template_errors}
    assert {"description", "details.firing", "details.a.b"} == failed
    assert payload["summary"].startswith("[FIRING] KubePodCrashLooping: ")
    details = payload["custom_details"]
    assert details["firing"].startswith(f"KubePodCrashLooping {SUBJECT}")
    assert {"c": "fine"} == details["a"]
    assert 3 == len(details["template_errors"])


def test_details_that_are_too_large_are_dropped(pagerduty: PagerDuty, http: Http) -> None:
    """Ours first, then the largest of the user's; the event says so and is taken."""
    own = {f"d{at}": "🔥" * 30_000 for at in range(5)} | {"small": "s"}
    details = event(pagerduty, http, notifications.huge(), details=own)["payload"]["custom_details"]
    assert "s" == details["small"]
    assert "d0" not in details
    assert {"resolved", "readings", "firing", "d0"} <= set(details["dropped_for_size"])


def test_a_digest_is_told_in_our_words(pagerduty: PagerDuty, http: Http) -> None:
    """A user's texts are written for one group."""
    made = event(pagerduty, http, notifications.storm(), description="mine", client="mine")
    assert made["payload"]["summary"].startswith("[DIGEST] ")
    assert "alert-manager" == made["client"]


@pytest.mark.parametrize(
    ("details", "expected"),
    [("text", "should be a mapping"), ({"a": {"b": ["x", "{% if %}"]}}, r"a.b\[1\]: line 1")],
)
def test_refuses_details_that_are_none(details: Any, expected: str) -> None:
    """With the place of a template that cannot be read."""
    with pytest.raises(ValidationError, match=expected):
        Settings.model_validate({"routing_key": KEY, "details": details})


def test_settings_can_be_written_down() -> None:
    """As the user wrote them."""
    own = {"details": {"a": {"b": ["{{ status }}"]}}, "class": "{{ status }}"}
    dumped = Settings.model_validate({"routing_key": KEY, **own}).model_dump(mode="json", by_alias=True)
    assert own == {key: dumped[key] for key in own}


EVERYTHING: dict[str, Any] = {
    **dict.fromkeys(("description", "source", "class", "component", "group", "client"), "{{ alerts[0].annotations }}"),
    "severity": "{{ receiver }}",
    "client_url": "{{ external_url }}",
    "details": {"{": "{{ alerts }}", "a": ["{{ common_labels }}", {"b": "{{ receiver }}"}]},
    "links": [{"href": "{{ external_url }}", "text": "{{ receiver }}"}] * 12,
    "images": [{"src": "{{ external_url }}", "alt": "{{ receiver }}", "href": "{{ alerts[0].generator_url }}"}] * 7,
}


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    """A PagerDuty that is posted to without a network."""
    with PagerDuty() as far_side:
        connections = InProcess(far_side)
        yield connections
        connections.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification())
def test_no_group_is_refused(in_process: InProcess, told: Notification) -> None:
    """Whatever a group holds and wherever it is put, PagerDuty takes the event."""
    far_side = in_process.far_side
    assert isinstance(far_side, PagerDuty)
    made = Settings.model_validate({"url": far_side.url, "routing_key": KEY, **EVERYTHING})
    Action(made, in_process).send(told, Thread(), 1)
    assert len(in_process.body) <= 512_000
    assert json.loads(in_process.body)["dedup_key"] == told.key
