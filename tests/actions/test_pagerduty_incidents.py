"""PagerDuty: a group as several incidents, each about its own alerts, and each resolved that was opened."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from actions.pagerduty import Action, Settings
from alerts.model import Alert, Status
from alerts.notification import Image, Notification, Receipt, SendError, Thread
from alerts.timeline import Acknowledgement, Entry
from outbound import Http
from tests.actions import notifications
from tests.actions.in_process import InProcess
from tests.actions.notifications import any_notification, notification
from tests.actions.test_pagerduty import KEY
from tests.far_sides.pagerduty import Event, PagerDuty

LABELS = ["cluster", "namespace"]
MODES: list[Any] = ["group", "alert", LABELS]


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as far_side:
        yield far_side


class Day:
    """One destination's life: it keeps the thread as the pipeline does."""

    def __init__(self, pagerduty: PagerDuty, http: Http, dedup: Any = "alert", **changes: Any) -> None:
        self.pagerduty = pagerduty
        self.http = http
        self.thread = Thread()
        self.changes = changes
        self.dedup = dedup

    def tell(self, *alerts: Alert, **changes: Any) -> Receipt:
        """Tells a state of the group and returns what came of it."""
        return self.send(replace(notification(*alerts), **changes))

    def send(self, told: Notification) -> Receipt:
        """Sends a notification; what came of it is in the thread by then."""
        made = {"url": self.pagerduty.url, "routing_key": KEY, "dedup": self.dedup, **self.changes}
        receipt = Action(Settings.model_validate(made), self.http).send(told, self.thread, 5)
        self.thread = receipt.thread if told.entries else receipt.thread.told(told, notifications.START)
        return receipt

    def events(self) -> list[tuple[str, str]]:
        """Takes what PagerDuty has taken since: the action, and the pods of a trigger, or those that were triggered."""
        events, self.pagerduty.events[:] = [(each["event_action"], self.name(each)) for each in self.taken], []
        return sorted(events)

    @property
    def taken(self) -> list[Event]:
        """What PagerDuty has taken."""
        return self.pagerduty.events

    def name(self, event: Event) -> str:
        """What an incident is called in these tests: its class, which is its worst alert's name."""
        first = self.pagerduty.incident(event["dedup_key"]).events[0]
        return str(first["payload"]["class"])

    def states(self) -> dict[str, str]:
        """By its name how each incident stands at PagerDuty."""
        found = self.pagerduty.incidents.values()
        return {str(each.events[0]["payload"]["class"]): each.state for each in found}


def alert(name: str, status: Status = "firing", **labels: str) -> Alert:
    """Returns an alert of a name of its own."""
    return notifications.alert({"alertname": name, **labels}, {"summary": f"{name} is bad."}, status)


def test_each_alert_is_an_incident(pagerduty: PagerDuty, http: Http) -> None:
    """About itself alone: summary, details, source, start, page and pictures are of its own alert."""
    alerts = [alert("A", pod="a", severity="critical"), alert("B", pod="b", severity="warning")]
    told = notification(*alerts, findings={alerts[1].fingerprint: (notifications.CPU,)})
    told = replace(
        told,
        page_url=f"https://alerts.example/#{alerts[0].fingerprint}",
        images=tuple(Image(f"https://a.example/{each.name}.png", each.name, each.fingerprint) for each in alerts),
    )
    day = Day(pagerduty, http)
    receipt = day.send(told)
    assert "2 triggers accepted" == receipt.detail
    first, second = sorted(day.taken, key=lambda each: str(each["payload"]["class"]))
    assert ("[FIRING] A: A is bad. (a)", "critical") == (first["payload"]["summary"], first["payload"]["severity"])
    assert "[FIRING] B: B is bad. (b · CPU 0.42 of 0.50 cores (84%))" == second["payload"]["summary"]
    assert ({}, 1) == (first["payload"]["custom_details"]["readings"], first["payload"]["custom_details"]["num_firing"])
    assert {"CPU"} == second["payload"]["custom_details"]["readings"].keys()
    assert f"https://alerts.example/#{alerts[1].fingerprint}" == second["client_url"]
    assert ["https://a.example/B.png"] == [each["src"] for each in second["images"]]
    assert {told.key} == {each["dedup_key"].partition(":")[0] for each in day.taken}
    assert (told.key, 2) == (day.thread.key, len(day.thread.incidents))


