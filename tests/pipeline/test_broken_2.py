"""LOST: a plan that is stuck and says that an alert is inhibited is kept after its source's end."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from outbox.database import StoreError
from outbox.records import Plan
from outbox.store import Store
from tests.pipeline.broken import House, fires, over
from tests.pipeline.parts import Clock, Failing, settled, started
from tests.service import eventually


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


class Refusing(Failing):
    """A store that refuses plans of one group while it is told to."""

    refuses = False

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Refuses, or keeps."""
        if self.refuses and any("t" in each.histories for each in plans):
            raise StoreError("refused")
        return super().plan(plans)


def test_what_is_stuck_while_its_source_ends(house: House) -> None:
    """Only its own groups wait behind what is stuck; the source's end is in another."""
    store = Refusing(house.store)
    with started(house.built(store=store)) as pipeline:
        house.tell("s", fires("Down"))
        store.refuses = True
        event_id = house.post("t", fires("Slow"))
        eventually(lambda: pipeline.stuck, "the plan to be stuck")
        house.tell("s", over("Down"))
        store.refuses = False
        settled(pipeline, event_id)
        eventually(lambda: "Slow" in house.heard(), "what was inhibited to be told", 6)
