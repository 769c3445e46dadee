"""PagerDuty: of a send that failed in part it is kept what was taken, so that the next one tells the rest."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from actions._pagerduty_incidents import open_incidents
from actions.pagerduty import Action, Settings
from alerts.notification import Notification, SendError, Thread
from alerts.superseding import superseding
from outbound import Http
from tests.actions import notifications
from tests.actions.notifications import notification
from tests.actions.test_pagerduty_incidents import Day, alert
from tests.far_sides.http_server import Answer, Request
from tests.far_sides.pagerduty import PagerDuty

OLD, NEW, CRITICAL = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as far_side:
        yield far_side


def held(raised: pytest.ExceptionInfo[SendError]) -> Thread:
    """What is kept of a send that failed."""
    assert raised.value.held is not None
    return replace(raised.value.held, heard=(1, 1))


@contextmanager
def lossy(pagerduty: PagerDuty) -> Iterator[None]:
    """While it lasts PagerDuty takes what it is told and says that it did not."""
    real = pagerduty.answer

    def answer(request: Request) -> Answer:
        real(request)
        return Answer(503, b"lost")

    pagerduty.answer = answer  # type: ignore[method-assign]
    yield
    pagerduty.answer = real  # type: ignore[method-assign]


def test_what_fails_fails_the_whole_and_is_sent_again(pagerduty: PagerDuty, http: Http) -> None:
    """What was taken is not sent again, by whatever process, for PagerDuty takes only so much a minute."""
    pagerduty.answer_next(503, b"away")
    day = Day(pagerduty, http)
    told = notification(*(alert(f"A{at}") for at in range(20)))
    with pytest.raises(SendError, match=r"^PagerDuty: status 503: away \(1 of 20 events were not taken\)$") as raised:
        day.send(told)
    assert (False, True) == (raised.value.permanent, raised.value.partly)
    assert (19, 20, 1) == (len(pagerduty.events), len(held(raised).incidents), len(held(raised).again))
    day.thread = held(raised)
    assert "trigger accepted" == day.send(told).detail
    assert (20, 20, ()) == (len(pagerduty.events), len(pagerduty.incidents), day.thread.again)
    # Who is reminded hears of all.
    assert "20 triggers accepted" == day.send(told).detail


class Limited(Day):
    """A day of a PagerDuty that takes as much as it documents; what it took of a send that failed is kept."""

    now = 0.0

    def minute(self, told: Notification) -> bool:
        """Tells it, and says whether all was taken; then a minute goes by."""
        try:
            self.send(told)
        except SendError as error:
            self.thread = replace(error.held or self.thread, heard=(1, 1))
            return False
        finally:
            self.now += 61
        return True


@pytest.fixture
def limited(pagerduty: PagerDuty, http: Http) -> Limited:
    """Such a day, at its beginning."""
    day = Limited(pagerduty, http)
    pagerduty.limit_rates(lambda: day.now)
    return day


@pytest.mark.parametrize("send_resolved", [True, False])
def test_a_group_of_more_than_a_minute_takes_is_told(limited: Limited, send_resolved: bool) -> None:
    """Attempt by attempt, for each goes on where PagerDuty had enough; and so are a reminder of it and its end."""
    alerts = [alert(f"A{at}") for at in range(300)]
    told = replace(notification(*alerts), send_resolved=send_resolved)
    for sent in (300, 600):
        assert [False, False, True] == [limited.minute(told) for _ in range(3)]
        assert (300, sent) == (len(limited.pagerduty.opened), len(limited.pagerduty.events))
    if send_resolved:
        over = notification(*(alert(f"A{at}", "resolved") for at in range(300)))
        assert [False, False, True] == [limited.minute(over) for _ in range(3)]
        assert {"resolved"} == {each.state for each in limited.pagerduty.opened}
        assert ({}, (), "") == (limited.thread.incidents, limited.thread.open_fingerprints, limited.thread.credential)


def test_the_tail_is_told_while_the_group_changes(limited: Limited) -> None:
    """Each newer state tells what no older one could, and what is over by then."""
    alerts = [alert(f"A{at}") for at in range(250)]
    assert not limited.minute(notification(*alerts))
    waits = notification(alert("A0", "resolved"), *alerts[1:], alert("B"))
    assert not limited.minute(waits)
    assert limited.minute(superseding(notification(*alerts[1:], alert("B"), alert("C")), [waits]))
    assert 252 == len(limited.pagerduty.opened)
    assert 1 == sum(each.state == "resolved" for each in limited.pagerduty.opened)
    assert 253 == len(limited.pagerduty.events)


def test_after_doubt_the_tail_is_told_too(limited: Limited) -> None:
    """All is told again then, but only once."""
    limited.thread = Thread(attempted=True)
    told = notification(*(alert(f"A{at}") for at in range(150)))
    assert [False, True] == [limited.minute(told), limited.minute(told)]
    assert (150, 150) == (len(limited.pagerduty.opened), len(limited.pagerduty.events))


def test_an_end_of_which_the_answer_was_lost_is_no_end_yet(pagerduty: PagerDuty, http: Http) -> None:
    """It is told again; and what fires again by then is told as new, for it may be over there."""
    day = Day(pagerduty, http)
    day.tell(alert("A"), alert("B"))
    with lossy(pagerduty), pytest.raises(SendError) as raised:
        day.tell(alert("A", "resolved"), alert("B"))
    assert 1 == sum(each.state == "resolved" for each in pagerduty.opened)
    day.thread = held(raised)
    assert (2, 1) == (len(day.thread.open_fingerprints), len(day.thread.again))
    day.tell(alert("A"), alert("B"))
    assert ["resolved", "triggered", "triggered"] == sorted(each.state for each in pagerduty.opened)
    day.tell(alert("A", "resolved"), alert("B", "resolved"))
    assert {"resolved"} == {each.state for each in pagerduty.opened}


def send(pagerduty: PagerDuty, http: Http, told: Notification, thread: Thread, **settings: Any) -> Thread:
    """Returns what is kept of a send, whether it failed or not."""
    made = Settings.model_validate({"url": pagerduty.url, "routing_key": NEW, **settings})
    try:
        return Action(made, http).send(told, thread, 5).thread.told(told, notifications.START)
    except SendError as error:
        return replace(error.held or Thread(), heard=(1, 1))


def states(pagerduty: PagerDuty) -> list[tuple[str, str]]:
    """By its routing key how each incident stands, each that was ever opened."""
    return [(each.routing_key, each.state) for each in pagerduty.opened]


@pytest.mark.parametrize("dedup", ["group", "alert", ["alertname"]])
def test_what_may_be_open_is_told_through_the_key_that_was_tried(pagerduty: PagerDuty, http: Http, dedup: Any) -> None:
    """After a rotation, too: so nobody is paged twice, and it hears its end."""
    told, over = notification(alert("A")), notification(alert("A", "resolved"))
    with lossy(pagerduty):
        thread = send(pagerduty, http, told, Thread(), routing_key=OLD, dedup=dedup)
    assert [(OLD, "triggered")] == states(pagerduty)
    rotated = {"routing_key_previous": OLD, "dedup": dedup}
    again = send(pagerduty, http, told, thread, **rotated)
    assert [(OLD, "triggered")] == states(pagerduty)
    for before in (thread, again):
        assert {} == send(pagerduty, http, over, before, **rotated).incidents
        assert [(OLD, "resolved")] == states(pagerduty)


def test_what_may_be_open_is_announced_where_its_key_is_gone(pagerduty: PagerDuty, http: Http) -> None:
    """The page of the new key names what is left behind, at each attempt until one is taken."""
    told = notification(alert("A"))
    with lossy(pagerduty):
        thread = send(pagerduty, http, told, Thread(), routing_key=OLD)
        thread = send(pagerduty, http, told, thread)
    receipt = Action(Settings.model_validate({"url": pagerduty.url, "routing_key": NEW}), http).send(told, thread, 5)
    assert (1, [OLD, NEW]) == (len(receipt.warnings), [key for key, _ in states(pagerduty)])
    assert receipt.warnings[0] == pagerduty.events[-1]["payload"]["custom_details"]["orphaned_incident"]


def test_a_severity_that_was_tried_keeps_its_key(pagerduty: PagerDuty, http: Http) -> None:
    """What was critical when its answer was lost, and is not any more, is resolved where it was triggered."""
    severities = {"severity_routing_keys": {"critical": {"routing_key": CRITICAL}}}
    warning, critical = alert("W", severity="warning"), alert("C", severity="critical")
    with lossy(pagerduty):
        thread = send(pagerduty, http, notification(warning, critical), Thread(), **severities)
    thread = send(pagerduty, http, notification(warning), thread, **severities)
    thread = send(pagerduty, http, notification(alert("W", "resolved")), thread, **severities)
    assert ([(CRITICAL, "resolved")], ()) == (states(pagerduty), thread.open_fingerprints)


def test_what_was_cut_short_is_resolved_through_each_key(pagerduty: PagerDuty, http: Http) -> None:
    """Nobody knows through which one a process that was killed has triggered it, or whether."""
    told, over = notification(alert("A")), notification(alert("A", "resolved"))
    send(pagerduty, http, told, Thread(), routing_key=OLD)
    rotated = {"routing_key_previous": OLD}
    thread = send(pagerduty, http, replace(told, unanswered=True), Thread(), **rotated)
    send(pagerduty, http, over, thread, **rotated)
    assert [(OLD, "resolved"), (NEW, "resolved")] == states(pagerduty)


@pytest.mark.parametrize("status", [400, 429, 503])
def test_an_end_that_one_of_two_keys_was_told_is_no_end_yet(pagerduty: PagerDuty, http: Http, status: int) -> None:
    """What fires again by then is told as new: through the key that was told it may be over."""
    told, over = notification(alert("A")), notification(alert("A", "resolved"))
    thread = send(pagerduty, http, told, Thread())
    thread = replace(thread, credential="")
    pagerduty.answer_next(202)
    pagerduty.answer_next(status)
    rotated = {"routing_key_previous": OLD}
    thread = send(pagerduty, http, over, thread, **rotated)
    assert (thread.open_fingerprints, 1) == (thread.again, len(thread.again))
    send(pagerduty, http, told, thread, **rotated)
    assert "trigger" == pagerduty.events[-1]["event_action"]


def test_what_an_earlier_version_opened_is_resolved_through_each_key(pagerduty: PagerDuty, http: Http) -> None:
    """It kept nothing of the key; the receipt does not say more than is known."""
    told, over = notification(alert("A")), notification(alert("A", "resolved"))
    thread = replace(send(pagerduty, http, told, Thread(), routing_key=OLD), credential="")
    settings = Settings.model_validate({"url": pagerduty.url, "routing_key": NEW, "routing_key_previous": OLD})
    receipt = Action(settings, http).send(over, thread, 5)
    assert "resolve accepted through every routing key that may have triggered it" == receipt.detail
    assert [(OLD, "resolved")] == states(pagerduty)


def test_an_orphan_is_announced_once(pagerduty: PagerDuty, http: Http) -> None:
    """What is told after that is judged by itself."""
    several = {"dedup": "alert"}
    thread = send(pagerduty, http, notification(alert("A")), Thread(), routing_key=OLD, **several)
    settings = Settings.model_validate({"url": pagerduty.url, "routing_key": NEW, **several})
    with pytest.raises(SendError, match="1 of 2 events were not taken") as raised:
        Action(settings, http).send(notification(alert("A", "resolved"), alert("B")), thread, 5)
    assert raised.value.permanent
    thread = held(raised)
    assert 1 == len(thread.open_fingerprints) == len(thread.incidents)
    assert "trigger accepted" == Action(settings, http).send(notification(alert("B"), alert("C")), thread, 5).detail


def test_an_orphan_stays_while_the_delivery_is_tried_again(pagerduty: PagerDuty, http: Http) -> None:
    """Else nobody would hear of it."""
    several = {"dedup": "alert"}
    thread = send(pagerduty, http, notification(alert("A")), Thread(), routing_key=OLD, **several)
    pagerduty.answer_next(503)
    told = notification(alert("A", "resolved"), alert("B"))
    thread = send(pagerduty, http, told, thread, **several)
    assert 2 == len(thread.incidents)
    settings = Settings.model_validate({"url": pagerduty.url, "routing_key": NEW, **several})
    with pytest.raises(SendError, match="routing_key_previous"):
        Action(settings, http).send(told, thread, 5)


def test_an_orphan_whose_key_is_set_again_hears_its_end(pagerduty: PagerDuty, http: Http) -> None:
    """When the delivery that is dead is tried again, which is to tell all of it."""
    thread = send(pagerduty, http, notification(alert("A")), Thread(), routing_key=OLD)
    over = notification(alert("A", "resolved"))
    thread = send(pagerduty, http, over, thread)
    assert ((), [(OLD, "triggered")]) == (thread.open_fingerprints, states(pagerduty))
    send(pagerduty, http, replace(over, unanswered=True), thread, routing_key_previous=OLD)
    assert [(OLD, "resolved")] == states(pagerduty)


def test_orphans_are_named_as_far_as_they_fit(pagerduty: PagerDuty, http: Http) -> None:
    """In one sentence, with the number of the others."""
    names = [f"A{at:02}" for at in range(30)]
    told = notification(*(alert(each) for each in names))
    thread = send(pagerduty, http, told, Thread(), routing_key=OLD, dedup="alert")
    settings = Settings.model_validate({"url": pagerduty.url, "routing_key": NEW, "dedup": "alert"})
    with pytest.raises(SendError, match=r"and \d+ more were triggered .* \(30 of 30 events") as raised:
        Action(settings, http).send(notification(*(alert(each, "resolved") for each in names)), thread, 5)
    said = str(raised.value)
    assert len(said) < 1_500
    assert 10 == sum(each.dedup_key in said for each in pagerduty.opened)


class Moody(PagerDuty):
    """A PagerDuty that takes some, takes some and does not say so, and is told too much now and then."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.dice = dice
        self.well = False

    def answer(self, request: Request) -> Answer:
        """By the dice, until it is well."""
        mood = 1.0 if self.well else self.dice.random()
        if mood < 0.25:
            return Answer(429 if mood < 0.15 else 503)
        answer = super().answer(request)
        return answer if mood > 0.5 else Answer(503, b"lost")