def test_a_day_of_incidents(pagerduty: PagerDuty, http: Http) -> None:
    """Only what is new is told, an end resolves its own incident, and what fires again is one again."""
    day = Day(pagerduty, http)
    day.tell(alert("A"), alert("B"))
    assert [("trigger", "A"), ("trigger", "B")] == day.events()
    day.tell(alert("A"), alert("B"), alert("C"))
    assert [("trigger", "C")] == day.events()
    receipt = day.tell(alert("A", "resolved"), alert("B"), alert("C"))
    assert ([("resolve", "A")], "resolve accepted") == (day.events(), receipt.detail)
    day.tell(alert("A"), alert("B"), alert("C", "resolved"))
    assert [("resolve", "C"), ("trigger", "A")] == day.events()
    day.tell(alert("A", "resolved"), alert("B", "resolved"))
    assert [("resolve", "A"), ("resolve", "B")] == day.events()
    assert ({}, "", ()) == (day.thread.incidents, day.thread.credential, day.thread.open_fingerprints)
    assert {"A": "resolved", "B": "resolved", "C": "resolved"} == day.states()
    day.tell(alert("B"))
    assert {"A": "resolved", "B": "triggered", "C": "resolved"} == day.states()


def test_alerts_that_share_labels_are_an_incident(pagerduty: PagerDuty, http: Http) -> None:
    """Whichever labels those are, one that is not there included; it is over with its last alert."""
    day = Day(pagerduty, http, ["namespace", "cluster"])
    one, two = alert("A", namespace="shop", pod="1"), alert("B", namespace="shop", pod="2")
    other = alert("C")
    day.tell(one, other)
    assert [("trigger", "A"), ("trigger", "C")] == day.events()
    before = set(day.thread.incidents)
    day.dedup = ["cluster", "namespace"]
    day.tell(one, two, other)
    assert [("trigger", "A")] == day.events()
    assert before == set(day.thread.incidents)
    day.tell(alert("A", "resolved", namespace="shop", pod="1"), two, other)
    # B goes on: there is nothing that PagerDuty has to hear but what it holds, again.
    assert [("trigger", "A"), ("trigger", "C")] == day.events()
    day.tell(alert("B", "resolved", namespace="shop", pod="2"), other)
    assert [("resolve", "A")] == day.events()


def test_who_is_reminded_hears_of_all(pagerduty: PagerDuty, http: Http) -> None:
    """A state with nothing new in it is told again: somebody may have closed an incident that goes on."""
    day = Day(pagerduty, http)
    day.tell(alert("A"), alert("B"))
    day.events()
    day.tell(alert("A"), alert("B"), notes=("still firing, 4h",))
    assert [("trigger", "A"), ("trigger", "B")] == day.events()


def test_after_doubt_all_is_told(pagerduty: PagerDuty, http: Http) -> None:
    """What an attempt of which nobody knows has told may be more, or less, than the thread says."""
    day = Day(pagerduty, http)
    day.tell(alert("A"), alert("B"))
    day.events()
    day.thread = day.thread.doubted()
    day.tell(alert("A"), alert("B"), alert("C"))
    assert [("trigger", "A"), ("trigger", "B"), ("trigger", "C")] == day.events()
    assert not day.thread.attempted


