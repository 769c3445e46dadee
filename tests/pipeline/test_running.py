"""Another configuration while the pipeline runs: what comes is told by it, what is in hand as it was begun."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from actions import Action
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from outbox.store import Store
from pipeline import Pipeline, Running, Sources
from pipeline.running import destinations
from tests.pipeline.parts import (
    TEAM,
    Clock,
    Enricher,
    Held,
    Prometheus,
    Recorder,
    body,
    configuration,
    deliveries_of,
    make_pipeline,
    settled,
    started,
)
from tests.samples import SEED, webhook, wire_alert
from tests.service import eventually

CREW = TEAM.replace("team", "crew")
FIRING, RESOLVED = (body(webhook(wire_alert("A", status))) for status in ("firing", "resolved"))


def swap(
    pipeline: Pipeline, folder: Path, yaml: str, actions: Mapping[str, Action], sources: Sources | None = None
) -> None:
    """Puts another configuration in the place of the one that holds, as a reload does."""
    pipeline.running = Running(configuration(folder, yaml), actions, sources or pipeline.running.sources)


def test_what_comes_is_told_by_the_new_one(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """Other routes and receivers hold for what is planned from then on."""
    other = Recorder()
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
        swap(pipeline, tmp_path, CREW, {"crew/log/0": other})
        event_id = pipeline.accept(FIRING)
        assert ["delivered"] == settled(pipeline, event_id)
        assert ["crew"] == [each.receiver for each in deliveries_of(store, event_id)]
        assert ("crew/log/0",) == pipeline.destinations
    assert (["KubePodCrashLooping"], ["A"]) == (recorder.names(), other.names())


def test_a_delivery_in_hand_keeps_its_action(tmp_path: Path, store: Store) -> None:
    """What was claimed, be it in flight or next, is sent as it was set, though its receiver has gone meanwhile."""
    held = Held()
    with started(make_pipeline(tmp_path, store, {"team/log/0": held})) as pipeline:
        ids = [pipeline.accept(body(webhook(wire_alert(), group_key=str(number)))) for number in range(20)]
        for _ in range(4):
            assert held.begun.acquire(timeout=5)
        swap(pipeline, tmp_path, CREW, {})
        held.may_end.set()
        first = [each for event_id in ids[:4] for each in settled(pipeline, event_id)]
    assert ["delivered"] * 4 == first
    assert {"delivered", "pending"} >= {each.word for event_id in ids for each in deliveries_of(store, event_id)}


def test_an_attempt_after_a_reload_is_as_set_then(tmp_path: Path, store: Store, clock: Clock) -> None:
    """What failed is tried again with the new settings; `retry_for` is that of the attempt."""
    before, after = Recorder(SendError("busy")), Recorder(SendError("busy"))
    shorter = f"delivery: {{retry_for: 1m}}\n{TEAM}"
    with started(make_pipeline(tmp_path, store, {"team/log/0": before}, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        eventually(lambda: before.attempts and deliveries_of(store, event_id)[0].word == "retrying", "an attempt")
        swap(pipeline, tmp_path, shorter, {"team/log/0": after})
        clock.pass_seconds(61)
        assert ["dead"] == settled(pipeline, event_id)
    assert (1, 1) == (len(before.attempts), len(after.attempts))


def test_a_receiver_that_comes_back_tells_what_waited(tmp_path: Path, store: Store, clock: Clock) -> None:
    """While it is gone nothing of it is sent or given up, for five minutes."""
    first, again = Recorder(SendError("busy")), Recorder()
    with started(make_pipeline(tmp_path, store, {"team/log/0": first}, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        eventually(lambda: first.attempts and deliveries_of(store, event_id)[0].word == "retrying", "an attempt")
        swap(pipeline, tmp_path, CREW, {"crew/log/0": Recorder()})
        clock.pass_seconds(290)
        eventually(lambda: pipeline._deliverer._unknown_since, "it to be seen that nobody is known there")
        assert "retrying" == deliveries_of(store, event_id)[0].word
        swap(pipeline, tmp_path, TEAM, {"team/log/0": again})
        assert ["delivered"] == settled(pipeline, event_id)
    assert (1, 1) == (len(first.attempts), len(again.sent))


def test_the_end_of_what_a_gone_receiver_was_told(tmp_path: Path, store: Store, clock: Clock) -> None:
    """It is planned all the same; it is told when the receiver is back, and is dead, and announced, when it is not."""
    team, crew = Recorder(), Recorder()
    gone = "the configuration has no such receiver and action any more"
    with started(make_pipeline(tmp_path, store, {"team/log/0": team}, clock=clock)) as pipeline:
        for name in "AB":
            firing = body(webhook(wire_alert(name), group_key=name))
            assert ["delivered"] == settled(pipeline, pipeline.accept(firing))
        swap(pipeline, tmp_path, CREW, {"crew/log/0": crew})
        back = pipeline.accept(body(webhook(wire_alert("A", "resolved"), group_key="A")))
        eventually(lambda: len(deliveries_of(store, back)) == 2, "the end to be planned for both")
        swap(pipeline, tmp_path, TEAM, {"team/log/0": team})
        eventually(lambda: len(team.sent) == 3, "the end to be told")
        assert ("A", "resolved") == (team.names()[2], team.sent[2].group.status)
        eventually(lambda: not pipeline._deliverer._unknown_since, "it to be seen that all are known")
        swap(pipeline, tmp_path, CREW, {"crew/log/0": crew})
        lost = pipeline.accept(body(webhook(wire_alert("B", "resolved"), group_key="B")))
        eventually(lambda: pipeline._deliverer._unknown_since, "it to be seen that nobody is known there")
        clock.pass_seconds(301)
        words = settled(pipeline, lost)
        details = {each.receiver: each.detail for each in deliveries_of(store, lost)}
        assert "dead" in words
        assert gone == details["team"]
        eventually(lambda: any("team/log/0" in str(each.group) for each in crew.sent), "the death to be announced")


def test_a_batch_in_hand_is_planned_as_it_was_begun(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """What waits for its readings when another is loaded goes where the one before leads; what comes next does not."""
    asked, answered, other = threading.Event(), threading.Event(), Recorder()

    def hang() -> None:
        asked.set()
        assert answered.wait(10)

    pipeline = make_pipeline(
        tmp_path,
        store,
        {"team/log/0": recorder},
        f"enrichment: {{timeout: 9s}}\n{TEAM}",
        enrichers=[Enricher()],
        prometheus=Prometheus(hang),
    )
    with started(pipeline):
        first = pipeline.accept(body(webhook(wire_alert("Before"), group_key="1")))
        assert asked.wait(5)
        asks = Prometheus()
        swap(pipeline, tmp_path, CREW, {"crew/log/0": other}, Sources([Enricher()], [asks]))
        second = pipeline.accept(body(webhook(wire_alert("After"), group_key="2")))
        eventually(lambda: asks.asked, "the next to ask where it is to be asked now")
        answered.set()
        assert "delivered" in settled(pipeline, second)
        # Its delivery waits for one that knows the receiver.
        eventually(lambda: deliveries_of(store, first), "the first to be planned")
        assert ["team"] == [each.receiver for each in deliveries_of(store, first)]
        swap(pipeline, tmp_path, TEAM, {"team/log/0": recorder})
        assert ["delivered"] == settled(pipeline, first)
    assert (["Before"], ["After"]) == (recorder.names(), other.names())


def test_readings_are_those_of_the_new_one(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """Other enrichers, queries and Prometheuses are asked from the next batch on; none any more where none are left."""
    actions: dict[str, Action] = {"team/log/0": recorder}
    one, two = Prometheus(), Prometheus()
    with started(make_pipeline(tmp_path, store, actions, enrichers=[Enricher()], prometheus=one)) as pipeline:
        settled(pipeline, pipeline.accept(SEED))
        other = Enricher(lambda: {"load": "another_query"})
        swap(pipeline, tmp_path, TEAM, actions, Sources([other], [two]))
        settled(pipeline, pipeline.accept(FIRING))
        swap(pipeline, tmp_path, TEAM, actions, Sources())
        settled(pipeline, pipeline.accept(RESOLVED))
    assert (["node_load1"], ["another_query"]) == (one.asked, two.asked)
    assert [1, 1, 0] == [len(found) for each in recorder.sent for found in each.findings.values()]


def test_settings_of_planning_are_those_of_the_new_one(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """`dedup_window` and `external_url`, as examples."""
    actions: dict[str, Action] = {"team/log/0": recorder}
    with started(make_pipeline(tmp_path, store, actions)) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(FIRING))
        assert ["duplicate"] == settled(pipeline, pipeline.accept(FIRING))
        yaml = f"external_url: https://alerts.example\ndelivery: {{dedup_window: 0s}}\n{TEAM}"
        swap(pipeline, tmp_path, yaml, actions)
        assert ["delivered"] == settled(pipeline, pipeline.accept(FIRING))
    assert ["", "https://alerts.example"] == [each.page_url.partition("/#")[0] for each in recorder.sent]


def test_housekeeping_is_that_of_the_new_one(tmp_path: Path, store: Store, clock: Clock) -> None:
    """`stale_after` and `storage.retention`."""
    actions: dict[str, Action] = {"team/log/0": Recorder()}
    pipeline = make_pipeline(tmp_path, store, actions, clock=clock)
    with started(pipeline):
        settled(pipeline, pipeline.accept(FIRING))
    clock.pass_seconds(3_600)
    assert 0 == pipeline._tidy.lapse()
    swap(pipeline, tmp_path, f"delivery: {{stale_after: 30m}}\n{TEAM}", actions)
    assert 1 == pipeline._tidy.lapse()
    clock.pass_seconds(timedelta(days=2).total_seconds())
    assert 0 == pipeline._tidy.clean()
    swap(pipeline, tmp_path, f"storage: {{retention: 1d}}\n{TEAM}", actions)
    assert pipeline._tidy.clean() > 0


def test_trouble_is_told_where_the_new_one_says(tmp_path: Path, store: Store) -> None:
    """A fallback that was added tells what died before."""
    gone, chat = Recorder(SendError("gone", permanent=True)), Recorder()
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": gone})
    with started(pipeline):
        assert ["dead"] == settled(pipeline, pipeline.accept(FIRING))
        yaml = """
