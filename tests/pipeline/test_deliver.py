"""Telling it: attempts, retries, order, and what becomes of each."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from structlog.testing import capture_logs

from actions import Action
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from outbox.lanes import Lane
from outbox.queue import Claim, Queue
from outbox.records import DeliveryStatus
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Failing, Held, Recorder, body, make_pipeline, settled, started
from tests.samples import SEED, webhook, wire_alert
from tests.service import eventually

LEASE_SECONDS = 30.0


def only_delivery(pipeline: Pipeline, event_id: int) -> DeliveryStatus:
    """The one delivery of an event."""
    status = pipeline.store.event(event_id)
    assert status is not None
    (delivery,) = status.deliveries
    return delivery


def retrying(pipeline: Pipeline, event_id: int) -> DeliveryStatus:
    """Waits until an event's one delivery is to be tried again."""

    def look() -> DeliveryStatus | None:
        status = pipeline.store.event(event_id)
        return next((d for d in status.deliveries if d.word == "retrying"), None) if status else None

    found = eventually(look, f"the delivery of event {event_id} to be tried again")
    assert found is not None
    return found


def count(outcome: str) -> float:
    """How many deliveries of the receiver "team" came out so."""
    labels = {"receiver": "team", "action": "log", "outcome": outcome}
    return REGISTRY.get_sample_value("alert_manager_deliveries_total", labels) or 0.0


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        (SendError("busy"), "busy"),
        (SendError("says \ud83d"), "says ?"),
        (RuntimeError("s3cret"), "the action failed: RuntimeError"),
        (KeyError("s3cret"), "the action failed: KeyError"),
        (RecursionError("s3cret"), "the action failed: RecursionError"),
        (TimeoutError("s3cret"), "the action failed: TimeoutError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_tries_again_whatever_an_action_raises(
    tmp_path: Path, store: Store, clock: Clock, failure: Exception, detail: str
) -> None:
    """An attempt that failed, by a defect even, is made again, its reason is kept, and the next event is told."""
    recorder = Recorder(failure)
    before = count("retrying"), count("delivered")
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        assert (1, detail) == (retrying(pipeline, event_id).attempts, retrying(pipeline, event_id).detail)
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(wire_alert())))
        clock.pass_seconds(3)
        assert ["delivered"] == settled(pipeline, event_id)
        assert (2, "sent") == (only_delivery(pipeline, event_id).attempts, only_delivery(pipeline, event_id).detail)
    assert ["Crash", "KubePodCrashLooping"] == recorder.names()
    assert (before[0] + 1, before[1] + 2) == (count("retrying"), count("delivered"))


def test_each_attempt_is_the_same_delivery(tmp_path: Path, store: Store, clock: Clock) -> None:
    """An action is told which delivery it is, so that the far side can know what it has already."""
    recorder = Recorder(SendError("busy"))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        retrying(pipeline, event_id)
        clock.pass_seconds(3)
        assert ["delivered"] == settled(pipeline, event_id)
        other = pipeline.accept(body(wire_alert()))
        assert ["delivered"] == settled(pipeline, other)
        ids = [only_delivery(pipeline, each).id for each in (event_id, event_id, other)]
    assert ids == [each.delivery_id for each in recorder.attempts]
    assert 2 == len({each.delivery_key for each in recorder.attempts})


def test_gives_up_on_a_permanent_error(tmp_path: Path, store: Store) -> None:
    """What the far side will never take is dead after one attempt, and a later state of its group is tried."""
    recorder = Recorder(SendError("no such channel", permanent=True))
    before = count("dead")
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        first = pipeline.accept(body(webhook(wire_alert("A"))))
        assert ["dead"] == settled(pipeline, first)
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("B")))))
        assert (1, "no such channel") == (
            only_delivery(pipeline, first).attempts,
            only_delivery(pipeline, first).detail,
        )
    assert ["B"] == recorder.names()
    assert before + 1 == count("dead")


def test_gives_up_when_the_time_is_up(tmp_path: Path, store: Store, clock: Clock) -> None:
    """A delivery that failed for as long as `retry_for` says is dead, with its last reason."""
    yaml = "delivery: {retry_for: 1m}\nroute: {receiver: team}\nreceivers: [{name: team, log_configs: [{}]}]"
    recorder = Recorder(SendError("busy"), SendError("still busy"))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, yaml, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        retrying(pipeline, event_id)
        clock.pass_seconds(61)
        assert ["dead"] == settled(pipeline, event_id)
        assert "still busy (given up after 2 attempts)" == only_delivery(pipeline, event_id).detail


