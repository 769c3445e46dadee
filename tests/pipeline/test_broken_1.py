"""LOST: a source that fires and ends within one commit leaves what it inhibited withheld for ever."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import House, fires, over
from tests.pipeline.parts import Clock, settled, started
from tests.service import eventually


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_a_source_begins_and_ends_in_one_batch(house: House) -> None:
    """After a restart, or in a storm: what it inhibited meanwhile fires still, and is told."""
    house.built()
    events = [house.post("s", fires("Down")), house.post("t", fires("Slow")), house.post("s", over("Down"))]
    with started(house.pipeline):
        for each in events:
            settled(house.pipeline, each)
        eventually(lambda: "Slow" in house.heard(), "what was inhibited to be told", 6)