route: {receiver: team}
receivers:
- {name: team, fallback: chat, log_configs: [{}]}
- {name: chat, log_configs: [{}]}
"""
        swap(pipeline, tmp_path, yaml, {"team/log/0": Recorder(), "chat/log/0": chat})
        eventually(lambda: chat.sent, "it to be told elsewhere")


class Slow:
    """An action that takes a while, and counts what it sends."""

    def __init__(self, sent: list[str]) -> None:
        self._sent = sent

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends."""
        threading.Event().wait(0.02)
        self._sent.append(notification.group.group_key)
        return Receipt("sent", thread)

    def preview(self, notification: Notification) -> Preview:
        """Shows the group."""
        return Preview(notification.group.group_key)


def test_a_hundred_swaps_lose_and_repeat_nothing(tmp_path: Path, store: Store) -> None:
    """While alerts come in and are sent: receivers whose settings change are told each alert once."""
    sent: list[str] = []
    yamls = [TEAM, f"delivery: {{retry_for: 2h}}\nenrichment: {{timeout: 1s}}\n{TEAM}"]
    with started(make_pipeline(tmp_path, store, {"team/log/0": Slow(sent)})) as pipeline:
        ids = []
        for number in range(100):
            swap(pipeline, tmp_path, yamls[number % 2], {"team/log/0": Slow(sent)})
            ids.append(pipeline.accept(body(webhook(wire_alert(), group_key=f"group {number}"))))
        assert [["delivered"]] * 100 == [settled(pipeline, each, 20) for each in ids]
    assert sorted(f"group {number}" for number in range(100)) == sorted(sent)