def test_a_receiver_that_is_gone_is_dead_in_the_end(tmp_path: Path, store: Store, clock: Clock) -> None:
    """What was planned for an action that this process does not know waits five minutes for one that does."""
    gone = "the configuration has no such receiver and action any more"
    with started(make_pipeline(tmp_path, store, {"other/log/0": Recorder()}, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        eventually(lambda: pipeline._deliverer._unknown_since, "it to be seen that nobody is known there")
        clock.pass_seconds(299)
        assert not pipeline.wait(event_id, 0.2).settled  # type: ignore[union-attr]
        clock.pass_seconds(2)
        assert ["dead"] == settled(pipeline, event_id)
        assert (1, gone) == (only_delivery(pipeline, event_id).attempts, only_delivery(pipeline, event_id).detail)


def test_another_replica_may_know_the_receiver(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """While replicas are replaced, one that does not know a destination leaves its deliveries to one that does."""
    with started(make_pipeline(tmp_path, store, {}, clock=clock)) as old:
        event_id = old.accept(SEED)
        eventually(lambda: old._deliverer._unknown_since, "it to be seen that nobody is known there")
        clock.pass_seconds(200)
        with started(make_pipeline(tmp_path, Store(store._engine, "b"), {"team/log/0": recorder}, clock=clock)) as new:
            assert ["delivered"] == settled(new, event_id)
            assert 1 == only_delivery(new, event_id).attempts


def test_a_row_that_cannot_be_read_is_dead(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """A delivery that another version wrote is reported, never sent, and holds up nothing."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": Recorder()})) as earlier:
        old = earlier.accept(SEED)
        settled(earlier, old)
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET notification = '{}', state = 'pending'"))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        assert ["dead"] == settled(pipeline, old)
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(wire_alert())))
        assert "cannot be read any more" in only_delivery(pipeline, old).detail
    assert 1 == len(recorder.attempts)


def test_a_group_keeps_its_order_while_its_first_state_is_retried(tmp_path: Path, store: Store, clock: Clock) -> None:
    """Its end is told in the place of its beginning, which may have arrived; another group does not wait."""
    recorder = Recorder(SendError("busy"))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        firing = pipeline.accept(body(webhook(wire_alert("A"))))
        retrying(pipeline, firing)
        resolved = pipeline.accept(body(webhook(wire_alert("A", "resolved"))))
        assert [["superseded"], ["delivered"]] == [settled(pipeline, each) for each in (firing, resolved)]
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("B"), group_key="other"))))
    told = [(each.group.alerts[0].name, each.group.status) for each in recorder.attempts]
    assert [("A", "firing"), ("A", "resolved"), ("B", "firing")] == told
    assert [False, True, False] == [thread.attempted for thread in recorder.threads]


def test_an_action_is_handed_what_its_destination_holds(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """The far side's key and the alerts whose end is untold come with the next state of the group."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        for alerts in ([wire_alert("A"), wire_alert("B")], [wire_alert("A", "resolved"), wire_alert("B")]):
            assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(*alerts))))
        a, b = (alert.fingerprint for alert in recorder.sent[0].group.alerts)
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("B", "resolved")))))
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("B")))))
    assert ["", "key", "key", "key"] == [thread.key for thread in recorder.threads]
    assert [(), (a, b), (b,), ()] == [thread.open_fingerprints for thread in recorder.threads]


@pytest.mark.parametrize("method", ["waiting", "claim", "settle"])
def test_a_store_that_fails_for_a_while_loses_and_repeats_nothing(
    tmp_path: Path, store: Store, recorder: Recorder, method: str
) -> None:
    """A delivery is made once, although the storage fails before or after it."""
    failing = Failing(store)
    failing.failures[method] = 2
    with started(make_pipeline(tmp_path, failing, {"team/log/0": recorder})) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
    assert (1, 0) == (len(recorder.attempts), failing.failures[method])


