"""Who hears of an end: whoever the routes name, and whoever was told the beginning."""

from pathlib import Path

import pytest

from alerts.notification import SendError
from outbox.store import Store
from tests.pipeline.parts import (
    Clock,
    Recorder,
    body,
    deliveries_of,
    make_pipeline,
    settled,
    started,
)
from tests.samples import webhook, wire_alert
from tests.service import eventually

RECEIVERS = "receivers: [{name: old, log_configs: [{}]}, {name: new, log_configs: [{}]}]"
TO_OLD = f"route: {{receiver: old}}\n{RECEIVERS}"
TO_NEW = f"route: {{receiver: new}}\n{RECEIVERS}"
WITHOUT_OLD = "route: {receiver: new}\nreceivers: [{name: new, log_configs: [{}]}]"
SPLIT = f"""
route:
  receiver: new
  routes: [{{receiver: old, matchers: ['zone="a"']}}]
{RECEIVERS}
"""


class House:
    """Runs of the service one after the other on one database, each with a configuration of its own."""

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        self.old = Recorder()
        self.new = Recorder()
        self._folder = folder
        self.store = store
        self.clock = clock

    def run(self, yaml: str, *alerts: dict[str, object], known: bool = True) -> list[str]:
        """Tells one state of a group under a configuration; returns its deliveries' outcomes."""
        actions = {"new/log/0": self.new, **({"old/log/0": self.old} if known else {})}
        with started(make_pipeline(self._folder, self.store, actions, yaml, clock=self.clock)) as pipeline:
            return settled(pipeline, pipeline.accept(body(webhook(*alerts))))

    def wait_for(self, event_id: int, words: list[str], passing_seconds: float = 0.0) -> None:
        """Waits until an event's deliveries stand so; at each look as much time has passed."""

        def stand() -> bool:
            self.clock.pass_seconds(passing_seconds)
            return words == [each.word for each in deliveries_of(self.store, event_id)]

        eventually(stand, f"the deliveries to be {words}")

    def heard(self, recorder: Recorder) -> list[list[tuple[str, str]]]:
        """What a destination heard."""
        return [[(alert.name, alert.status) for alert in each.group.alerts] for each in recorder.sent]


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service and its destinations, "old" and "new"."""
    return House(tmp_path, store, clock)


A, B = wire_alert("A"), wire_alert("B")
A_OVER, B_OVER = wire_alert("A", "resolved"), wire_alert("B", "resolved")


def test_who_was_told_hears_the_end(house: House) -> None:
    """Where no route leads to it any more, too."""
    assert ["delivered"] == house.run(TO_OLD, A)
    assert ["delivered", "delivered"] == house.run(TO_NEW, A_OVER)
    assert [[("A", "firing")], [("A", "resolved")]] == house.heard(house.old)
    assert [[("A", "resolved")]] == house.heard(house.new)


def test_who_holds_nothing_hears_nothing(house: House) -> None:
    """Once it has heard the end it is left alone, and so is who was never told."""
    house.run(TO_OLD, A)
    house.run(TO_OLD, A_OVER)
    house.run(TO_NEW, A)
    assert ["delivered"] == house.run(TO_NEW, A_OVER)
    assert 2 == len(house.old.sent)
    assert 2 == len(house.new.sent)


def test_it_hears_of_what_it_was_told_alone(house: House) -> None:
    """Of what began since nothing is said to it, and of what goes on of its own that it does."""
    house.run(TO_OLD, A, B)
    house.run(TO_NEW, A, B, wire_alert("C"))
    house.run(TO_NEW, A_OVER, B, wire_alert("C", "resolved"))
    house.run(TO_NEW, B_OVER)
    assert [
        [("A", "firing"), ("B", "firing")],
        [("A", "resolved"), ("B", "firing")],
        [("B", "resolved")],
    ] == house.heard(house.old)


def test_news_alone_is_not_its_business(house: House) -> None:
    """While nothing has ended, who is not named by a route hears nothing."""
    house.run(TO_OLD, A)
    assert ["delivered"] == house.run(TO_NEW, A, B)
    assert [[("A", "firing")]] == house.heard(house.old)


def test_its_labels_may_lead_elsewhere(house: House) -> None:
    """An alert that now goes another way than the group it was told in is over where it was told."""
    zone_a, zone_b = wire_alert("A", zone="a"), wire_alert("A", zone="b")
    house.run(TO_OLD, zone_a, zone_b)
    assert ["delivered"] * 2 == house.run(SPLIT, {**zone_a}, {**zone_b, "status": "resolved"})
    old = [[(alert.labels["zone"], alert.status) for alert in each.group.alerts] for each in house.old.sent]
    assert [[("a", "firing"), ("b", "firing")], [("a", "firing"), ("b", "resolved")]] == old


def test_who_hears_no_ends_holds_nothing(house: House) -> None:
    """With `send_resolved: false` nothing is owed, whatever the routes say later."""
    no_ends = "route: {receiver: old}\nreceivers: [{name: old, log_configs: [{send_resolved: false}]}]"
    house.run(no_ends, A)
    assert ["delivered"] == house.run(TO_NEW, A_OVER)
    assert 1 == len(house.old.sent)


def test_what_waits_there_is_told_as_over(house: House) -> None:
    """What was not delivered when the configuration changed is superseded by its end."""
    house.old.failures.extend([SendError("busy")])
    with started(make_pipeline(house._folder, house.store, {"old/log/0": house.old}, TO_OLD, clock=house.clock)) as run:
        first = run.accept(body(webhook(A)))
        eventually(lambda: deliveries_of(house.store, first)[:1] and len(house.old.attempts) == 1, "an attempt")
    assert ["delivered", "delivered"] == house.run(TO_NEW, A_OVER)
    assert ["superseded"] == [each.word for each in deliveries_of(house.store, first)]
    assert [[("A", "resolved")]] == house.heard(house.old)


def test_a_receiver_that_is_gone_is_owed_the_end(house: House) -> None:
    """Nobody can be told where the configuration has it no more: it is left for five minutes, and then dead."""
    house.run(TO_OLD, A)
    actions = {"new/log/0": house.new}
    with started(make_pipeline(house._folder, house.store, actions, WITHOUT_OLD, clock=house.clock)) as pipeline:
        event_id = pipeline.accept(body(webhook(A_OVER)))
        house.wait_for(event_id, ["delivered", "pending"])
        house.wait_for(event_id, ["delivered", "dead"], passing_seconds=301)
    dead = deliveries_of(house.store, event_id)[1]
    assert ("old/log/0", True) == (dead.destination, "no such receiver and action any more" in dead.detail)


def test_an_action_that_is_gone_leaves_its_neighbour(house: House) -> None:
    """A receiver that lost its second action still hears the end once in its first; another replica may know it yet."""
    two = "route: {receiver: old}\nreceivers: [{name: old, log_configs: [{}, {}]}]"
    one = "route: {receiver: old}\nreceivers: [{name: old, log_configs: [{}]}]"
    second = Recorder()
    actions = {"old/log/0": house.old, "old/log/1": second}
    with started(make_pipeline(house._folder, house.store, actions, two, clock=house.clock)) as pipeline:
        assert ["delivered", "delivered"] == settled(pipeline, pipeline.accept(body(webhook(A))))
    with started(
        make_pipeline(house._folder, house.store, {"old/log/0": house.old}, one, clock=house.clock)
    ) as pipeline:
        event_id = pipeline.accept(body(webhook(A_OVER)))
        house.wait_for(event_id, ["delivered", "pending"])
    with started(make_pipeline(house._folder, house.store, actions, two, clock=house.clock)) as pipeline:
        assert ["delivered", "delivered"] == settled(pipeline, event_id)
    assert ["firing", "resolved"] == [each.group.status for each in house.old.sent]
    assert ["firing", "resolved"] == [each.group.status for each in second.sent]
