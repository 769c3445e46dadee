"""Plans that the database does not take, and what is remembered meanwhile of their groups."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from outbox.database import StoreError
from outbox.records import Event, Plan
from outbox.store import Store
from outbox.tables import events
from pipeline import Pipeline, cases, read, verdicts
from tests.pipeline.parts import Clock, Enricher, Prometheus, Recorder, body, dead, make_pipeline, settled, started
from tests.samples import SEED, webhook, wire_alert
from tests.service import eventually

FIRING, OVER = webhook(wire_alert("A")), webhook(wire_alert("A", "resolved"))
# Twice the time for enrichment and a lease.
TAKEN_FOR_SECONDS = 34.0


class Choosy(Store):
    """A store that does not keep the plans of certain events; of others it does."""

    refused: frozenset[int] = frozenset()

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Refuses the whole commit."""
        if self.refused & {plan.event.id for plan in plans}:
            raise StoreError("database or disk is full")
        return super().plan(plans)


@pytest.fixture
def choosy(store: Store) -> Choosy:
    """The store of a process called "a"."""
    return Choosy(store._engine, "a")


@pytest.fixture
def pipeline(tmp_path: Path, choosy: Choosy, clock: Clock, recorder: Recorder) -> Pipeline:
    """The pipeline over it, not started."""
    return make_pipeline(tmp_path, choosy, {"team/log/0": recorder}, clock=clock)


def stuck(pipeline: Pipeline, count: int) -> None:
    """Waits until so many plans are stuck."""
    eventually(lambda: count == len(pipeline._planner._commits.stuck), f"{count} to be stuck")


def taken_up(store: Store, event_id: int) -> int:
    """How often an event was taken up."""
    with store._engine.connect() as connection:
        return int(connection.execute(select(events.c.attempts).where(events.c.id == event_id)).scalar_one())


def test_what_comes_behind_is_judged_by_what_is_stuck(pipeline: Pipeline, choosy: Choosy, recorder: Recorder) -> None:
    """What is not in the database yet is the last state all the same."""
    choosy.refused = frozenset({1})
    with started(pipeline):
        ids = []
        for number, state in enumerate((FIRING, FIRING, OVER, FIRING), start=1):
            ids.append(pipeline.accept(body(state)))
            stuck(pipeline, number)
        choosy.refused = frozenset()
        outcomes = [settled(pipeline, each) for each in ids]
    assert [["superseded"], ["duplicate"], ["superseded"], ["delivered"]] == outcomes
    assert ["firing"] == [each.group.status for each in recorder.sent]


def test_what_is_stuck_is_no_duplicate_of_itself(
    pipeline: Pipeline, choosy: Choosy, clock: Clock, recorder: Recorder
) -> None:
    """An event that is taken up anew when its lease ends is told as what it was."""
    choosy.refused = frozenset({1})
    with started(pipeline):
        event_id = pipeline.accept(body(FIRING))
        stuck(pipeline, 1)
        clock.pass_seconds(TAKEN_FOR_SECONDS + 1)
        eventually(lambda: taken_up(choosy, event_id) == 2, "it to be taken up again")
        choosy.refused = frozenset()
        assert ["delivered"] == settled(pipeline, event_id)
    assert 1 == len(recorder.sent)


def test_what_another_took_over_is_forgotten(
    tmp_path: Path, pipeline: Pipeline, choosy: Choosy, clock: Clock, recorder: Recorder
) -> None:
    """What happened elsewhere since is known, and what was judged here and never kept is not."""
    choosy.refused = frozenset({1})
    other = make_pipeline(tmp_path, Store(choosy._engine, "b"), {"team/log/0": recorder}, clock=clock)
    pipeline.start()
    first = pipeline.accept(body(FIRING))
    stuck(pipeline, 1)
    # It is frozen here, until another has planned.
    choosy.claim_events = lambda *_, **__: []  # type: ignore[method-assign]
    clock.pass_seconds(TAKEN_FOR_SECONDS + 1)
    with started(other):
        assert ["delivered"] == settled(other, first)
        assert ["delivered"] == settled(other, other.accept(body(OVER)))
    choosy.refused = frozenset()
    stuck(pipeline, 0)
    del choosy.claim_events
    again = pipeline.accept(body(FIRING))
    assert ["delivered"] == settled(pipeline, again)
    pipeline.stop(5)
    assert ["firing", "resolved", "firing"] == [each.group.status for each in recorder.sent]


def test_what_is_dead_makes_no_duplicate(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """A state that could not be planned was not told: the next of its kind is news."""
    broken = [True]

    def read(alert: object) -> tuple[object, ...]:
        return (object(),) if broken.pop() else ()

    enricher = Enricher(read=read)  # type: ignore[arg-type]
    actions = {"team/log/0": recorder}
    broken[:0] = [False] * 9
    pipeline = make_pipeline(tmp_path, store, actions, enrichers=[enricher], prometheus=Prometheus(), clock=clock)
    with started(pipeline):
        assert dead(pipeline, pipeline.accept(body(FIRING)))
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(FIRING)))


