"""What is told of a group that is as it was: that somebody has taken it over, and what is found later."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.findings import Reading
from alerts.model import group_id
from alerts.notification import Notification, Receipt, SendError, Thread
from alerts.timeline import Acknowledgement, Entry
from outbox.store import Store
from pipeline import Pipeline
from pipeline.recalled import fires_now
from tests.pipeline.house import House, fires, over
from tests.pipeline.parts import Clock, Enricher, Prometheus, Recorder, body, make_pipeline, settled, started
from tests.samples import NOW, webhook
from tests.service import eventually

YAML = """
route:
  receiver: team
  routes: [{receiver: pager, continue: true}, {receiver: plain, continue: true}, {receiver: team}]
receivers:
- {name: team, slack_configs: [{app_token: t, channel: c, pace: {rate: 1000/s, burst: 100}}]}
- {name: pager, pagerduty_configs: [{routing_key: k}]}
- {name: plain, log_configs: [{}]}
"""
BY_JANE = Acknowledgement("Jane", NOW, "pagerduty")


class Live(Recorder):
    """A recorder that asks for entries as told, once."""

    def __init__(self) -> None:
        super().__init__()
        self.asks: list[tuple[Entry, ...]] = []

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends to the list."""
        super().send(notification, thread, deadline_seconds)
        if notification.entries:
            return Receipt("told", thread)
        return Receipt("sent", Thread("key"), entries=self.asks.pop(0) if self.asks else ())


class Lived(House):
    """A house with a Slack that keeps messages, a PagerDuty, and a log."""

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        super().__init__(folder, store, clock)
        self.team, self.pager, self.plain = Live(), Live(), Live()
        self.recorders = {"team/slack/0": self.team, "pager/pagerduty/0": self.pager, "plain/log/0": self.plain}

    def run(self) -> Pipeline:
        """A pipeline that is not started."""
        reading = Reading("load", "load", 3.0, "", NOW, "node_load1")
        self.pipeline = make_pipeline(
            self.folder,
            self.store,
            dict(self.recorders),
            YAML,
            enrichers=[Enricher(read=lambda alert: (reading,))],
            prometheus=Prometheus(),
            clock=self.clock,
        )
        return self.pipeline

    def acknowledge(self, key: str, acknowledgement: Acknowledgement) -> list[str]:
        """Takes a group over; returns what became of that."""
        event_id = self.pipeline.acknowledge(key, acknowledgement)
        settled(self.pipeline, event_id)
        status = self.pipeline.event(event_id)
        return sorted(f"{each.destination} {each.kind} {each.word}" for each in (status.deliveries if status else ()))


@pytest.fixture
def lived(tmp_path: Path, store: Store, clock: Clock) -> Iterator[Lived]:
    """A house that runs."""
    house = Lived(tmp_path, store, clock)
    with started(house.run()):
        yield house


def test_who_has_taken_it_over_is_told_where_that_is_told(lived: Lived) -> None:
    """In its message and below it; PagerDuty knows where it comes from there, and else is told; logs are not."""
    lived.tell("g", fires("A"), fires("B"))
    assert ["team/slack/0 entry delivered", "team/slack/0 refresh delivered"] == lived.acknowledge("g", BY_JANE)
    state, entry = lived.team.sent[1:]
    assert BY_JANE == state.acknowledged
    assert ["A", "B"] == sorted(alert.name for alert in state.group.alerts)
    assert ["acknowledged by Jane in PagerDuty"] == [each.text for each in entry.entries]
    by_joe = Acknowledgement("Joe", NOW, "slack")
    told = lived.acknowledge("g", by_joe)
    assert [
        "pager/pagerduty/0 entry delivered",
        "team/slack/0 entry delivered",
        "team/slack/0 refresh delivered",
    ] == told
    assert [("acknowledged", "acknowledged by Joe in Slack")] == [
        (each.kind, each.text) for each in lived.pager.sent[-1].entries
    ]
    assert 1 == len(lived.plain.sent)


def test_it_is_remembered_until_the_group_is_over(lived: Lived) -> None:
    """Whatever changes meanwhile, to the message that says so; what begins again is nobody's yet."""
    lived.tell("g", fires("A"))
    lived.acknowledge("g", BY_JANE)
    lived.tell("g", fires("A"), fires("B"))
    lived.tell("g", over("A"), over("B"))
    lived.tell("g", fires("A"))
    states = [each for each in lived.team.sent if not each.entries or each.entries[0].kind == "refresh"]
    assert [None, BY_JANE, BY_JANE, BY_JANE, None] == [each.acknowledged for each in states]


