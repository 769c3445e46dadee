"""REPEATED: who hears of no ends (`send_resolved: false`) is told again what it was told before the source came."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import INHIBITED, House, fires, over
from tests.pipeline.parts import Clock, started
from tests.service import eventually


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_what_was_told_before_is_not_told_again(house: House) -> None:
    """Of such a destination nothing is known to be held, and so what it was told counts as withheld."""
    yaml = INHIBITED.replace("log_configs: [{}]", "log_configs: [{send_resolved: false}]", 1)
    with started(house.built(yaml)) as pipeline:
        house.tell("t", fires("Slow"))
        house.tell("s", fires("Down"))
        house.tell("t", fires("Slow"), fires("Wet", node="m"))
        house.tell("s", over("Down"))
        eventually(lambda: not pipeline.store.withheld(["t"]), "nothing to be withheld", 6)
        eventually(lambda: not pipeline.store.waits("release"), "the release to be planned")
    assert ["Slow", "Down", "Slow Wet"] == house.heard()
