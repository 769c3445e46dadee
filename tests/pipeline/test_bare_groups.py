"""Alerts that come without a group key: groups of their own, or by the `group_by` of the routes that they take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from outbox.database import StoreError
from outbox.records import Plan
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Recorder, body, make_pipeline, settled, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

RECEIVERS = "receivers: [{name: team, log_configs: [{}]}, {name: boss, log_configs: [{}]}]"
ALONE = f"route: {{receiver: team}}\n{RECEIVERS}"
BY_NODE = f"route: {{receiver: team, group_by: [node]}}\n{RECEIVERS}"
BY_ALL = f"route: {{receiver: team, group_by: ['...']}}\n{RECEIVERS}"
BOTH = f"""
route:
  receiver: team
  group_by: [node]
  routes:
  - {{receiver: boss, group_by: [zone], continue: true}}
  - {{receiver: team}}
{RECEIVERS}
"""


class House:
    """Runs of the service one after the other on one database."""

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        self._folder, self._store, self._clock = folder, store, clock
        self.team, self.boss = Recorder(), Recorder()

    def built(self, yaml: str, store: Store | None = None) -> Pipeline:
        """A pipeline that is not started, of a configuration of its own."""
        actions = {"team/log/0": self.team, "boss/log/0": self.boss}
        return make_pipeline(self._folder, store or self._store, actions, yaml, clock=self._clock)

    def told(self, recorder: Recorder) -> list[str]:
        """What was told, sorted: names that fire, and in small letters those that are over."""
        return [
            " ".join(sorted(each.name if each.firing else each.name.lower() for each in one.group.alerts))
            for one in recorder.sent
        ]


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def tell(pipeline: Pipeline, *alerts: dict[str, Any]) -> list[str]:
    """Posts bare alerts in one list."""
    return settled(pipeline, pipeline.accept(body(*alerts)))


def node(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    """An alert of one node in one zone."""
    return wire_alert(name, status, **{"node": "n", "zone": "z", **labels})


def test_each_is_its_own_group_unless_routes_group(house: House) -> None:
    """Two alerts of one payload are told by themselves, and so are their ends."""
    with started(house.built(ALONE)) as pipeline:
        assert ["delivered"] * 2 == tell(pipeline, node("A"), node("B"))
        assert ["delivered"] == tell(pipeline, node("B", "resolved"))
    assert ["A", "B", "b"] == house.told(house.team)


def test_those_that_share_labels_are_one_group(house: House) -> None:
    """Its state is that of all its members that are known, by whatever payload."""
    with started(house.built(BY_NODE)) as pipeline:
        assert ["delivered"] == tell(pipeline, node("A"), node("B"))
        assert ["delivered"] == tell(pipeline, node("C"))
        assert ["delivered"] == tell(pipeline, node("D", node="m"))
        assert ["delivered"] == tell(pipeline, node("A", "resolved"))
        assert ["delivered"] == tell(pipeline, node("B", "resolved"), node("C", "resolved"))
    assert ["A B", "A B C", "D", "B C a", "b c"] == house.told(house.team)
    assert [{"node": "n"}, {"node": "m"}] == [house.team.sent[at].group.group_labels for at in (0, 2)]
    assert ["firing", "resolved"] == [each.group.status for each in house.team.sent[-2:]]
    assert [0] * 5 == [each.group.truncated_alerts for each in house.team.sent]


def test_members_are_known_in_one_batch(house: House) -> None:
    """Those that come together are told with the first, each as it was last."""
    pipeline = house.built(BY_NODE)
    alerts = [node("A"), node("B"), node("D", node="m"), node("A", "resolved"), node("C")]
    events = [pipeline.accept(body(each)) for each in alerts]
    with started(pipeline):
        became = [settled(pipeline, each) for each in events]
    assert [["delivered"], ["merged"], ["delivered"], ["merged"], ["merged"]] == became
    assert [events[0]] * 3 == [status.duplicate_of for at in (1, 3, 4) if (status := pipeline.store.event(events[at]))]
    assert {"B C a", "D"} == set(house.told(house.team))


class Choosy(Store):
    """A store that refuses the plans of certain events."""

    refused: frozenset[int] = frozenset()

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Refuses, or keeps."""
        if self.refused & {plan.event.id for plan in plans}:
            raise StoreError("database or disk is full")
        return super().plan(plans)


