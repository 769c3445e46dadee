"""LOST: a source that ends between a look and what it postpones is not noticed."""

from pathlib import Path
from typing import Any

import pytest

from outbox.store import Store
from tests.pipeline.broken import House, fires, over
from tests.pipeline.parts import Clock, Failing, started


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


class Postponing(Failing):
    """A store in which something happens before a look's outcome is kept."""

    meanwhile: Any = None

    def postpone(self, still: Any) -> None:
        """Keeps it after that."""
        self.meanwhile()
        super().postpone(still)


def test_a_source_ends_while_it_is_looked_at(house: House) -> None:
    """One of two sources is over, so it is looked at; the other ends just then."""
    with started(house.built()) as pipeline:
        pipeline._release.stop(5)
        house.tell("s", fires("Down"), fires("Dark"))
        house.tell("t", fires("Slow"))
        house.tell("s", over("Down"), fires("Dark"))
        store = Postponing(house.store)
        looking = house.built(store=store)._release
        house.pipeline = pipeline
        store.meanwhile = lambda: house.tell("s", over("Down"), over("Dark"))
        assert 0 == looking.look()
        assert 1 == looking.look()
