"""LOST, and starving: of a group of more than 10,000 nothing is released, nor is anything of other groups."""

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


def test_a_large_group_is_told_and_holds_up_no_other(house: House) -> None:
    """More than 10,000 inhibited in one group, and one in another: all are told once their source is over."""
    with started(house.built()) as pipeline:
        house.tell("s", fires("Down"))
        settled(pipeline, house.post("large", *(fires("Slow", i=str(number)) for number in range(20_000))), 60)
        house.tell("small", fires("Lame"))
        house.tell("s", over("Down"))
        eventually(lambda: "Lame" in house.heard(), "what waits beside the large group to be told", 30)
        eventually(
            lambda: any(name.startswith("Slow") for name in house.heard()), "some of the large group to be told", 30
        )