def test_what_was_never_known_is_resolved(pagerduty: PagerDuty, http: Http) -> None:
    """An attempt that timed out may have opened it: its end finds it, by its own key or by the group's."""
    day = Day(pagerduty, http)
    day.tell(alert("A"))
    day.dedup = "group"
    day.thread = Thread()
    day.tell(alert("B"))
    day.dedup, day.thread = "alert", Thread(attempted=True)
    day.tell(alert("A", "resolved"), alert("B", "resolved"))
    assert {"A": "resolved", "B": "resolved"} == day.states()


def test_of_a_group_that_was_cut_nothing_unnamed_is_resolved(pagerduty: PagerDuty, http: Http) -> None:
    """It may go on, and ends when the whole group does."""
    day = Day(pagerduty, http)
    day.tell(alert("A"), alert("B"))
    cut = notification(alert("A", "resolved"))
    day.send(replace(cut, group=replace(cut.group, truncated_alerts=1)))
    assert {"A": "resolved", "B": "triggered"} == day.states()
    day.tell(alert("A", "resolved"))
    assert ({"A": "resolved", "B": "resolved"}, {}) == (day.states(), day.thread.incidents)


def test_nothing_is_sent_where_nothing_can_be_said(pagerduty: PagerDuty, http: Http) -> None:
    """Of one incident whose named alert is over while others may fire; the receipt says so."""
    day = Day(pagerduty, http, "group")
    day.tell(alert("A"), alert("B"))
    cut = notification(alert("A", "resolved"))
    receipt = day.send(replace(cut, group=replace(cut.group, truncated_alerts=1)))
    assert ("nothing to send: what is not named may still fire", 1) == (receipt.detail, len(day.taken))
    day.tell(alert("B", "resolved"))
    assert {"A": "resolved"} == day.states()


def test_who_hears_of_no_ends_hears_of_all_that_fires(pagerduty: PagerDuty, http: Http) -> None:
    """Of what is open there nobody knows, and what begins again must page."""
    day = Day(pagerduty, http)
    for _ in range(2):
        day.tell(alert("A"), alert("B"), send_resolved=False)
        assert [("trigger", "A"), ("trigger", "B")] == day.events()
    assert ({}, "") == (day.thread.incidents, day.thread.credential)


@pytest.mark.parametrize(
    ("before", "then"),
    [("group", "alert"), ("alert", "group"), ("group", LABELS), (LABELS, "alert"), ("alert", LABELS)],
)
def test_another_dedup_resolves_what_is_open(pagerduty: PagerDuty, http: Http, before: Any, then: Any) -> None:
    """What was told stays in its incident until it is over; what is new becomes one of the new kind."""
    day = Day(pagerduty, http, before)
    day.tell(alert("A", cluster="a"), alert("B", cluster="b"))
    opened = set(pagerduty.incidents)
    day.dedup = then
    day.tell(alert("A", cluster="a"), alert("B", cluster="b"), alert("C", cluster="c"))
    assert 1 == len(set(pagerduty.incidents) - opened)
    assert {"triggered"} == set(day.states().values())
    day.tell(alert("A", "resolved", cluster="a"), alert("B", "resolved", cluster="b"), alert("C", cluster="c"))
    assert dict.fromkeys(opened, "resolved") == {key: pagerduty.incidents[key].state for key in opened}
    assert "triggered" == day.states()["C"]
    day.tell(alert("C", "resolved", cluster="c"))
    assert {"resolved"} == set(day.states().values())
    assert ({}, "") == (day.thread.incidents, day.thread.credential)


def test_one_of_another_dedup_is_over_at_once(pagerduty: PagerDuty, http: Http) -> None:
    """A reload, and then the end of everything: each incident is resolved under the key that it was opened with."""
    day = Day(pagerduty, http)
    day.tell(alert("A"), alert("B"))
    day.dedup = "group"
    day.tell(alert("A", "resolved"), alert("B", "resolved"))
    assert {"A": "resolved", "B": "resolved"} == day.states()
    assert {} == day.thread.incidents


