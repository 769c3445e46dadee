"""What a destination is sent when: what is over already, pauses, probes, and whose turn it is."""

from pathlib import Path

import pytest

from alerts.notification import SendError
from outbox.lanes import Lane
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Failing, Recorder, body, deliveries_of, make_pipeline, settled, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

KEY = "0123456789abcdef0123456789abcdef"
BOTH = f"""
route: {{receiver: team}}
receivers:
- name: team
  pagerduty_configs: [{{routing_key: {KEY}}}]
  slack_configs: [{{api_url: 'https://slack.example/hook', send_resolved: true, pace: {{rate: 100/s, burst: 100}}}}]
"""
TWO = """
route:
  receiver: one
  routes: [{receiver: two, matchers: ['team="two"']}]
receivers: [{name: one, log_configs: [{}]}, {name: two, log_configs: [{}]}]
"""
FIRING, OVER = webhook(wire_alert("A")), webhook(wire_alert("A", "resolved"))


class Side:
    """PagerDuty and Slack side by side, and a store whose claims the test holds up."""

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        self.pagerduty, self.slack = Recorder(), Recorder()
        self.clock = clock
        self.store = Failing(store)
        actions = {"team/pagerduty/0": self.pagerduty, "team/slack/0": self.slack}
        self.pipeline = make_pipeline(folder, self.store, actions, BOTH, clock=clock)

    def accept_all(self, *states: object) -> list[int]:
        """Has states planned, one by one, before anything of them is claimed."""
        self.store.failures.update(waiting=1_000_000, claim=1_000_000)
        ids = []
        for state in states:
            ids.append(self.pipeline.accept(body(state)))
            eventually(lambda: not self.store.backlog().events, "the event to be planned")
        self.store.failures.update(waiting=0, claim=0)
        return ids


@pytest.fixture
def side(tmp_path: Path, store: Store, clock: Clock) -> Side:
    """The two destinations."""
    return Side(tmp_path, store, clock)


def statuses(recorder: Recorder) -> list[str]:
    """The states of the group that were sent."""
    return [each.group.status for each in recorder.sent]


def test_pagerduty_is_not_woken_for_what_is_over(side: Side) -> None:
    """What began and ended before anybody was told is told in a chat once, as over, and suppressed at PagerDuty."""
    with started(side.pipeline):
        first, last = side.accept_all(FIRING, OVER)
        assert ["suppressed", "delivered"] == settled(side.pipeline, last)
        assert ["superseded", "superseded"] == settled(side.pipeline, first)
    assert ([], ["resolved"]) == (statuses(side.pagerduty), statuses(side.slack))
    assert "it was over before anybody was told" == deliveries_of(side.store, last)[0].detail


def test_pagerduty_hears_the_end_after_an_attempt(side: Side) -> None:
    """A trigger that timed out may have opened an incident: its end is sent, at once."""
    side.pagerduty.failures.append(SendError("timed out"))
    with started(side.pipeline):
        first = side.pipeline.accept(body(FIRING))
        eventually(
            lambda: ["retrying", "delivered"] == [each.word for each in deliveries_of(side.store, first)], "an attempt"
        )
        last = side.pipeline.accept(body(OVER))
        assert ["delivered", "delivered"] == settled(side.pipeline, last)
        assert ["superseded", "delivered"] == settled(side.pipeline, first)
    assert ["resolved"] == statuses(side.pagerduty)
    assert [False, True] == [thread.attempted for thread in side.pagerduty.threads]


def test_pagerduty_hears_the_end_after_it_gave_up(side: Side) -> None:
    """A trigger that is dead after several attempts may have opened one too."""
    side.pagerduty.failures += [SendError("timed out"), SendError("no such service", permanent=True)]
    with started(side.pipeline):
        first = side.pipeline.accept(body(FIRING))
        eventually(lambda: len(side.pagerduty.attempts) == 1, "an attempt")
        side.clock.pass_seconds(3)
        assert ["dead", "delivered"] == settled(side.pipeline, first)
        assert ["delivered", "delivered"] == settled(side.pipeline, side.pipeline.accept(body(OVER)))
    assert ["resolved"] == statuses(side.pagerduty)


def test_pagerduty_is_not_woken_for_what_was_refused(side: Side) -> None:
    """One that was refused at its first attempt has certainly opened nothing."""
    side.pagerduty.failures.append(SendError("invalid routing key", permanent=True))
    with started(side.pipeline):
        assert ["dead", "delivered"] == settled(side.pipeline, side.pipeline.accept(body(FIRING)))
        assert ["suppressed", "delivered"] == settled(side.pipeline, side.pipeline.accept(body(OVER)))
    assert [] == statuses(side.pagerduty)


