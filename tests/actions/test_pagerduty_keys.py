"""PagerDuty: each incident is told through the routing key that triggered it, whatever has been rotated since."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actions.pagerduty import Action, Settings
from alerts.model import Alert, Status
from alerts.notification import Notification, Receipt, SendError, Thread
from alerts.timeline import Entry
from outbound import Http
from tests.actions import notifications
from tests.actions.notifications import notification
from tests.far_sides.pagerduty import PagerDuty

OLD, NEW, CRITICAL = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as far_side:
        yield far_side


def send(
    pagerduty: PagerDuty, http: Http, told: Notification, thread: Thread, settings: dict[str, Any] | None = None
) -> Receipt:
    """Sends a notification; the receipt's thread is as the pipeline keeps it."""
    made = Settings.model_validate({"url": pagerduty.url, "routing_key": NEW, **(settings or {})})
    receipt = Action(made, http).send(told, thread, 5)
    return replace(receipt, thread=receipt.thread.told(told, notifications.START))


def opened(pagerduty: PagerDuty, http: Http, *alerts: Alert, **settings: Any) -> Thread:
    """Returns the thread after a trigger through the old key."""
    told = notification(*(alerts or (alert(),)))
    return send(pagerduty, http, told, Thread(), {"routing_key": OLD, **settings}).thread


def alert(name: str = "A", status: Status = "firing", **labels: str) -> Alert:
    """Returns an alert of a name of its own."""
    return notifications.alert({"alertname": name, **labels}, status=status)


def states(pagerduty: PagerDuty) -> list[tuple[str, str]]:
    """By its routing key how each incident stands."""
    return sorted((key, each.state) for (key, _), each in pagerduty.incidents.items())


@pytest.mark.parametrize("from_file", [False, True])
def test_what_is_open_stays_with_its_key(pagerduty: PagerDuty, http: Http, from_file: bool, tmp_path: Path) -> None:
    """After a rotation updates, acknowledgement and end go through the key before; what is new through the new one."""
    file = tmp_path / "previous"
    file.write_text(f"{OLD}\n")
    rotated = {"routing_key_previous_file": str(file)} if from_file else {"routing_key_previous": OLD}
    thread = opened(pagerduty, http)
    updated = send(pagerduty, http, notification(alert(), alert("B")), thread, rotated)
    assert ((), [(OLD, "triggered")]) == (updated.warnings, states(pagerduty))
    entry = Entry("acknowledged", "Ann has it", notifications.START)
    send(pagerduty, http, replace(notification(alert()), entries=(entry,)), updated.thread, rotated)
    assert [(OLD, "acknowledged")] == states(pagerduty)
    over = send(pagerduty, http, notification(alert("A", "resolved"), alert("B", "resolved")), updated.thread, rotated)
    assert ([(OLD, "resolved")], "") == (states(pagerduty), over.thread.credential)
    send(pagerduty, http, notification(alert()), over.thread, rotated)
    assert [(OLD, "resolved"), (NEW, "triggered")] == states(pagerduty)


def test_a_thread_holds_no_key(pagerduty: PagerDuty, http: Http) -> None:
    """But something by which it is known again, another one for each incident."""
    alone, several = opened(pagerduty, http), opened(pagerduty, http, alert(), alert("B"), dedup="alert")
    assert OLD not in repr((alone, several))
    assert (16, 33) == (len(alone.credential), len(several.credential))
    assert 3 == len({alone.credential, *several.credential.split()})


def test_a_thread_of_before_has_the_current_key(pagerduty: PagerDuty, http: Http) -> None:
    """It keeps nothing of its key; from its next update on it does."""
    thread = replace(opened(pagerduty, http), credential="")
    kept = send(pagerduty, http, notification(alert()), thread, {"routing_key": OLD, "routing_key_previous": NEW})
    assert [(OLD, "triggered")] == states(pagerduty)
    assert kept.thread.credential
    send(pagerduty, http, notification(alert("A", "resolved")), kept.thread, {"routing_key_previous": OLD})
    assert [(OLD, "resolved")] == states(pagerduty)


def test_one_that_is_not_told_of_keeps_its_key(pagerduty: PagerDuty, http: Http) -> None:
    """Of a thread of before that only part of has news, and of one whose other incident is of a key that is gone."""
    several = {"dedup": "alert"}
    thread = replace(opened(pagerduty, http, alert(), alert("B"), **several), credential="")
    both = notification(alert(), alert("B"), alert("C"))
    old = {"routing_key": OLD, **several}
    thread = send(pagerduty, http, both, thread, old).thread
    assert 3 == len(thread.credential.split())
    # The old key is gone while only D is news.
    thread = send(pagerduty, http, notification(*both.group.alerts, alert("D")), thread, several).thread
    assert 4 == len(thread.credential.split())
    # And is known again.
    ends = [alert(name, "resolved") for name in "ABCD"]
    over = send(pagerduty, http, notification(*ends), thread, {"routing_key_previous": OLD, **several})
    assert {"resolved"} == {state for _, state in states(pagerduty)}
    assert ("", {}) == (over.thread.credential, over.thread.incidents)


