"""LOST: planning a release clears what may be told by then elsewhere, and tells it nobody."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import RECEIVERS, House, fires
from tests.pipeline.parts import Clock, started
from tests.service import eventually

TWO = f"""
route:
  receiver: team
  routes:
  - {{receiver: team, matchers: ['to="team"'], mute_time_intervals: [a]}}
  - {{receiver: boss, matchers: ['to="boss"'], mute_time_intervals: [b]}}
time_intervals:
- {{name: a, time_intervals: [{{times: [{{start_time: '06:00', end_time: '08:00'}}]}}]}}
- {{name: b, time_intervals: [{{times: [{{start_time: '06:00', end_time: '08:01'}}]}}]}}
{RECEIVERS}"""


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_another_ones_mute_ends_before_the_release_is_planned(house: House) -> None:
    """Of one group, A is the team's, muted until 08:00, and B the boss's, muted until 08:01."""
    with started(house.built(TWO)):
        house.tell("g", fires("A", to="team"), fires("B", to="boss"))
    pipeline = house.built(TWO)
    house.clock.pass_seconds(28 * 60 + 30)
    assert 1 == pipeline._release.look()
    house.clock.pass_seconds(60)
    with started(pipeline):
        eventually(lambda: house.heard("team"), "the team to hear of it", 6)
        eventually(lambda: house.heard("boss"), "the boss to hear of it", 6)