def test_what_cannot_be_settled_comes_back_with_its_lease(
    tmp_path: Path, store: Store, recorder: Recorder, clock: Clock
) -> None:
    """Where an outcome cannot be kept for a whole lease, the delivery is made again: told twice, never not at all."""
    failing = Failing(store)
    failing.failures["settle"] = 1_000_000
    with started(make_pipeline(tmp_path, failing, {"team/log/0": recorder}, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        eventually(lambda: failing.failures["settle"] < 1_000_000, "an attempt to settle")
        clock.pass_seconds(LEASE_SECONDS + 1)
        eventually(lambda: len(recorder.sent) == 2, "a second attempt")
        failing.failures.clear()
        assert ["delivered"] == settled(pipeline, event_id)
    assert 2 == only_delivery(pipeline, event_id).attempts


def test_an_outcome_is_still_kept_calmly_while_stopping(
    tmp_path: Path, store: Store, recorder: Recorder, clock: Clock
) -> None:
    """A pipeline that is to end while the storage fails tries again at a measured pace, and ends with the lease."""
    failing = Failing(store)
    failing.failures["settle"] = 1_000_000
    pipeline = make_pipeline(tmp_path, failing, {"team/log/0": recorder}, clock=clock)
    pipeline.start()
    pipeline.accept(SEED)
    eventually(lambda: failing.failures["settle"] < 1_000_000, "an attempt to settle")
    stopping = threading.Thread(target=pipeline.stop, args=(5,))
    stopping.start()
    eventually(lambda: not pipeline.alive, "the threads to end")
    left, begun = failing.failures["settle"], time.monotonic()
    eventually(lambda: failing.failures["settle"] <= left - 2, "two more attempts")
    assert time.monotonic() - begun > 0.4
    clock.pass_seconds(LEASE_SECONDS)
    stopping.join(5)
    assert not stopping.is_alive()


class SlowQueue(Queue):
    """A queue whose first claim of a delivery takes nearly as long as a lease."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store._engine, store._writer, store.owner)
        self._clock = clock
        self.claimed = 0

    def claim(self, lanes: Sequence[Lane], now: datetime, lease_seconds: float) -> Claim:
        """Claims, slowly once."""
        claim = super().claim(lanes, now, lease_seconds)
        if claim.deliveries and not self.claimed:
            self._clock.pass_seconds(lease_seconds - 1)
        self.claimed += len(claim.deliveries)
        return claim


def test_nothing_is_sent_on_a_lease_that_ends(tmp_path: Path, store: Store, recorder: Recorder, clock: Clock) -> None:
    """With too little of its lease left for a send and its bookkeeping, a delivery waits for another turn."""
    store.queue = slow = SlowQueue(store, clock)
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        event_id = pipeline.accept(SEED)
        assert ["delivered"] == settled(pipeline, event_id)
    assert (2, 1) == (slow.claimed, len(recorder.attempts))
    assert 1 == only_delivery(pipeline, event_id).attempts


class Deadlines:
    """An action that remembers how long it was given."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def preview(self, notification: Notification) -> Preview:
        """Says which alerts it is about."""
        return Preview([alert.name for alert in notification.group.alerts])

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends nothing."""
        self.seconds.append(deadline_seconds)
        return Receipt("sent", thread)


@pytest.mark.parametrize(("lease", "expected"), [("30s", 10.0), ("5s", 3.0)])
def test_a_send_must_end_before_its_lease(
    tmp_path: Path, store: Store, clock: Clock, lease: str, expected: float
) -> None:
    """The deadline is ten seconds, or what the lease leaves beside the bookkeeping."""
    yaml = f"delivery: {{lease: {lease}}}\nroute: {{receiver: team}}\nreceivers: [{{name: team, log_configs: [{{}}]}}]"
    action = Deadlines()
    with started(make_pipeline(tmp_path, store, {"team/log/0": action}, yaml, clock=clock)) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
    assert [expected] == action.seconds


def test_sends_side_by_side_and_not_too_many(tmp_path: Path, store: Store) -> None:
    """Four groups are told at the same time to one that does not answer, the others after them, each once."""
    held = Held()
    actions: Mapping[str, Action] = {"team/log/0": held}
    with started(make_pipeline(tmp_path, store, actions)) as pipeline:
        ids = [pipeline.accept(body(wire_alert(f"A{number}"))) for number in range(12)]
        for _ in range(4):
            assert held.begun.acquire(timeout=5)
        assert not held.begun.acquire(timeout=0.3)
        held.may_end.set()
        assert [["delivered"]] * 12 == [settled(pipeline, event_id) for event_id in ids]
    assert 12 == held.sent


class Plain(Recorder):
    """Tells something plain in the place of two templates."""

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Says which failed."""
        receipt = super().send(notification, thread, deadline_seconds)
        return replace(receipt, template_errors=("title: line 1: wrong", "text: line 2: wrong"))


def test_counts_templates_that_failed(tmp_path: Path, store: Store) -> None:
    """What was told with something plain in a template's place is delivered, counted, and logged once."""

    def failed() -> float:
        labels = {"receiver": "team", "action": "log"}
        return REGISTRY.get_sample_value("alert_manager_template_errors_total", labels) or 0.0

    before = failed()
    with capture_logs() as lines, started(make_pipeline(tmp_path, store, {"team/log/0": Plain()})) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
    assert 2 == failed() - before
    told = [each["errors"] for each in lines if each["event"] == "templates failed; something plain was told"]
    assert [["title: line 1: wrong", "text: line 2: wrong"]] == told


class Warned(Recorder):
    """Tells it, and finds something that somebody has to see to."""

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Says what."""
        return replace(super().send(notification, thread, deadline_seconds), warnings=("an orphan", "another"))


def test_counts_what_somebody_has_to_see_to(tmp_path: Path, store: Store) -> None:
    """It is delivered, counted, and logged once."""

    def warned() -> float:
        labels = {"receiver": "team", "action": "log"}
        return REGISTRY.get_sample_value("alert_manager_delivery_warnings_total", labels) or 0.0

    before = warned()
    with capture_logs() as lines, started(make_pipeline(tmp_path, store, {"team/log/0": Warned()})) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
    assert 2 == warned() - before
    told = [each["warnings"] for each in lines if each["event"] == "somebody has to see to it there"]
    assert [["an orphan", "another"]] == told


@pytest.mark.parametrize("partly", [True, False])
def test_what_was_told_in_part_is_in_doubt(tmp_path: Path, store: Store, partly: bool) -> None:
    """A delivery that is dead at its first attempt told nothing, unless the far side took a part of it."""
    recorder = Recorder(SendError("no", permanent=True, partly=partly))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        assert ["dead"] == settled(pipeline, pipeline.accept(body(webhook())))
        settled(pipeline, pipeline.accept(body(webhook(wire_alert(), wire_alert("B")))))
    assert partly == any(thread.attempted for thread in recorder.threads)


def test_what_was_taken_of_a_send_that_failed_is_kept(tmp_path: Path, store: Store, clock: Clock) -> None:
    """The next attempt has it, and so has a newer state: nothing is in doubt then, and its end is told."""
    taken = Thread(key="k", open_fingerprints=("a",), credential="c", incidents={"k:a": ("a",)}, again=("a",))
    recorder = Recorder(SendError("busy", held=taken), SendError("busy", held=taken))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        event_id = pipeline.accept(body(webhook(wire_alert("A"))))
        number = retrying(pipeline, event_id).id
        clock.pass_seconds(3)
        eventually(lambda: len(recorder.attempts) == 2, "another attempt")
        settled(pipeline, pipeline.accept(body(webhook(wire_alert("A"), wire_alert("B")))))
    assert [(0, 0), (number, 1), (number, 2)] == [each.heard for each in recorder.threads]
    assert [("", False), ("c", False), ("c", False)] == [(each.credential, each.attempted) for each in recorder.threads]
    assert [False, False, False] == [each.unanswered for each in recorder.attempts]


def test_an_attempt_that_was_cut_short_is_in_doubt(tmp_path: Path, store: Store, clock: Clock) -> None:
    """Whoever tries it again is told so, and of a newer state that all is in doubt."""
    taken = Thread(key="k", open_fingerprints=("a",), credential="c")
    recorder = Recorder(SendError("busy", held=taken), SendError("busy"))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        event_id = pipeline.accept(body(webhook(wire_alert("A"))))
        retrying(pipeline, event_id)
        clock.pass_seconds(3)
        eventually(lambda: only_delivery(pipeline, event_id).attempts == 2, "another attempt")
        clock.pass_seconds(9)
        assert ["delivered"] == settled(pipeline, event_id)
    assert [False, False, True] == [each.unanswered for each in recorder.attempts]


def test_what_was_taken_of_what_is_dead_is_kept(tmp_path: Path, store: Store) -> None:
    """A later state of its group has it; the delivery itself tells all when somebody has it tried again."""
    taken = Thread(key="k", open_fingerprints=("a",), credential="c")
    recorder = Recorder(SendError("no", permanent=True, partly=True, held=taken))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder})) as pipeline:
        dead = pipeline.accept(body(webhook(wire_alert())))
        assert ["dead"] == settled(pipeline, dead)
        assert pipeline.retry(only_delivery(pipeline, dead)) is None
        assert ["delivered"] == settled(pipeline, dead)
    assert [("", False), ("c", True)] == [
        (thread.credential, each.unanswered) for thread, each in zip(recorder.threads, recorder.attempts, strict=True)
    ]
