"""LATE: what is released, ends, and is inhibited again waits ten minutes for its next release."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import House, fires, over
from tests.pipeline.parts import Clock, started
from tests.service import eventually


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_a_source_that_flaps(house: House) -> None:
    """Two minutes later all of it happens again: it is told as soon as its source is over."""
    with started(house.built()):
        for count in (1, 2):
            house.tell("s", fires("Down"))
            house.tell("t", fires("Slow"))
            house.tell("s", over("Down"))
            eventually(lambda: house.heard().count("Slow") == count, "it to be told", 6)  # noqa: B023
            house.tell("t", over("Slow"))
            house.clock.pass_seconds(120)
