"""The same state again: acknowledged and told once, or told as a repeat."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from outbox.store import Store
from tests.pipeline.parts import Clock, Recorder, body, make_pipeline, settled, started
from tests.samples import NOW, webhook, wire_alert

ZONE_A, ZONE_B = wire_alert("A", zone="a"), wire_alert("A", zone="b")
OTHER_URL = {"generatorURL": "http://prometheus-1.example/graph"}


def test_the_second_of_a_pair_is_a_duplicate(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """Two Alertmanagers tell the same in another order and with other URLs: told once, and the trace says so."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        first = pipeline.accept(body(webhook(ZONE_A, ZONE_B)))
        assert ["delivered"] == settled(pipeline, first)
        clock.pass_seconds(59)
        other = {"externalURL": "http://alertmanager-1.example"}
        second = pipeline.accept(body(webhook({**ZONE_B, **OTHER_URL}, {**ZONE_A, **OTHER_URL}, **other)))
        assert ["duplicate"] == settled(pipeline, second)
    status = store.event(second)
    assert status is not None
    assert (first, 1) == (status.duplicate_of, len(recorder.sent))


def test_a_pair_posting_at_the_same_instant_is_told_once(
    tmp_path: Path, open_engine: Callable[[], Engine], recorder: Recorder
) -> None:
    """Each of a pair of Alertmanagers posts to a replica of its own, both at once, group after group."""
    replicas = [make_pipeline(tmp_path, Store(open_engine(), name), {"team/log/0": recorder}) for name in ("a", "b")]
    bodies = [body(webhook(wire_alert(f"A{number}"), group_key=f"group {number}")) for number in range(12)]
    together = threading.Barrier(2)
    accepted: dict[int, list[int]] = {0: [], 1: []}

    def post(replica: int) -> None:
        for each in bodies:
            together.wait(10)
            accepted[replica].append(replicas[replica].accept(each))

    with ExitStack() as running:
        for replica in replicas:
            running.enter_context(started(replica))
        threads = [threading.Thread(target=post, args=(replica,)) for replica in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        outcomes = [
            sorted(settled(replicas[0], event_id, 10)[0] for event_id in pair)
            for pair in zip(*accepted.values(), strict=True)
        ]
    assert [["delivered", "duplicate"]] * 12 == outcomes
    assert sorted(f"A{number}" for number in range(12)) == sorted(recorder.names())


def test_fire_resolve_fire_are_three_states(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """A duplicate equals the last state that was accepted, and no older one."""
    states = [webhook(wire_alert("A", status)) for status in ("firing", "resolved", "firing")]
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        for state in states:
            assert ["delivered"] == settled(pipeline, pipeline.accept(body(state)))
            assert ["duplicate"] == settled(pipeline, pipeline.accept(body(state)))
            clock.pass_seconds(15)
    assert ["firing", "resolved", "firing"] == [each.group.status for each in recorder.sent]


def test_duplicates_are_known_in_one_batch(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """What waits while nobody plans is judged in its order, state by state."""
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)
    statuses = ("firing", "firing", "resolved", "resolved", "firing", "firing")
    ids = [pipeline.accept(body(webhook(wire_alert("A", status)))) for status in statuses]
    with started(pipeline):
        outcomes = [settled(pipeline, each) for each in ids]
    assert [["superseded"], ["duplicate"], ["superseded"], ["duplicate"], ["delivered"], ["duplicate"]] == outcomes
    assert ["firing"] == [each.group.status for each in recorder.sent]


def test_of_a_list_only_the_news_is_told(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """Bare alerts are groups of their own: those that were told are duplicates, those beside them are not."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        assert ["delivered"] * 2 == settled(pipeline, pipeline.accept(body(wire_alert("A"), wire_alert("B"))))
        mixed = pipeline.accept(body(wire_alert("B"), wire_alert("C"), wire_alert("A")))
        assert ["delivered"] == settled(pipeline, mixed)
        assert ["duplicate"] == settled(pipeline, pipeline.accept(body(wire_alert("C"), wire_alert("B"))))
    assert ["A", "B", "C"] == sorted(recorder.names())


def test_a_duplicate_is_heard_of(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """Its alerts are still there: what is not told again does not lapse either."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        settled(pipeline, pipeline.accept(body(webhook())))
        clock.pass_seconds(50)
        assert ["duplicate"] == settled(pipeline, pipeline.accept(body(webhook())))
    assert [NOW + timedelta(seconds=50)] == [each.updated_at for each in store.recent_alerts(10)]


def test_a_repeat_says_for_how_long(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """The same state after the window is Alertmanager's `repeat_interval`, and is told as what it is."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        for _ in range(3):
            assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook())))
            clock.pass_seconds(4 * 3_600)
    assert [(), ("still firing, 4 h",), ("still firing, 8 h",)] == [each.notes for each in recorder.sent]


def test_no_window_tells_each_time(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """With `dedup_window: 0s` nothing is a duplicate."""
    yaml = "delivery: {dedup_window: 0s}\nroute: {receiver: team}\nreceivers: [{name: team, log_configs: [{}]}]"
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, yaml, clock=clock)) as pipeline:
        for _ in range(2):
            assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook())))
    assert 2 == len(recorder.sent)
