"""WITHHELD WITHOUT A REASON: a source whose labels change under its fingerprint inhibits where it was."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import House, fires
from tests.pipeline.parts import Clock, started


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_a_senders_own_fingerprint(house: House) -> None:
    """It fired at n, and fires at m by now."""
    with started(house.built()):
        house.tell("s", {**fires("Down"), "fingerprint": "f"})
        house.tell("s", {**fires("Down", node="m"), "fingerprint": "f"})
        assert ["delivered"] == house.tell("t", fires("Slow"))
