"""TOLD THOUGH MUTED: what ended and fires again is taken for told while its end is not delivered yet."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import RECEIVERS, House, fires, over
from tests.pipeline.parts import Clock, settled, started

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


def test_it_begins_anew_in_a_mute(house: House) -> None:
    """It was told before the mute; in the mute it ends and fires again, both in one batch."""
    house.clock.pass_seconds(-2 * 3_600)
    with started(house.built(TWO)):
        house.tell("g", fires("A", to="team"))
    house.clock.pass_seconds(2 * 3_600)
    pipeline = house.built(TWO)
    events = [house.post("g", over("A", to="team")), house.post("g", fires("A", to="team"))]
    with started(pipeline):
        for each in events:
            settled(pipeline, each)
    assert ["A", "a"] == house.heard("team")