def test_destinations_are_as_the_database_calls_them(tmp_path: Path) -> None:
    """By receiver, kind and number; in the configuration's order."""
    yaml = "route: {receiver: a}\nreceivers: [{name: a/b, log_configs: [{}, {}]}, {name: a, log_configs: [{}]}]\n"
    assert ["a/b/log/0", "a/b/log/1", "a/log/0"] == [name for name, _ in destinations(configuration(tmp_path, yaml))]


@pytest.mark.parametrize("known", [(), ("team/log/0",)])
def test_asks_only_for_what_it_can_send(tmp_path: Path, known: tuple[str, ...]) -> None:
    """A destination without an action has no lane: another process may have one."""
    make: Callable[[], Action] = Recorder
    running = Running(configuration(tmp_path), {name: make() for name in known})
    assert list(known) == list(running.lanes)


INHIBITED = f"""
inhibit_rules: [{{source_matchers: ['alertname="Source"'], target_matchers: ['alertname="Target"']}}]
{TEAM}
"""


def test_what_inhibits_is_what_the_new_one_says(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """A rule that is added holds for what fires already; what it withheld is told when it has gone."""
    actions: dict[str, Action] = {"team/log/0": recorder}
    source, target = (body(webhook(wire_alert(name), group_key=name)) for name in ("Source", "Target"))
    with started(make_pipeline(tmp_path, store, actions)) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(source))
        swap(pipeline, tmp_path, INHIBITED, actions)
        routing_id = pipeline.configuration.routing_id
        eventually(lambda: pipeline._release._prepared == routing_id, "what fires to be known", 10)
        assert ["suppressed"] == settled(pipeline, pipeline.accept(target))
        swap(pipeline, tmp_path, TEAM, actions)
        eventually(lambda: recorder.names() == ["Source", "Target"], "it to be told", 10)
