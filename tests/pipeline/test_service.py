"""The pipeline as a whole: how it starts, waits, stops, and takes over from one that died."""

import threading
import time
from pathlib import Path

from outbox.store import Store
from tests.pipeline.parts import Clock, Failing, Held, Recorder, body, deliveries_of, make_pipeline, settled, started
from tests.samples import SEED, webhook, wire_alert
from tests.service import eventually

LEASE_SECONDS = 30.0


def test_lives_from_start_to_stop(tmp_path: Path, store: Store) -> None:
    """It is alive while both of its threads run; one that was never started can be stopped, too."""
    pipeline = make_pipeline(tmp_path, store, {})
    alive = [pipeline.alive]
    with started(pipeline):
        alive.append(pipeline.alive)
    alive.append(pipeline.alive)
    assert [False, True, False] == alive
    make_pipeline(tmp_path, store, {}).stop(1)


def test_tells_at_once(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """Nothing waits for its turn to be looked for: from accepted to delivered is a matter of milliseconds."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        took = []
        for number in range(5):
            begun = time.monotonic()
            settled(pipeline, pipeline.accept(body(wire_alert(f"A{number}"))))
            took.append(time.monotonic() - begun)
    assert min(took) < 0.2


def test_delivers_what_an_earlier_run_accepted(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """What was accepted and not even planned when a process ended is told by the next."""
    event_id = make_pipeline(tmp_path, store, {}).accept(SEED)
    with started(make_pipeline(tmp_path, Store(store._engine, "b"), {"team/log/0": recorder})) as second:
        assert ["delivered"] == settled(second, event_id)
    assert 1 == len(recorder.sent)


def test_stop_finishes_what_is_in_hand_and_gives_back_the_rest(tmp_path: Path, store: Store, clock: Clock) -> None:
    """The sends that have begun end and are kept; what has not begun is free for others at once."""
    held, rest = Held(), Recorder()
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": held}, clock=clock)
    pipeline.start()
    ids = [pipeline.accept(body(wire_alert(f"A{number}"))) for number in range(10)]
    for _ in range(4):
        assert held.begun.acquire(timeout=5)
    stopping = threading.Thread(target=pipeline.stop, args=(5,))
    stopping.start()
    eventually(lambda: "deliverer" not in {each.name for each in threading.enumerate()}, "no more to begin")
    assert stopping.is_alive()
    held.may_end.set()
    stopping.join(10)
    assert not stopping.is_alive()
    assert 4 == held.sent
    assert 6 == store.backlog().deliveries + store.backlog().events

    with started(make_pipeline(tmp_path, Store(store._engine, "b"), {"team/log/0": rest}, clock=clock)) as second:
        assert [["delivered"]] * 10 == [settled(second, event_id) for event_id in ids]
    assert 6 == len(rest.sent)
    assert {1} == {each.attempts for event_id in ids for each in deliveries_of(store, event_id)}


def test_another_takes_over_when_the_leases_of_a_dead_one_end(tmp_path: Path, store: Store, clock: Clock) -> None:
    """What a process held that was dropped in the middle is told by another after the lease, and only then.

    The first one, which was only frozen, finds that it lost the delivery, and changes nothing.
    """
    held, recorder, frozen = Held(), Recorder(), Failing(store)
    dropped = make_pipeline(tmp_path, frozen, {"team/log/0": held}, clock=clock)
    dropped.start()
    first = dropped.accept(body(webhook(wire_alert("A"))))
    assert held.begun.acquire(timeout=5)
    # From here on it takes up nothing more.
    frozen.failures |= {"claim_events": 1_000, "claim": 1_000}
    second = Store(store._engine, "b")
    with started(make_pipeline(tmp_path, second, {"team/log/0": recorder}, clock=clock)) as taking_over:
        later = taking_over.accept(body(webhook(wire_alert("A", "resolved"))))
        status = taking_over.wait(later, 0.6)
        assert status is not None
        assert (False, []) == (status.settled, recorder.sent)
        clock.pass_seconds(LEASE_SECONDS + 1)
        assert [["superseded"], ["delivered"]] == [settled(taking_over, each) for each in (first, later)]
        held.may_end.set()
        dropped.stop(5)
    assert ["superseded", "delivered"] == [deliveries_of(second, each)[0].word for each in (first, later)]
    assert ["resolved"] == [each.group.status for each in recorder.sent]
    # What the first one attempted may have arrived.
    assert [True] == [thread.attempted for thread in recorder.threads]


def test_another_plans_what_a_dead_one_was_planning(tmp_path: Path, store: Store, clock: Clock) -> None:
    """Events that a process took up and never planned are planned by another after the lease."""
    recorder = Recorder()
    event_id = store.accept(SEED, clock())
    assert 1 == len(store.claim_events(clock(), LEASE_SECONDS))
    with started(make_pipeline(tmp_path, Store(store._engine, "b"), {"team/log/0": recorder}, clock=clock)) as second:
        status = second.wait(event_id, 0.6)
        assert status is not None
        assert "accepted" == status.state
        clock.pass_seconds(LEASE_SECONDS + 1)
        assert ["delivered"] == settled(second, event_id)
    assert 1 == len(recorder.sent)


def test_waits_until_each_delivery_was_tried(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """The wait ends with the first outcome of each delivery, or with its time."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        status = pipeline.wait(pipeline.accept(SEED), 5)
    assert status is not None
    assert ["delivered"] == [each.word for each in status.deliveries]


def test_waits_no_longer_than_asked(tmp_path: Path, store: Store) -> None:
    """When the time is up the answer is how far it got; of an event that is not there, nothing."""
    pipeline = make_pipeline(tmp_path, store, {})
    begun = time.monotonic()
    status = pipeline.wait(pipeline.accept(SEED), 0.1)
    assert 0.1 <= time.monotonic() - begun < 2
    assert status is not None
    assert ("accepted", False) == (status.state, status.settled)
    assert None is pipeline.wait(4711, 5)


def test_a_whole_outage_loses_and_repeats_nothing(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """Every method that the threads need fails, and each alert is told once."""
    failing = Failing(store)
    with started(make_pipeline(tmp_path, failing, {"team/log/0": recorder})) as pipeline:
        for method in ("claim_events", "histories", "holders", "plan", "waiting", "claim", "settle"):
            failing.failures[method] = 1
        ids = [pipeline.accept(body(wire_alert(f"A{number}"))) for number in range(5)]
        assert [["delivered"]] * 5 == [settled(pipeline, event_id, 10) for event_id in ids]
    assert [f"A{number}" for number in range(5)] == sorted(recorder.names())
