"""AN END OF WHAT WAS NEVER TOLD: while anything of the group waits, what was always withheld is told as over."""

from pathlib import Path

import pytest

from alerts.notification import SendError
from outbox.store import Store
from tests.pipeline.broken import House, fires, over
from tests.pipeline.parts import Clock, settled, started
from tests.service import eventually


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_it_was_always_withheld(house: House) -> None:
    """It was inhibited when it came, and is over; another of its group waits for a destination that is away."""
    with started(house.built()) as pipeline:
        house.tell("s", fires("Down"))
        house.recorders["team"].failures = [SendError("away", retry_after_seconds=1)]
        house.post("t", fires("Slow"), fires("Wet", node="m"))
        eventually(lambda: not house.recorders["team"].failures, "the team to be away")
        last = house.post("t", over("Slow"), fires("Wet", node="m"))
        eventually(lambda: (status := pipeline.store.event(last)) and status.state != "accepted", "it to be planned")
        house.clock.pass_seconds(60)
        pipeline._deliverer.wake.ring()
        settled(pipeline, last)
    assert ["Down", "Wet"] == house.heard()
