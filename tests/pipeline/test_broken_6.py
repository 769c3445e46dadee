"""LOST: a bare alert that was withheld is forgotten when `group_by` changes."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import RECEIVERS, House, fires
from tests.pipeline.parts import Clock, body, settled, started
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


def test_routes_group_it_otherwise_by_then(house: House) -> None:
    """It was muted as a group of its own; it still fires when the mute ends, and no route makes that group."""
    grouped = TWO.replace("  receiver: team\n  routes", "  receiver: team\n  group_by: [node]\n  routes")
    assert TWO != grouped
    with started(house.built(TWO)) as pipeline:
        settled(pipeline, pipeline.accept(body(fires("A", to="team"))))
    with started(house.built(grouped)) as pipeline:
        eventually(lambda: pipeline._release._ready, "what is withheld to be looked at")
        eventually(lambda: not pipeline.store.withheld_due(house.clock(), 9), "it to be looked at", 6)
        house.clock.pass_seconds(3_600)
        eventually(lambda: house.heard("team"), "the team to hear of it", 6)
