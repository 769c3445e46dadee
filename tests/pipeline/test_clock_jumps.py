"""A clock that is put on or back by an hour: nothing stalls, and nothing floods."""

from pathlib import Path

import pytest

from alerts.notification import SendError
from outbox.store import Store
from tests.pipeline.parts import Clock, Held, Recorder, body, deliveries_of, make_pipeline, settled, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

HOUR = 3_600.0
PACED = """
route: {receiver: team}
receivers: [{name: team, log_configs: [{pace: {rate: 1/s, burst: 2}}]}]
"""
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["on", "back"])


@JUMPS
def test_what_comes_after_it_is_told(
    tmp_path: Path, store: Store, clock: Clock, recorder: Recorder, jump: float
) -> None:
    """Alerts before and after the jump are planned and told at once, and a duplicate is still one."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
        clock.pass_seconds(jump)
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A", "resolved")))))
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(wire_alert("B"))))
        assert ["duplicate"] == settled(pipeline, pipeline.accept(body(wire_alert("B"))))
    assert ["A", "A", "B"] == recorder.names()


def tried(store: Store, event_id: int) -> None:
    """Waits for the first outcome of an event's one delivery."""
    eventually(lambda: [True] == [each.tried for each in deliveries_of(store, event_id)], "an attempt")


@JUMPS
def test_what_waits_is_tried_soon(tmp_path: Path, store: Store, clock: Clock, jump: float) -> None:
    """A delivery that is to be tried again, and a destination that is paused, wait no hour for it."""
    recorder = Recorder(*[SendError("away")] * 3)
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        ids = [pipeline.accept(body(wire_alert(f"A{number}"))) for number in range(3)]
        for event_id in ids:
            tried(store, event_id)
        clock.pass_seconds(jump)
        clock.pass_seconds(2)
        assert [["delivered"]] * 3 == [settled(pipeline, each) for each in ids]
    assert 6 >= len(recorder.attempts)


@JUMPS
def test_what_is_being_sent_is_told_once(tmp_path: Path, store: Store, clock: Clock, jump: float) -> None:
    """A process in the middle of a send when the clock is put back keeps it; put on, its lease is over."""
    held = Held()
    with started(make_pipeline(tmp_path, store, {"team/log/0": held}, clock=clock)) as pipeline:
        event_id = pipeline.accept(body(wire_alert("A")))
        assert held.begun.acquire(timeout=5)
        clock.pass_seconds(jump)
        held.may_end.set()
        assert ["delivered"] == settled(pipeline, event_id)
    assert held.sent in (1, 2)


@JUMPS
def test_a_pace_is_kept(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder, jump: float) -> None:
    """No more than another burst gets through, and what waits goes on at its pace."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, PACED, clock=clock)) as pipeline:
        ids = [pipeline.accept(body(wire_alert(f"A{number}"))) for number in range(8)]
        eventually(lambda: len(recorder.sent) == 2, "a burst")
        clock.pass_seconds(jump)
        eventually(lambda: not store.backlog().events and len(recorder.sent) == 4, "another burst")
        for count in (5, 6, 7, 8):
            clock.pass_seconds(1)
            eventually(lambda count=count: len(recorder.sent) == count, "one more")  # type: ignore[misc]
        assert [["delivered"]] * 8 == [settled(pipeline, each) for each in ids]


def test_no_flood_of_ends(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """An hour that was none makes no repeats of what was just told: the same state is still the same."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        for jump in (HOUR, -HOUR, -HOUR, HOUR):
            settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
            assert ["duplicate"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
            clock.pass_seconds(jump)
    assert 4 >= len(recorder.sent)
