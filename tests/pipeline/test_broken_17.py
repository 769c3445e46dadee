"""LOST: what is withheld in an upstream's group whose key begins like ours is told nobody."""

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


def test_an_upstreams_key_like_ours(house: House) -> None:
    """A key of a sender's own choice is none that was made here."""
    with started(house.built()):
        house.tell("s", fires("Down"))
        house.tell("alert:of somebody", fires("Slow"))
        house.tell("s", over("Down"))
        eventually(lambda: "Slow" in house.heard(), "it to be told", 6)
