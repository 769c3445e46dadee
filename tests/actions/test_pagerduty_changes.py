"""What is done about alerts, as PagerDuty's change events."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from actions._pagerduty_changes import change, changes_url
from actions.log import Settings as LogSettings
from actions.pagerduty import Action, Settings
from actions.slack import Settings as SlackSettings
from alerts.model import Alert
from alerts.notification import Notification, Receipt, SendError, Thread
from alerts.timeline import Entry
from outbound import Http
from tests.actions import notifications
from tests.actions.notifications import LABELS, PAGE, START, notification
from tests.far_sides.http_server import Answer
from tests.far_sides.pagerduty import PagerDuty
from tests.far_sides.pagerduty_contract import change_errors

OLD, NEW, CRITICAL = "a" * 32, "b" * 32, "c" * 32
DONE = Entry("remediation", "restarted deployment shop/cart", START + timedelta(minutes=1), loud=True, done=True)
SAID = replace(DONE, text="would restart deployment shop/cart (dry run)", done=False)
TAKEN = Entry("acknowledged", "Ann has it", START)


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as far_side:
        yield far_side


def alert(name: str = "A", **labels: str) -> Alert:
    """Returns an alert of a name of its own."""
    return notifications.alert({**LABELS, "alertname": name, **labels})


def send(
    pagerduty: PagerDuty,
    http: Http,
    told: Notification,
    thread: Thread = Thread(),  # noqa: B008  # frozen
    **settings: Any,
) -> Receipt:
    """Sends a notification; the receipt's thread is as the pipeline keeps it."""
    made = {"url": pagerduty.url, "routing_key": NEW, "change_events": True, **settings}
    receipt = Action(Settings.model_validate(made), http).send(told, thread, 5)
    return receipt if told.entries else replace(receipt, thread=receipt.thread.told(told, START))


def beside(*entries: Entry, alerts: tuple[Alert, ...] = (), **keys: Any) -> Notification:
    """Returns what is told beside a state."""
    return replace(notification(*(alerts or (alert(),))), entries=entries, page_url=PAGE, **keys)


def test_tells_what_was_done(pagerduty: PagerDuty, http: Http) -> None:
    """Where, when, of which alerts, and where more is to be seen; no incident is touched, and the thread stays."""
    thread = send(pagerduty, http, notification(alert())).thread
    receipt = send(pagerduty, http, beside(DONE), thread)
    assert ("change event accepted", thread, 1) == (receipt.detail, receipt.thread, len(pagerduty.events))
    expected = {
        "routing_key": NEW,
        "payload": {
            "summary": "restarted deployment shop/cart",
            "source": "customer/customer-rs-transformer-9b75b488c-cpfd7",
            "timestamp": "2022-03-02T07:32:57.339000+00:00",
            "custom_details": {"alerts": ["A customer/customer-rs-transformer-9b75b488c-cpfd7"]},
        },
        "links": [{"href": PAGE, "text": "alert-manager"}],
    }
    assert [expected] == pagerduty.changes


def test_tells_of_each_thing_that_was_done(pagerduty: PagerDuty, http: Http) -> None:
    """Of those that wait together, too; a dry run and all else of a timeline is no change."""
    receipt = send(
        pagerduty, http, beside(DONE, SAID, replace(DONE, text="scaled it"), replace(TAKEN, kind="silenced"))
    )
    assert "2 change events accepted" == receipt.detail
    assert ["restarted deployment shop/cart", "scaled it"] == [each["payload"]["summary"] for each in pagerduty.changes]


def test_tells_nothing_that_was_not_done(pagerduty: PagerDuty, http: Http) -> None:
    """What would be done, or is asked for, changes nothing."""
    nothing = "nothing to send: of a timeline it hears only who has taken a group over and what was done"
    assert nothing == send(pagerduty, http, beside(SAID)).detail
    assert [] == pagerduty.requests


def test_tells_nothing_unless_it_is_to(pagerduty: PagerDuty, http: Http) -> None:
    """By default no change events are sent."""
    nothing = "nothing to send: of a timeline it hears only who has taken a group over"
    assert nothing == send(pagerduty, http, beside(DONE), change_events=False).detail
    assert [] == pagerduty.requests


def test_tells_who_took_it_over_as_well(pagerduty: PagerDuty, http: Http) -> None:
    """Both wait together, and both are told; where nothing is open only one of them is."""
    thread = send(pagerduty, http, notification(alert())).thread
    assert "acknowledge accepted; change event accepted" == send(pagerduty, http, beside(TAKEN, DONE), thread).detail
    assert ["acknowledged"] == [each.state for each in pagerduty.opened]
    assert "change event accepted" == send(pagerduty, http, beside(TAKEN, DONE)).detail
    assert "nothing to send: no incident is open there" == send(pagerduty, http, beside(TAKEN)).detail
    assert 2 == len(pagerduty.changes)


def test_goes_through_the_key_that_triggered(pagerduty: PagerDuty, http: Http) -> None:
    """So it stands beside the incident, whichever key is set by now."""
    thread = send(pagerduty, http, notification(alert()), routing_key=OLD).thread
    send(pagerduty, http, beside(DONE), thread, routing_key_previous=OLD)
    send(pagerduty, http, beside(DONE), routing_key_previous=OLD)
    assert [OLD, NEW] == [each["routing_key"] for each in pagerduty.changes]


