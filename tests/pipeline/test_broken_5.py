"""LOST: what was withheld is told nobody when its route leads to another receiver by then."""

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


def test_its_route_leads_elsewhere_by_then(house: House) -> None:
    """It was the team's and muted; by the new configuration it is the boss's, who is not muted."""
    before = """receiver: team, matchers: ['to="team"'], mute_time_intervals: [a]"""
    changed = TWO.replace(before, """receiver: boss, matchers: ['to="team"']""")
    assert TWO != changed
    with started(house.built(TWO)):
        house.tell("g", fires("A", to="team"))
    with started(house.built(changed)):
        eventually(lambda: house.heard("boss"), "the boss to hear of it", 6)