@pytest.mark.parametrize("seed", range(60))
def test_nothing_stays_open(http: Http, seed: int) -> None:
    """Whatever was taken, lost or refused, whoever was killed meanwhile, and whatever is configured by then."""
    dice = random.Random(seed)
    names, thread, attempt = "ABCDEF", Thread(), 0
    dedup: Any = dice.choice(["group", "alert", ["alertname"]])
    with Moody(dice) as pagerduty:
        for turn in range(13):
            pagerduty.well = turn > 10
            firing = "" if turn == 12 else "".join(each for each in names if dice.random() < 0.6)
            told = notification(*(alert(each, "firing" if each in firing else "resolved") for each in names))
            keys = {"routing_key": NEW, "routing_key_previous": OLD} if turn > 5 else {"routing_key": OLD}
            dedup = "alert" if turn > 7 and not thread.attempted else dedup
            made = Settings.model_validate({"url": pagerduty.url, "dedup": dedup, **keys})
            attempt += 1
            try:
                kept = Action(made, http).send(told, thread, 5).thread.told(told, notifications.START)
            except SendError as error:
                kept = replace(error.held or thread.doubted(), heard=(1, attempt))
            thread = thread.doubted() if dice.random() < 0.2 and not pagerduty.well else kept
            if pagerduty.well or not (thread.attempted or thread.again):
                there = {each.dedup_key for each in pagerduty.opened if each.state != "resolved"}
                assert there <= set(open_incidents(told, thread))
            if pagerduty.well:
                assert there == set(open_incidents(told, thread))
                assert {each.fingerprint for each in told.group.firing} == set(thread.open_fingerprints)
    assert [] == [each for each in pagerduty.opened if each.state != "resolved"]
    assert (False, {}, "") == (thread.open, thread.incidents, thread.credential)