def test_it_is_on_the_page(lived: Lived, store: Store) -> None:
    """Beside each alert of the group that fires."""
    lived.tell("g", fires("A"), fires("B"))
    lived.tell("h", fires("C"))
    lived.acknowledge("g", BY_JANE)
    known = {each.alert.name: each.acknowledged for each in store.recent_alerts(10)}
    assert {"A": BY_JANE, "B": BY_JANE, "C": None} == known


def test_what_is_over_is_taken_over_by_nobody(lived: Lived) -> None:
    """Nor is what was never heard of."""
    lived.tell("g", fires("A"))
    lived.tell("g", over("A"))
    assert [] == lived.acknowledge("g", BY_JANE)
    assert [] == lived.acknowledge("never heard of", BY_JANE)
    assert 2 == len(lived.team.sent)


def test_it_is_no_news_of_alerts(lived: Lived) -> None:
    """What comes next is held against what came before it."""
    lived.tell("g", fires("A"))
    lived.acknowledge("g", BY_JANE)
    assert ["duplicate"] == lived.tell("g", fires("A"))
    lived.clock.pass_seconds(3_600)
    lived.tell("g", fires("A"))
    assert ("still firing, 1 h",) == lived.team.sent[-1].notes


def test_entries_that_a_receipt_asks_for_are_told_after_it(lived: Lived, store: Store) -> None:
    """Each with its outcome, and about the alerts that are to be heard of by it."""
    loud = Entry("changes", "1 new: A", NOW, True, ("00000000000000aa",))
    lived.team.asks.append((Entry("changes", "nothing much", NOW), loud, Entry("picture", "CPU", NOW)))
    lived.tell("g", fires("A"))
    eventually(lambda: len(lived.team.sent) == 3, "all three told")
    told = [[entry.text for entry in each.entries] for each in lived.team.sent]
    assert [[], ["nothing much", "1 new: A"], ["CPU"]] == told
    kinds = [each.kind for each in store.deliveries(now=NOW, limit=9, destination="team/slack/0")]
    assert ["picture", "entry", "state"] == kinds


def test_what_was_found_is_looked_up_again_once(lived: Lived, store: Store) -> None:
    """Ten minutes after a message began, while it fires; what it finds is told below the message."""
    lived.tell("g", fires("A"))
    lived.tell("h", fires("B"))
    lived.tell("h", over("B"))
    assert not store.rereads_due(lived.clock())
    lived.clock.pass_seconds(601)
    eventually(lambda: any(each.entries for each in lived.team.sent), "what was found later is told")
    assert not store.rereads_due(lived.clock())
    assert 0 == store.have_reread(lived.clock(), 10)
    lived.tell("g", fires("A"), fires("C"))
    lived.clock.pass_seconds(601)
    told = [(each.group.group_key, entry.kind) for each in lived.team.sent for entry in each.entries]
    assert [("g", "readings")] == told
    (entry,) = (entry for each in lived.team.sent for entry in each.entries)
    assert entry.text.endswith("\nload 3")
    assert [] == [entry for each in (*lived.pager.sent, *lived.plain.sent) for entry in each.entries]


def test_what_a_far_side_calls_a_group_is_found(lived: Lived, store: Store) -> None:
    """By the handle that it gave, and by the id that its buttons have."""
    lived.tell("g", fires("A"))
    assert "g" == store.group_key(group_id("g"))
    assert None is store.group_key(group_id("h"))
    assert ["pager/pagerduty/0", "plain/log/0", "team/slack/0"] == [name for name, _ in store.held_by("key")]
    assert [] == store.held_by("")


def test_who_says_so_twice_is_told_of_once(lived: Lived) -> None:
    """A button that is pressed again, or a webhook that comes again; another person is another matter."""
    lived.tell("g", fires("A"))
    lived.acknowledge("g", BY_JANE)
    again = lived.pipeline.acknowledge("g", replace(BY_JANE, at=NOW + timedelta(seconds=3)))
    assert ["duplicate"] == settled(lived.pipeline, again)
    assert 2 == len(lived.acknowledge("g", replace(BY_JANE, by="Joe")))


def test_who_says_so_again_later_is_told_of_again(lived: Lived) -> None:
    """PagerDuty forgets an acknowledgement after a while, and a new incident may have come."""
    lived.tell("g", fires("A"))
    by_jane = replace(BY_JANE, via="slack")
    lived.acknowledge("g", by_jane)
    lived.clock.pass_seconds(60)
    assert "pager/pagerduty/0 entry delivered" in lived.acknowledge("g", replace(by_jane, at=lived.clock()))