def test_an_end_that_fails_is_tried_again(side: Side) -> None:
    """The resolve of an open incident is not taken for needless because it was attempted."""
    with started(side.pipeline):
        assert ["delivered"] * 2 == settled(side.pipeline, side.pipeline.accept(body(FIRING)))
        side.pagerduty.failures.append(SendError("timed out"))
        last = side.pipeline.accept(body(OVER))
        eventually(lambda: len(side.pagerduty.attempts) == 2, "an attempt")
        side.clock.pass_seconds(3)
        assert ["delivered", "delivered"] == settled(side.pipeline, last)
    assert ["firing", "resolved"] == statuses(side.pagerduty)


class TwoTeams:
    """Two destinations, each the only one of its receiver."""

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        self.one, self.two = Recorder(), Recorder()
        self.clock = clock
        self.store = Failing(store)
        actions = {"one/log/0": self.one, "two/log/0": self.two}
        self.pipeline = make_pipeline(folder, self.store, actions, TWO, clock=clock)

    def accept(self, name: str, team: str = "one", **labels: str) -> int:
        """Accepts an alert for one of them."""
        return self.pipeline.accept(body(wire_alert(name, team=team, **labels)))


@pytest.fixture
def teams(tmp_path: Path, store: Store, clock: Clock) -> TwoTeams:
    """The two destinations."""
    return TwoTeams(tmp_path, store, clock)


def attempted(pipeline: Pipeline, event_id: int) -> None:
    """Waits until an event's one delivery has an outcome."""
    eventually(
        lambda: [True] == [each.tried for each in deliveries_of(pipeline.store, event_id)], "the outcome of an attempt"
    )


def test_who_asks_to_be_left_alone_is(teams: TwoTeams) -> None:
    """Retry-After holds for all that waits for that destination, and for no other."""
    teams.one.failures.append(SendError("slow down", retry_after_seconds=20, throttled=True))
    with started(teams.pipeline):
        first = teams.accept("A")
        attempted(teams.pipeline, first)
        second = teams.accept("B")
        assert ["delivered"] == settled(teams.pipeline, teams.accept("C", "two"))
        teams.clock.pass_seconds(19)
        assert ["delivered"] == settled(teams.pipeline, teams.accept("D", "two"))
        assert 1 == len(teams.one.attempts)
        teams.clock.pass_seconds(2)
        assert ["delivered"] == settled(teams.pipeline, first)
        # It was throttled: two a second at most from now on.
        teams.clock.pass_seconds(1)
        assert ["delivered"] == settled(teams.pipeline, second)
    assert ["C", "D"] == teams.two.names()


def test_a_destination_that_fails_is_probed(teams: TwoTeams) -> None:
    """Three failures in a row pause it; then one is tried, and when that gets through so does all else."""
    with started(teams.pipeline):
        for number in range(3):
            teams.one.failures.append(SendError("away"))
            attempted(teams.pipeline, teams.accept(f"A{number}"))
        waiting = [teams.accept(f"B{number}") for number in range(20)]
        eventually(lambda: not teams.store.backlog().events, "all to be planned")
        assert ["delivered"] == settled(teams.pipeline, teams.accept("C", "two"))
        assert 3 == len(teams.one.attempts)

        teams.one.failures.append(SendError("still away"))
        teams.clock.pass_seconds(1)
        eventually(lambda: len(teams.one.attempts) == 4, "a probe")
        assert ["delivered"] == settled(teams.pipeline, teams.accept("D", "two"))
        assert 4 == len(teams.one.attempts)

        teams.clock.pass_seconds(2)
        assert [["delivered"]] * 20 == [settled(teams.pipeline, each) for each in waiting]
    assert 23 >= len(teams.one.sent) >= 20


def test_a_probe_ends_with_all_processes(store: Store, clock: Clock, teams: TwoTeams) -> None:
    """Killed in the middle of one, a service that starts again need not wait for what it would have brought."""
    with started(teams.pipeline):
        for number in range(3):
            teams.one.failures.append(SendError("away"))
            attempted(teams.pipeline, teams.accept(f"A{number}"))
        eventually(lambda: not teams.store.backlog().events, "all to be planned")
    clock.pass_seconds(2)
    (probe,) = store.queue.claim([Lane("one/log/0", 8)], clock(), 30.0).deliveries
    assert () == store.queue.claim([Lane("one/log/0", 8)], clock(), 30.0).deliveries
    assert 1 == store.release()
    again = store.queue.claim([Lane("one/log/0", 8)], clock(), 30.0).deliveries
    assert [probe.id] == [each.id for each in again]


def test_the_critical_go_first(teams: TwoTeams) -> None:
    """Of what waits, those that cannot wait are among the first four, though they came last."""
    with started(teams.pipeline):
        teams.store.failures.update(waiting=1_000_000, claim=1_000_000)
        ids = [teams.accept(f"W{number}", severity="warning") for number in range(8)]
        ids += [teams.accept(f"C{number}", severity="critical") for number in range(2)]
        eventually(lambda: not teams.store.backlog().events, "all to be planned")
        teams.store.failures.update(waiting=0, claim=0)
        assert [["delivered"]] * 10 == [settled(teams.pipeline, each) for each in ids]
    assert {"C0", "C1"} <= set(teams.one.names()[:4])