@pytest.mark.parametrize(("module", "step"), [(cases, "_judge"), (read, "regrouped"), (verdicts, "divide")])
def test_what_cannot_be_judged_holds_up_nothing(
    tmp_path: Path,
    store: Store,
    clock: Clock,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    step: str,
) -> None:
    """One event that is not understood is dead, and those beside it in its batch are told."""
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)
    works = getattr(module, step)

    def choosy(*arguments: Any) -> Any:
        if "Bad" in str(arguments[1]):
            raise OverflowError("date value out of range")
        return works(*arguments)

    monkeypatch.setattr(module, step, choosy)
    ids = [pipeline.accept(body(wire_alert(name))) for name in ("Good", "Bad", "Fine")]
    with started(pipeline):
        assert [["delivered"]] * 2 == [settled(pipeline, each) for each in (ids[0], ids[2])]
        assert dead(pipeline, ids[1])
    assert {"Fine", "Good"} <= set(recorder.names())


def test_a_plan_that_cannot_be_kept_holds_up_its_groups_alone(
    pipeline: Pipeline, choosy: Choosy, recorder: Recorder, clock: Clock
) -> None:
    """Others are told meanwhile; what comes after it of the same group waits, and is told instead of it."""
    large = pipeline.accept(body(webhook(wire_alert("A"))))
    choosy.refused = frozenset({large})
    later = pipeline.accept(body(webhook(wire_alert("A", "resolved"))))
    others = [pipeline.accept(body(wire_alert(name))) for name in ("B", "C")]
    with started(pipeline):
        assert [["delivered"]] * 2 == [settled(pipeline, each) for each in others]
        assert pipeline.stuck
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
        assert ["B", "C", "KubePodCrashLooping"] == sorted(recorder.names())
        choosy.refused = frozenset()
        assert [["superseded"], ["delivered"]] == [settled(pipeline, each) for each in (large, later)]
        eventually(lambda: not pipeline.stuck, "nothing is stuck")
    assert ["resolved"] == [each.group.status for each in recorder.sent if each.group.alerts[0].name == "A"]


def test_plans_that_are_refused_for_good_hold_up_only_their_groups(
    pipeline: Pipeline, choosy: Choosy, recorder: Recorder
) -> None:
    """However many they are: each round of tries begins where the last gave up."""
    refused = [pipeline.accept(body(wire_alert(f"Bad{number}"))) for number in range(5)]
    choosy.refused = frozenset(refused)
    good = [pipeline.accept(body(wire_alert(f"Good{number}"))) for number in range(3)]
    with started(pipeline):
        assert [["delivered"]] * 3 == [settled(pipeline, each) for each in good]
        stuck(pipeline, 5)
        choosy.refused = frozenset()
        assert [["delivered"]] * 5 == [settled(pipeline, each) for each in refused]


def test_what_is_stuck_keeps_its_order_beyond_its_lease(
    pipeline: Pipeline, choosy: Choosy, recorder: Recorder, clock: Clock
) -> None:
    """Events of a group that were taken up one by one, and again when their leases ended, stay in their order."""
    choosy.refused = frozenset({1, 2})

    with started(pipeline):
        for number, status in enumerate(("firing", "resolved"), start=1):
            pipeline.accept(body(webhook(wire_alert("A", status))))
            stuck(pipeline, number)
            clock.pass_seconds(20)
        # The first one's lease is over, the second one's is not.
        eventually(lambda: taken_up(choosy, 1) == 2, "the first is taken up again")
        choosy.refused = frozenset()
        assert [["superseded"], ["delivered"]] == [settled(pipeline, each) for each in (1, 2)]
    assert ["resolved"] == [each.group.status for each in recorder.sent]


class Forgetful(Store):
    """A store whose claims of events are kept, and said to have failed, as often as is said."""

    failures = 0

    def claim_events(self, now: datetime, lease_seconds: float, *, anew: bool = False) -> list[Event]:
        """Claims, and then fails."""
        claimed = super().claim_events(now, lease_seconds, anew=anew)
        if claimed and self.failures:
            self.failures -= 1
            raise StoreError("the connection was lost")
        return claimed


def test_what_a_failed_claim_took_is_planned_first(
    tmp_path: Path, store: Store, clock: Clock, recorder: Recorder
) -> None:
    """It may have been kept all the same: what came later must not be planned before it."""
    forgetful = Forgetful(store._engine, "a")
    forgetful.failures = 2
    pipeline = make_pipeline(tmp_path, forgetful, {"team/log/0": recorder}, clock=clock)
    with started(pipeline):
        first = pipeline.accept(body(FIRING))
        eventually(lambda: forgetful.failures < 2, "a claim that failed")
        second = pipeline.accept(body(OVER))
        settled(pipeline, first)
        settled(pipeline, second)
    assert first < second
    assert "resolved" == recorder.sent[-1].group.status