@pytest.mark.parametrize("dedup", ["group", "alert"])
def test_an_end_that_nobody_can_tell_is_announced(pagerduty: PagerDuty, http: Http, dedup: str) -> None:
    """The delivery is dead, and says of which incident and what to do."""
    thread = opened(pagerduty, http, dedup=dedup)
    (key,) = {each for _, each in pagerduty.incidents}
    with pytest.raises(SendError, match=f"dedup_key {key} was triggered .* routing_key_previous") as raised:
        send(pagerduty, http, notification(alert("A", "resolved")), thread, {"dedup": dedup})
    assert (True, 1) == (raised.value.permanent, len(pagerduty.requests))
    assert not [each for each in (OLD, NEW) if each in str(raised.value)]


def test_an_orphan_does_not_hold_up_others(pagerduty: PagerDuty, http: Http) -> None:
    """The ends of other incidents arrive, and then the delivery is dead."""
    thread = opened(pagerduty, http, dedup="alert")
    told = notification(alert(), alert("B"))
    thread = send(pagerduty, http, told, thread, {"dedup": "alert"}).thread
    ends = notification(alert("A", "resolved"), alert("B", "resolved"))
    with pytest.raises(SendError, match=r"routing_key_previous \(1 of 2 events were not taken\)") as raised:
        send(pagerduty, http, ends, thread, {"dedup": "alert"})
    assert (True, True) == (raised.value.permanent, raised.value.partly)
    assert [(OLD, "triggered"), (NEW, "resolved")] == states(pagerduty)


@pytest.mark.parametrize("dedup", ["group", "alert"])
def test_an_update_that_nobody_can_tell_pages_anew(pagerduty: PagerDuty, http: Http, dedup: str) -> None:
    """Through the new key; event, receipt and warning name what is left behind, and it is the new one from then on."""
    thread = opened(pagerduty, http, dedup=dedup)
    (key,) = {each for _, each in pagerduty.incidents}
    receipt = send(pagerduty, http, notification(alert()), thread, {"dedup": dedup})
    assert [(OLD, "triggered"), (NEW, "triggered")] == states(pagerduty)
    details = pagerduty.events[-1]["payload"]["custom_details"]
    assert [details["orphaned_incident"]] == list(receipt.warnings)
    assert key in details["orphaned_incident"]
    assert f"trigger accepted; orphaned, for its routing key is not set any more: {key}" == receipt.detail
    again = send(pagerduty, http, notification(alert()), receipt.thread, {"dedup": dedup})
    assert ((), "trigger accepted") == (again.warnings, again.detail)
    send(pagerduty, http, notification(alert("A", "resolved")), again.thread, {"dedup": dedup})
    assert [(OLD, "triggered"), (NEW, "resolved")] == states(pagerduty)


def test_several_orphans_are_named_in_little_room(pagerduty: PagerDuty, http: Http) -> None:
    """The receipt has the first and the number of the others, the warnings have all."""
    alerts = [alert(f"A{at}") for at in range(5)]
    thread = opened(pagerduty, http, *alerts, dedup="alert")
    receipt = send(pagerduty, http, notification(*alerts), thread, {"dedup": "alert"})
    assert (5, 5) == (len(receipt.warnings), len(set(receipt.warnings)))
    assert len(receipt.detail) <= 200
    assert receipt.detail.startswith("5 triggers accepted; orphaned")


def test_a_file_that_cannot_be_read_may_be_there_next_time(pagerduty: PagerDuty, http: Http, tmp_path: Path) -> None:
    """An end waits for it; a page does not."""
    rotated = {"routing_key_previous_file": str(tmp_path / "away")}
    thread = opened(pagerduty, http)
    with pytest.raises(SendError, match="away: No such file") as raised:
        send(pagerduty, http, notification(alert("A", "resolved")), thread, rotated)
    assert not raised.value.permanent
    receipt = send(pagerduty, http, notification(alert(), alert("B")), thread, rotated)
    assert 1 == len(receipt.warnings)