def test_who_is_told_too_much_is_told_no_more(pagerduty: PagerDuty, http: Http) -> None:
    """After the first 429 nothing more is begun, and the longest wait that was asked for counts."""
    pagerduty.answer_next(429, headers={"Retry-After": "7"})
    pagerduty.answer_next(429, headers={"Retry-After": "30"}, times=3)
    day = Day(pagerduty, http)
    with pytest.raises(SendError, match=r"status 429.* \(\d+ of 500 events were not taken\)$") as raised:
        day.tell(*(alert(f"A{at}") for at in range(500)))
    assert (False, True) == (raised.value.permanent, raised.value.throttled)
    assert raised.value.retry_after_seconds in (7, 30)
    assert len(pagerduty.requests) < 20


@pytest.mark.parametrize(("statuses", "permanent"), [((400, 400), True), ((400, 500), False), ((400, 202), True)])
def test_only_what_cannot_be_told_at_all_is_permanent(
    pagerduty: PagerDuty, http: Http, statuses: tuple[int, int], permanent: bool
) -> None:
    """Where some may be taken the next time, it is worth another attempt."""
    for status in statuses:
        pagerduty.answer_next(status, b'{"errors":["no"]}')
    with pytest.raises(SendError) as raised:
        Day(pagerduty, http).tell(alert("A"), alert("B"))
    assert (permanent, 202 in statuses) == (raised.value.permanent, raised.value.partly)


def test_the_worst_goes_first(pagerduty: PagerDuty, http: Http) -> None:
    """And ends behind all that fires."""
    day = Day(pagerduty, http)
    alerts = [alert(f"A{at}", severity="info") for at in range(40)]
    day.tell(alert("Z", "resolved", severity="critical"), *alerts, alert("W", severity="page"))
    taken = [each["payload"]["class"] if "payload" in each else "" for each in pagerduty.events]
    assert taken.index("W") < 4
    assert taken.index("") > 35


def test_a_preview_is_a_list(pagerduty: PagerDuty, http: Http) -> None:
    """Of an event for each incident; of one incident it is the event itself."""
    made = {
        each: Action(Settings.model_validate({"routing_key": KEY, "dedup": each}), http) for each in ("group", "alert")
    }
    told = notification(alert("A"), alert("B", "resolved"))
    assert ["trigger", "resolve"] == [each["event_action"] for each in made["alert"].preview(told).message]
    assert "trigger" == made["group"].preview(told).message["event_action"]


def test_a_digest_is_one_incident(pagerduty: PagerDuty, http: Http) -> None:
    """Its alerts are of many groups."""
    receipt = Day(pagerduty, http).send(notifications.storm())
    assert ("trigger accepted", 1) == (receipt.detail, len(pagerduty.incidents))


TAKEN = Acknowledgement("Ann\n<!channel>", notifications.START, "slack")
ENTRY = Entry("acknowledged", "Ann has it", notifications.START)


@pytest.mark.parametrize("dedup", MODES)
def test_what_is_open_is_acknowledged(pagerduty: PagerDuty, http: Http, dedup: Any) -> None:
    """Each incident by its own key; the thread stays as it is."""
    day = Day(pagerduty, http, dedup)
    day.tell(alert("A", cluster="a"), alert("B", cluster="b"), alert("C", "resolved", cluster="c"))
    before = day.thread
    receipt = day.tell(alert("A", cluster="a"), alert("B", cluster="b"), entries=(ENTRY,))
    assert before == receipt.thread
    assert receipt.detail in ("acknowledge accepted", "2 acknowledges accepted")
    assert {"acknowledged"} == set(day.states().values())
    acknowledged = [each for each in pagerduty.events if each["event_action"] == "acknowledge"]
    assert {"routing_key", "event_action", "dedup_key"} == set(acknowledged[0])


