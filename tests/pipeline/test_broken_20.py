"""WRONG REASONS: the trace of an end leaves out the groups in which it was told."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import RECEIVERS, House, fires, over
from tests.pipeline.parts import Clock, body, settled, started


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_the_trace_of_an_end(house: House) -> None:
    """It was told alone, and by new routes is in a group: the end went to both."""
    alone, by_node = (f"route: {{receiver: team{how}}}\n{RECEIVERS}" for how in ("", ", group_by: [node]"))
    with started(house.built(alone)) as pipeline:
        settled(pipeline, pipeline.accept(body(fires("A"))))
    with started(house.built(by_node)) as pipeline:
        event_id = pipeline.accept(body(over("A")))
        assert ["delivered"] * 2 == settled(pipeline, event_id)
        trace = pipeline.trace(event_id)
    assert trace is not None
    assert 2 == len(trace["groups"])
