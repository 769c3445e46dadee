"""Groups that the upstream cut short, and alerts that were not heard of for long."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.lapse import lapsed, rendered
from outbox.database import StoreError
from outbox.records import Plan
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Recorder, body, make_pipeline, settled, started
from tests.samples import NOW, webhook, wire_alert
from tests.service import eventually

KEY = '{}:{alertname="Crash"}'
HOUR = 3_600.0
THREE = webhook(*(wire_alert(name) for name in "ABC"))
# Alertmanager computed the status of those that it left.
TWO_OVER = webhook(wire_alert("A", "resolved"), wire_alert("B", "resolved"), truncatedAlerts=1)
LAST_OVER = webhook(wire_alert("C", "resolved"))


def told(recorder: Recorder) -> list[str]:
    """What was told: the names that fire, and those that are over in small letters."""
    return [
        "".join(sorted(alert.name if alert.firing else alert.name.lower() for alert in each.group.alerts))
        for each in recorder.sent
    ]


@pytest.fixture
def pipeline(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> Pipeline:
    """A pipeline that is not started."""
    return make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)


def tell(pipeline: Pipeline, payload: object) -> None:
    """Has a payload told."""
    assert ["delivered"] == settled(pipeline, pipeline.accept(body(payload)))


def test_what_is_hidden_fires_on(pipeline: Pipeline, recorder: Recorder) -> None:
    """A group of which some alerts were cut is over when each alert known in it has ended."""
    with started(pipeline):
        for state in (THREE, TWO_OVER, LAST_OVER):
            tell(pipeline, state)
    assert ["ABC", "Cab", "c"] == told(recorder)
    assert ["firing", "firing", "resolved"] == [each.group.status for each in recorder.sent]
    assert [0, 0, 0] == [each.group.truncated_alerts for each in recorder.sent]


def test_what_is_hidden_is_known_in_one_batch(pipeline: Pipeline, recorder: Recorder) -> None:
    """What came just before, and is not in the database yet, is known too."""
    ids = [pipeline.accept(body(state)) for state in (THREE, TWO_OVER)]
    with started(pipeline):
        assert [["superseded"], ["delivered"]] == [settled(pipeline, each) for each in ids]
        tell(pipeline, LAST_OVER)
    assert ["Cab", "c"] == told(recorder)
    assert ["firing", "resolved"] == [each.group.status for each in recorder.sent]


class Refusing(Store):
    """A store that keeps no plans for a while."""

    refuses = False

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Refuses, or keeps."""
        if self.refuses:
            raise StoreError("database or disk is full")
        return super().plan(plans)


def test_what_is_hidden_is_known_while_plans_are_stuck(
    tmp_path: Path, store: Store, clock: Clock, recorder: Recorder
) -> None:
    """Of a plan that the database does not take the alerts are known all the same."""
    refusing = Refusing(store._engine, "a")
    pipeline = make_pipeline(tmp_path, refusing, {"team/log/0": recorder}, clock=clock)
    refusing.refuses = True
    with started(pipeline):
        first = pipeline.accept(body(THREE))
        eventually(lambda: pipeline.stuck, "a plan to be stuck")
        second = pipeline.accept(body(TWO_OVER))
        eventually(lambda: len(pipeline._planner._commits.stuck) == 2, "both to be stuck")
        refusing.refuses = False
        assert [["superseded"], ["delivered"]] == [settled(pipeline, each) for each in (first, second)]
    assert ["Cab"] == told(recorder)


def lapse(pipeline: Pipeline, clock: Clock, *names: str) -> int:
    """Takes alerts for over, as it is done for those that were not heard of."""
    alerts = [each.alert for each in pipeline.store.recent_alerts(100) if each.alert.name in names]
    return pipeline.store.accept(rendered(lapsed(KEY, alerts, clock())), clock(), "lapse")


def test_what_is_not_heard_of_is_told_as_over(pipeline: Pipeline, clock: Clock, recorder: Recorder) -> None:
    """The group is closed at the far side, with the reason, and the page shows it as lapsed."""
    with started(pipeline):
        tell(pipeline, THREE)
        clock.pass_seconds(6 * HOUR + 1)
        assert ["delivered"] == settled(pipeline, lapse(pipeline, clock, *"ABC"))
    assert ["ABC", "abc"] == told(recorder)
    assert ("not heard of for 6h: taken as over",) == recorder.sent[-1].notes
    assert [(True, "resolved")] * 3 == [(each.lapsed, each.alert.status) for each in pipeline.store.recent_alerts(9)]


def test_some_lapse_while_others_fire(pipeline: Pipeline, clock: Clock, recorder: Recorder) -> None:
    """The rest of the group goes on, and is no more heard of than before."""
    with started(pipeline):
        tell(pipeline, THREE)
        clock.pass_seconds(3 * HOUR)
        tell(pipeline, webhook(wire_alert("C"), truncatedAlerts=0, group_key=KEY))
        clock.pass_seconds(3 * HOUR + 1)
        assert ["delivered"] == settled(pipeline, lapse(pipeline, clock, "A", "B"))
    assert ["ABC", "C", "Cab"] == told(recorder)
    assert "firing" == recorder.sent[-1].group.status
    heard = {each.alert.name: (each.lapsed, each.updated_at) for each in pipeline.store.recent_alerts(9)}
    assert (False, NOW + timedelta(hours=3)) == heard["C"]


def test_what_is_heard_again_does_not_lapse(
    tmp_path: Path, pipeline: Pipeline, clock: Clock, recorder: Recorder
) -> None:
    """A silence that was broken before it was planned is none, be it in the same batch or before."""
    with started(pipeline):
        tell(pipeline, THREE)
        clock.pass_seconds(6 * HOUR + 1)
    batch = make_pipeline(tmp_path, pipeline.store, {"team/log/0": recorder}, clock=clock)
    again = batch.accept(body(webhook(wire_alert("A"), wire_alert("B"))))
    silence = lapse(batch, clock, *"ABC")
    with started(batch):
        assert ["superseded"] == settled(batch, again)
        assert ["delivered"] == settled(batch, silence)
        late = lapse(batch, clock, *"AB")
        assert ["unrouted"] == settled(batch, late)
    assert ["ABC", "ABc"] == told(recorder)


def test_what_lapsed_fires_again_as_news(pipeline: Pipeline, clock: Clock, recorder: Recorder) -> None:
    """An alert that comes back after it was taken for over is told like any."""
    with started(pipeline):
        tell(pipeline, THREE)
        clock.pass_seconds(6 * HOUR + 1)
        assert ["delivered"] == settled(pipeline, lapse(pipeline, clock, *"ABC"))
        tell(pipeline, THREE)
    assert ["ABC", "abc", "ABC"] == told(recorder)
    assert () == recorder.sent[-1].notes
    assert [False] * 3 == [each.lapsed for each in pipeline.store.recent_alerts(9)]
