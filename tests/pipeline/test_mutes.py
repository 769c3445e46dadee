"""While its routes are muted an alert is not told; what still fires when that is over is told then."""

from datetime import timedelta
from pathlib import Path

import pytest

from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Recorder, body, deliveries_of, make_pipeline, settled, started
from tests.samples import NOW, webhook, wire_alert
from tests.service import eventually

# It is 07:31 on a Monday.
MUTED = """
route:
  receiver: root
  routes:
  - {receiver: team, matchers: ['zone="a"'], mute_time_intervals: [mornings], continue: true}
  - {receiver: boss, matchers: ['zone="a"'], active_time_intervals: [tuesdays]}
  - {receiver: team, matchers: ['zone="b"'], mute_time_intervals: [mornings], continue: true}
  - {receiver: team, matchers: ['zone="b"']}
receivers: [{name: root, log_configs: [{}]}, {name: team, log_configs: [{}]}, {name: boss, log_configs: [{}]}]
time_intervals:
- name: mornings
  time_intervals: [{times: [{start_time: '06:00', end_time: '08:00'}]}]
- name: tuesdays
  time_intervals: [{weekdays: [tuesday]}]
"""
NEVER_MUTED = MUTED.replace("06:00", "03:00").replace("08:00", "04:00").replace("[tuesday]", "[monday]")
HALF_AN_HOUR = 1_800.0


class House:
    """Runs of the service one after the other on one database."""

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        self._folder, self._store, self.clock = folder, store, clock
        self.recorders = {name: Recorder() for name in ("root", "team", "boss")}

    def built(self, yaml: str = MUTED) -> Pipeline:
        """A pipeline that is not started."""
        actions = {f"{name}/log/0": each for name, each in self.recorders.items()}
        return make_pipeline(self._folder, self._store, actions, yaml, clock=self.clock)

    def heard(self, name: str) -> list[str]:
        """What a receiver heard: names that fire, and in small letters those that are over."""
        return [
            " ".join(each.name if each.firing else each.name.lower() for each in one.group.alerts)
            for one in self.recorders[name].sent
        ]


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with a team that sleeps until eight and a boss who works on Tuesdays."""
    return House(tmp_path, store, clock)


def tell(pipeline: Pipeline, name: str, status: str = "firing", zone: str = "a") -> list[str]:
    """Posts a group of one alert."""
    payload = webhook(wire_alert(name, status, zone=zone), group_key=name)
    return settled(pipeline, pipeline.accept(body(payload)))


def test_it_is_told_when_the_mute_ends(house: House) -> None:
    """To each when its own does, once, and then its end."""
    with started(house.built()) as pipeline:
        assert ["suppressed", "suppressed"] == tell(pipeline, "A")
        team, boss = deliveries_of(pipeline.store, 1)
        assert "muted: in mute_time_intervals: mornings" == team.detail
        assert "muted: not in active_time_intervals: tuesdays" == boss.detail
        house.clock.pass_seconds(HALF_AN_HOUR - 120)
        assert 0 == pipeline._release.look()
        house.clock.pass_seconds(121)
        eventually(lambda: house.heard("team"), "the team to hear of it")
        assert [["A"], []] == [house.heard("team"), house.heard("boss")]
        house.clock.pass_seconds(17 * 3600)
        eventually(lambda: house.heard("boss"), "the boss to hear of it")
        assert [["A"], ["A"]] == [house.heard("team"), house.heard("boss")]
        assert ["delivered", "delivered"] == tell(pipeline, "A", "resolved")
    assert [["A", "a"], ["A", "a"]] == [house.heard("team"), house.heard("boss")]


def test_what_was_over_meanwhile_is_not_told(house: House) -> None:
    """It is recorded so."""
    with started(house.built()) as pipeline:
        tell(pipeline, "A")
        assert ["suppressed", "suppressed"] == tell(pipeline, "A", "resolved")
        details = [each.detail for each in deliveries_of(pipeline.store, 2)]
        assert "over before it was told: it was muted: in mute_time_intervals: mornings" == details[0]
        house.clock.pass_seconds(HALF_AN_HOUR)
        assert 0 == pipeline._release.look()
    assert [] == house.heard("team")


def test_ends_are_told_in_a_mute(house: House) -> None:
    """What was told before it began is told to its end."""
    house.clock.pass_seconds(-2 * 3600)
    with started(house.built()) as pipeline:
        assert ["delivered", "suppressed"] == tell(pipeline, "A")
        house.clock.pass_seconds(2 * 3600)
        assert ["delivered", "suppressed"] == tell(pipeline, "A", "resolved")
    assert ["A", "a"] == house.heard("team")


def test_another_route_that_is_not_muted_tells(house: House) -> None:
    """A receiver is muted when all routes by which it hears are."""
    with started(house.built()) as pipeline:
        assert ["delivered"] == tell(pipeline, "B", zone="b")
    assert ["B"] == house.heard("team")


def test_it_is_told_when_the_intervals_change(house: House) -> None:
    """What a new configuration does not mute is told when the service starts with it."""
    with started(house.built()) as pipeline:
        tell(pipeline, "A")
    with started(house.built(NEVER_MUTED)):
        eventually(lambda: house.heard("team") and house.heard("boss"), "both to hear of it")
    with started(house.built()) as pipeline:
        eventually(lambda: pipeline._release._prepared, "what is not told to be looked at")
        assert 0 == pipeline._release.look()
    assert [["A"], ["A"]] == [house.heard("team"), house.heard("boss")]


def test_what_stays_muted_is_not_planned_anew(house: House) -> None:
    """A start, and the end of another one's mute, make no events for it."""
    with started(house.built()) as pipeline:
        tell(pipeline, "A")
    for _ in range(2):
        with started(house.built()) as pipeline:
            eventually(lambda: pipeline._release._prepared, "what is not told to be looked at")
            assert 0 == pipeline._release.look()
    assert pipeline.store.event(2) is None
    (due,) = pipeline.store.withheld_due(NOW + timedelta(hours=1), 9, 9)
    assert {"team/log/0", "boss/log/0"} == due.withheld.keys()