@pytest.mark.parametrize("refused", [1, 2])
def test_nothing_is_lost_between_those_that_come_together(house: House, store: Store, refused: int) -> None:
    """None is kept as told with another before that one is kept; a process that ends meanwhile tells all of it."""
    choosy = Choosy(store._engine, "a")
    choosy.refused = frozenset({refused})
    pipeline = house.built(BY_NODE, choosy)
    first, second = (pipeline.accept(body(node(name))) for name in "AB")
    with started(pipeline):
        eventually(lambda: pipeline.stuck, "a plan to be stuck")
        expected = ("accepted", "accepted") if refused == first else ("planned", "accepted")
        assert expected == tuple(status.state for each in (first, second) if (status := store.event(each)))
    store.release()
    with started(house.built(BY_NODE)) as again:
        assert "accepted" not in settled(again, second)
    assert "A B" == house.told(house.team)[-1]


def test_members_are_known_after_a_restart(house: House) -> None:
    """And to every process."""
    with started(house.built(BY_NODE)) as pipeline:
        tell(pipeline, node("A"))
    with started(house.built(BY_NODE)) as pipeline:
        tell(pipeline, node("B"))
    assert ["A", "A B"] == house.told(house.team)


def test_three_dots_are_all_labels(house: House) -> None:
    """Each set of labels is a group, as in Alertmanager."""
    with started(house.built(BY_ALL)) as pipeline:
        assert ["delivered"] * 2 == tell(pipeline, node("A"), node("B"))
    assert ["A", "B"] == house.told(house.team)


def test_routes_group_in_their_own_ways(house: House) -> None:
    """One alert may be in a group for each of them, and each receiver hears of its own."""
    with started(house.built(BOTH)) as pipeline:
        assert ["delivered"] * 2 == tell(pipeline, node("A"))
        assert ["delivered"] * 2 == tell(pipeline, node("B", node="m"))
        assert ["delivered"] * 2 == tell(pipeline, node("A", "resolved"))
    assert ["A", "A B", "B a"] == house.told(house.boss)
    assert ["A", "B", "a"] == house.told(house.team)


def test_the_same_again_is_a_duplicate(house: House, clock: Clock) -> None:
    """Within the window; after it, it is told again with all members."""
    with started(house.built(BY_NODE)) as pipeline:
        tell(pipeline, node("A"), node("B"))
        assert ["duplicate"] == tell(pipeline, node("B"))
        clock.pass_seconds(61)
        assert ["delivered"] == tell(pipeline, node("B"))
    assert ["A B", "A B"] == house.told(house.team)


def test_an_end_is_told_where_it_was_told(house: House) -> None:
    """Though routes would put the alert into another group by now: nothing stays open."""
    with started(house.built(ALONE)) as pipeline:
        tell(pipeline, node("A"))
    with started(house.built(BY_NODE)) as pipeline:
        tell(pipeline, node("B"))
        assert ["delivered"] * 2 == tell(pipeline, node("A", "resolved"))
    alone, together = house.team.sent[0].group.group_key, house.team.sent[1].group.group_key
    ends = {each.group.group_key for each in house.team.sent if each.group.resolved}
    assert {alone, together} == ends
    assert {} == pipeline.store.holders([alone])


def test_groups_of_an_upstream_are_its_own(house: House) -> None:
    """Its key says which alerts are together; `group_by` says nothing of them."""
    with started(house.built(BY_NODE)) as pipeline:
        event_id = pipeline.accept(body(webhook(node("A"), node("B", node="m"), group_key="alert:of somebody")))
        assert ["delivered"] == settled(pipeline, event_id)
    assert ["A B"] == house.told(house.team)
    assert "upstream:alert:of somebody" == house.team.sent[0].group.group_key


def test_a_member_that_is_not_heard_of_lapses(house: House, clock: Clock) -> None:
    """The others go on."""
    with started(house.built(BY_NODE)) as pipeline:
        tell(pipeline, node("A"))
        clock.pass_seconds(4 * 3600)
        tell(pipeline, node("B"))
        clock.pass_seconds(3 * 3600)
        assert 1 == pipeline._tidy.lapse()
        assert ["delivered"] == settled(pipeline, 3)
    assert ["A", "A B", "B a"] == house.told(house.team)
