"""NEVER AT REST: an alert's end is kept, and then, in the same commit, that it is withheld."""

from pathlib import Path

import pytest

from alerts.model import fingerprint
from outbox.store import Store
from tests.pipeline.broken import INHIBITED, House, fires, over
from tests.pipeline.parts import Clock, body, settled, started

FINGERPRINTS = {name: fingerprint(fires(name)["labels"]) for name in ("Wet", "Slow")}

BY_NODE = INHIBITED.replace("{receiver: team}", "{receiver: team, group_by: [node]}", 1)


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_a_member_ends_in_the_batch_of_another(house: House) -> None:
    """What is over is withheld nowhere; else it is due for ever once its source ends, and asked for every 10 min."""
    with started(house.built(BY_NODE)) as pipeline:
        settled(pipeline, pipeline.accept(body(fires("Down"))))
        settled(pipeline, pipeline.accept(body(fires("Slow"))))
    pipeline = house.built(BY_NODE)
    events = [pipeline.accept(body(each)) for each in (fires("Wet"), over("Slow"))]
    with started(pipeline):
        for each in events:
            settled(pipeline, each)
    withheld = pipeline.store.withheld(['group:{node="n"}'])
    assert {"Wet"} == {name for name in ("Wet", "Slow") if any(key[1] == FINGERPRINTS[name] for key in withheld)}