def test_goes_through_the_key_of_its_own_incident(pagerduty: PagerDuty, http: Http) -> None:
    """Of several; and where none is open, through the key of its severity."""
    keys: Mapping[str, Any] = {"severity_routing_keys": {"critical": {"routing_key": CRITICAL}}, "dedup": "alert"}
    mild, bad = alert("A", severity="warning"), alert("B", severity="critical")
    thread = send(pagerduty, http, notification(mild, bad), **keys).thread
    for held in (thread, Thread()):
        for each in (mild, bad):
            about = replace(DONE, about=(each.fingerprint,))
            send(pagerduty, http, beside(about, alerts=(mild, bad)), held, **keys)
    assert [NEW, CRITICAL] * 2 == [each["routing_key"] for each in pagerduty.changes]


def test_of_no_alert_that_is_known(pagerduty: PagerDuty, http: Http) -> None:
    """It is told all the same."""
    told = beside(DONE)
    receipt = send(pagerduty, http, replace(told, group=replace(told.group, alerts=()), page_url=""))
    assert "change event accepted" == receipt.detail
    assert "alert-manager" == pagerduty.changes[0]["payload"]["source"]


def test_a_key_that_cannot_be_read_is_tried_again(pagerduty: PagerDuty, http: Http, tmp_path: Any) -> None:
    """Through another one it would stand beside another service's incidents."""
    thread = send(pagerduty, http, notification(alert()), routing_key=OLD).thread
    with pytest.raises(SendError, match="No such file") as raised:
        send(pagerduty, http, beside(DONE), thread, routing_key_previous_file=str(tmp_path / "gone"))
    assert not raised.value.permanent
    assert [] == pagerduty.changes


@pytest.mark.parametrize(
    ("answer", "permanent", "throttled"),
    [
        (Answer(400, b'{"status":"invalid event","errors":["no"]}'), True, False),
        (Answer(429, b"Request Limit Exceeded"), False, True),
        (Answer(500, b""), False, False),
        (Answer(200, b"a login"), False, False),
    ],
)
def test_says_what_pagerduty_does_not_take(
    pagerduty: PagerDuty, http: Http, answer: Answer, permanent: bool, throttled: bool
) -> None:
    """By its documentation, as of other events; without the key."""
    pagerduty.answer_next(answer.status, answer.body)
    with pytest.raises(SendError, match=f"PagerDuty: status {answer.status}") as raised:
        send(pagerduty, http, beside(DONE))
    assert (permanent, throttled) == (raised.value.permanent, raised.value.throttled)
    assert NEW not in str(raised.value)


@given(text=st.text(max_size=5_000), names=st.lists(st.text(max_size=3_000), max_size=30))
def test_any_text_is_one_that_pagerduty_takes(text: str, names: list[str]) -> None:
    """By the contract of change events; what can be seen of the text is in it."""
    alerts = [notifications.alert({"alertname": name, "pod": name, "n": str(at)}) for at, name in enumerate(names)]
    told = notification(*alerts) if alerts else beside(DONE)
    event = {"routing_key": NEW, **change(replace(DONE, text=text), told)}
    assert [] == change_errors(event)
    assert len(event["payload"]["custom_details"].get("alerts", ())) <= 20


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://events.pagerduty.com/v2/enqueue", "https://events.pagerduty.com/v2/change/enqueue"),
        ("https://events.eu.pagerduty.com/v2/enqueue", "https://events.eu.pagerduty.com/v2/change/enqueue"),
        ("http://proxy:8080/pd/v2/enqueue/?a=b", "http://proxy:8080/pd/v2/change/enqueue?a=b"),
        ("http://proxy:8080/generic", ""),
        ("http://proxy:8080", ""),
    ],
)
def test_change_events_go_beside_events(url: str, expected: str) -> None:
    """Wherever these go."""
    assert expected == changes_url(url)


def test_a_region_has_its_own() -> None:
    """As its events do."""
    made = Settings.model_validate({"routing_key": NEW, "service_region": "eu", "change_events": True})
    assert "https://events.eu.pagerduty.com/v2/change/enqueue" == changes_url(made.events_url)


def test_says_where_they_cannot_go() -> None:
    """At load, and only where they are wanted."""
    given = {"routing_key": NEW, "url": "https://proxy.example/t0ken"}
    assert not Settings.model_validate(given).hears_remediations
    with pytest.raises(ValidationError, match="does not end in /enqueue"):
        Settings.model_validate({**given, "change_events": True})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings.model_validate({"routing_key": NEW}), False),
        (Settings.model_validate({"routing_key": NEW, "change_events": True}), True),
        (SlackSettings.model_validate({"app_token": "xoxb-1", "channel": "#a"}), True),
        (SlackSettings.model_validate({"api_url": "https://hooks.slack.com/services/a"}), False),
        (LogSettings(), False),
    ],
)
def test_who_hears_of_what_is_done(settings: Any, expected: bool) -> None:
    """Timelines do, and PagerDuty when it is told to."""
    assert expected is settings.hears_remediations