def test_what_was_said_before_it_began_is_not_of_it(lived: Lived, store: Store) -> None:
    """A webhook that comes late, or again; and a time to come is now."""
    lived.tell("g", fires("A"))
    since = store.histories(["g"])["g"].firing_since
    assert since is not None
    late = lived.pipeline.acknowledge("g", replace(BY_JANE, at=since - timedelta(hours=1)))
    assert ["duplicate"] == settled(lived.pipeline, late)
    (known,) = store.recent_alerts(1)
    assert None is known.acknowledged
    lived.acknowledge("g", replace(BY_JANE, at=NOW + timedelta(days=99)))
    (known,) = store.recent_alerts(1)
    assert known.acknowledged is not None
    assert NOW == known.acknowledged.at


def test_a_silence_is_told_in_the_message_and_below_it(lived: Lived) -> None:
    """It is no acknowledgement, and none for PagerDuty."""
    lived.tell("g", fires("A"))
    lived.acknowledge("g", BY_JANE)
    silence = Acknowledgement("Joe", NOW, "slack", silenced_until=NOW + timedelta(hours=4))
    assert ["team/slack/0 entry delivered", "team/slack/0 refresh delivered"] == lived.acknowledge("g", silence)
    state, entry = lived.team.sent[-2:]
    assert (BY_JANE, silence) == (state.acknowledged, state.silenced)
    assert [("silenced", "silenced by Joe in Slack until 2026-03-02 11:31 UTC")] == [
        (each.kind, each.text) for each in entry.entries
    ]


def test_what_was_closed_at_pagerduty_is_not_acknowledged_there(lived: Lived) -> None:
    """Nor told back."""
    lived.tell("g", fires("A"))
    closed = replace(BY_JANE, resolved=True)
    assert ["team/slack/0 entry delivered", "team/slack/0 refresh delivered"] == lived.acknowledge("g", closed)
    assert "closed by Jane in PagerDuty" == lived.team.sent[-1].entries[0].text


def test_what_is_told_elsewhere_is_a_message_each_time(tmp_path: Path, store: Store, clock: Clock) -> None:
    """An edit would be heard by nobody; and nothing is asked of it that could itself fail."""
    live = Live()
    live.asks = [(Entry("changes", "x", NOW),), (Entry("changes", "y", NOW),)]
    yaml = """
route: {receiver: gone}
receivers:
- {name: gone, fallback: team, log_configs: [{}]}
- {name: team, slack_configs: [{app_token: t, channel: c}]}
"""
    failing = Recorder(*(SendError("no such channel", permanent=True) for _ in range(9)))
    pipeline = make_pipeline(tmp_path, store, {"gone/log/0": failing, "team/slack/0": live}, yaml, clock=clock)
    with started(pipeline):
        for count, name in enumerate("AB", start=1):
            pipeline.accept(body(webhook(fires(name), group_key=name)))
            eventually(lambda count=count: len(live.sent) == count, "it is told elsewhere")  # type: ignore[misc]
            clock.pass_seconds(3_600)
    assert {"DeliveryFailing"} == set(live.names())
    assert ["", ""] == [each.key for each in live.threads]
    assert {"fallback"} == {each.kind for each in store.deliveries(now=NOW, limit=9, destination="team/slack/0")}
    assert {()} == {each.controls for each in live.sent}


def test_what_the_last_payload_left_out_is_not_told_again(lived: Lived, store: Store) -> None:
    """Its upstream may have silenced it; how many it did not name stays."""
    lived.tell("g", fires("A"), fires("X"))
    lived.tell("g", fires("A"), truncatedAlerts=0)
    lived.acknowledge("g", BY_JANE)
    assert ["A"] == [alert.name for alert in lived.team.sent[-2].group.alerts]
    group = fires_now(store, "g", 10, NOW)
    assert group is not None
    assert ["A"] == [alert.name for alert in group.alerts]
    lived.tell("h", fires("B"), truncatedAlerts=7)
    lived.acknowledge("h", BY_JANE)
    assert 7 == lived.team.sent[-2].group.truncated_alerts


def test_a_silence_that_is_over_is_not_shown(lived: Lived) -> None:
    """Nor carried into what comes later."""
    lived.tell("g", fires("A"))
    lived.acknowledge("g", Acknowledgement("Joe", NOW, "slack", silenced_until=NOW + timedelta(hours=1)))
    lived.tell("g", fires("A"), fires("B"))
    lived.clock.pass_seconds(3_700)
    lived.tell("g", fires("A"), fires("B"), fires("C"))
    states = [each for each in lived.team.sent if not each.entries]
    assert [False, True, False] == [each.silenced is not None for each in states]