def test_what_may_be_open_is_acknowledged(pagerduty: PagerDuty, http: Http) -> None:
    """An attempt that timed out may have opened it."""
    day = Day(pagerduty, http)
    day.tell(alert("A"))
    day.thread = Thread(attempted=True)
    day.tell(alert("A"), entries=(ENTRY,))
    assert {"A": "acknowledged"} == day.states()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("acknowledged", "nothing to send: no incident is open there"),
        ("changes", "nothing to send: of a timeline it hears only who has taken a group over"),
    ],
)
def test_nothing_else_of_a_timeline_is_sent(pagerduty: PagerDuty, http: Http, kind: Any, expected: str) -> None:
    """The receipt says why."""
    receipt = Day(pagerduty, http).tell(alert("A"), entries=(replace(ENTRY, kind=kind),))
    assert (expected, []) == (receipt.detail, pagerduty.requests)


def test_a_trigger_says_who_has_it(pagerduty: PagerDuty, http: Http) -> None:
    """In its details, on one line and cut."""
    day = Day(pagerduty, http)
    day.tell(alert("A"), acknowledged=TAKEN)
    said = pagerduty.events[-1]["payload"]["custom_details"]["acknowledged"]
    assert "by Ann <!channel> (slack) at 2022-03-02T07:31:57+00:00" == said
    day.tell(alert("B"), acknowledged=replace(TAKEN, by="x" * 100_000))
    assert len(pagerduty.events[-1]["payload"]["custom_details"]["acknowledged"]) < 400


@pytest.mark.parametrize(
    ("dedup", "expected"),
    [
        ("labels", "should be group, alert, or a list of labels"),
        ([], "should be group, alert, or a list of labels"),
        (["a", ""], "should be group, alert, or a list of labels"),
        ([1], "should be group, alert, or a list of labels"),
        ({"a": "b"}, "should be group, alert, or a list of labels"),
        (["a", "b", "a"], "names a label twice"),
    ],
)
def test_refuses_a_dedup_that_is_none(dedup: Any, expected: str) -> None:
    """With what it may be."""
    with pytest.raises(ValidationError, match=expected):
        Settings.model_validate({"routing_key": KEY, "dedup": dedup})


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    """A PagerDuty that judges without being listened to."""
    with PagerDuty() as far_side:
        connections = InProcess(far_side)
        yield connections
        connections.close()


_BASE = "k" * 64
_OPEN = Thread(key=_BASE, open_fingerprints=("a", "b"), opened_at=notifications.START)
_THREADS = st.sampled_from(
    [
        Thread(),
        Thread(attempted=True),
        _OPEN,
        replace(_OPEN, attempted=True),
        replace(_OPEN, incidents={f"{_BASE}:1": ("a",), _BASE: ("b",)}),
    ]
)


@pytest.mark.parametrize("dedup", MODES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=any_notification(), thread=_THREADS, taken=st.none() | st.builds(replace, st.just(TAKEN), by=st.text()))
def test_no_group_is_refused(
    in_process: InProcess, dedup: Any, told: Notification, thread: Thread, taken: Acknowledgement | None
) -> None:
    """Whatever a group holds and whatever is open, PagerDuty takes each event; nothing is open when all is over."""
    far_side = in_process.far_side
    assert isinstance(far_side, PagerDuty)
    far_side.events.clear()
    action = Action(Settings.model_validate({"routing_key": KEY, "dedup": dedup}), in_process)
    receipt = action.send(replace(told, acknowledged=taken), thread, 30)
    assert [] == far_side.refused
    assert 1 <= len(receipt.detail) <= 200
    assert max((len(event["dedup_key"]) for event in far_side.events), default=0) <= 97
    after = receipt.thread.told(told, notifications.START)
    assert {each for held in after.incidents.values() for each in held} <= set(after.open_fingerprints)
    if told.group.status == "firing":
        assert "trigger" in {event["event_action"] for event in far_side.events}
    elif not told.group.truncated_alerts:
        assert ({}, "") == (after.incidents, after.credential)