@pytest.mark.parametrize("from_file", [False, True])
def test_a_severity_has_a_key_of_its_own(pagerduty: PagerDuty, http: Http, from_file: bool, tmp_path: Path) -> None:
    """An incident stays with the key that it was triggered by, however bad it gets; others have `routing_key`."""
    file = tmp_path / "critical"
    file.write_text(CRITICAL)
    key = {"routing_key_file": str(file)} if from_file else {"routing_key": CRITICAL}
    keys = {"severity_routing_keys": {"critical": key}}
    thread = send(pagerduty, http, notification(alert(severity="warning")), Thread(), keys).thread
    worse = notification(alert(severity="warning"), alert("B", severity="page"))
    thread = send(pagerduty, http, worse, thread, keys).thread
    assert [(NEW, "triggered")] == states(pagerduty)
    assert "critical" == pagerduty.events[-1]["payload"]["severity"]
    ends = [alert("A", "resolved", severity="warning"), alert("B", "resolved", severity="page")]
    thread = send(pagerduty, http, notification(*ends), thread, keys).thread
    send(pagerduty, http, worse, thread, keys)
    assert [(NEW, "resolved"), (CRITICAL, "triggered")] == states(pagerduty)


def test_each_incident_has_its_own_severitys_key(pagerduty: PagerDuty, http: Http) -> None:
    """And its end goes through it, in doubt as well."""
    keys = {"severity_routing_keys": {"critical": {"routing_key": CRITICAL}}, "dedup": "alert"}
    alerts = [alert(severity="critical"), alert("B", severity="info")]
    thread = send(pagerduty, http, notification(*alerts), Thread(), keys).thread
    assert [(NEW, "triggered"), (CRITICAL, "triggered")] == states(pagerduty)
    ends = notification(alert("A", "resolved", severity="critical"), alert("B", "resolved", severity="info"))
    for held in (thread, Thread(attempted=True)):
        send(pagerduty, http, ends, held, keys)
        assert [(NEW, "resolved"), (CRITICAL, "resolved")] == states(pagerduty)
        send(pagerduty, http, notification(*alerts), Thread(), keys)


def test_a_users_severity_chooses_the_key(pagerduty: PagerDuty, http: Http) -> None:
    """What the event says, and where it goes, is the same."""
    keys = {"severity_routing_keys": {"critical": {"routing_key": CRITICAL}}, "severity": "{{ 'P1' }}"}
    send(pagerduty, http, notification(alert(severity="info")), Thread(), keys)
    assert [(CRITICAL, "triggered")] == states(pagerduty)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"routing_key_previous": OLD, "routing_key_previous_file": "/x"}, "has both routing_key_previous and"),
        ({"severity_routing_keys": {"P1": {"routing_key": OLD}}}, "Input should be 'critical', 'error'"),
        ({"severity_routing_keys": {"critical": {}}}, "needs routing_key or routing_key_file"),
        (
            {"severity_routing_keys": {"critical": {"routing_key": OLD, "routing_key_file": "/x"}}},
            "has both routing_key",
        ),
        ({"severity_routing_keys": {"critical": OLD}}, "Input should be a valid dictionary"),
        ({"service_region": "mars"}, "Input should be 'us' or 'eu'"),
        ({"service_region": "eu", "url": "https://a.example"}, "has both url and service_region"),
    ],
)
def test_refuses_what_is_none(settings: dict[str, Any], expected: str) -> None:
    """And repeats no key."""
    with pytest.raises(ValidationError, match=expected) as raised:
        Settings.model_validate({"routing_key": NEW, **settings})
    assert OLD not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "https://events.pagerduty.com/v2/enqueue"),
        ({"service_region": "us"}, "https://events.pagerduty.com/v2/enqueue"),
        ({"service_region": "eu"}, "https://events.eu.pagerduty.com/v2/enqueue"),
        ({"url": "https://a.example"}, "https://a.example"),
    ],
)
def test_a_region_has_a_url(settings: dict[str, Any], expected: str) -> None:
    """As PagerDuty documents it."""
    assert expected == Settings.model_validate({"routing_key": NEW, **settings}).events_url


def test_settings_show_no_key() -> None:
    """Wherever it stands."""
    made = Settings.model_validate(
        {
            "routing_key": NEW,
            "routing_key_previous": OLD,
            "severity_routing_keys": {"critical": {"routing_key": CRITICAL}},
        }
    )
    shown = f"{made}{made!r}{made.model_dump()}{made.model_dump_json()}"
    assert not [each for each in (OLD, NEW, CRITICAL) if each in shown]


def test_tells_no_key_that_comes_back(pagerduty: PagerDuty, http: Http, caplog: pytest.LogCaptureFixture) -> None:
    """None of those that were read, though PagerDuty sends them all back."""
    caplog.set_level(logging.DEBUG)
    thread = opened(pagerduty, http)
    pagerduty.answer_next(400, json.dumps({"errors": [OLD, NEW]}).encode())
    with pytest.raises(SendError, match=r'\["\*\*\*", "\*\*\*"\]') as raised:
        send(pagerduty, http, notification(alert()), thread, {"routing_key_previous": OLD})
    assert raised.value.permanent
    assert not [each for each in (OLD, NEW) if each in caplog.text]
