"""TOLD THOUGH INHIBITED: the lapse of a source in one group ends it in all."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import House, fires
from tests.pipeline.parts import Clock, started
from tests.service import eventually


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_a_source_lapses_in_one_of_two_groups(house: House) -> None:
    """In the other it was heard of two hours ago."""
    with started(house.built()) as pipeline:
        house.tell("s1", fires("Down"))
        house.clock.pass_seconds(4 * 3_600)
        house.tell("s2", fires("Down"))
        house.clock.pass_seconds(2 * 3_600 + 60)
        eventually(pipeline._tidy.lapse, "the first group to lapse")
        eventually(lambda: not pipeline.store.waits("lapse"), "that to be planned")
        assert ["suppressed"] == house.tell("t", fires("Slow"))
