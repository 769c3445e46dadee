"""REPEATED: bare alerts of one group that name no start are told anew each time."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import RECEIVERS, House, fires
from tests.pipeline.parts import Clock, body, settled, started


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_two_members_without_a_start_come_again(house: House) -> None:
    """Within the window nothing is new."""
    yaml = f"route: {{receiver: team, group_by: [node]}}\n{RECEIVERS}"
    a, b = ({key: value for key, value in fires(name).items() if key != "startsAt"} for name in "AB")
    with started(house.built(yaml)) as pipeline:
        became = []
        for each in (a, b, a, b, a, b):
            became += settled(pipeline, pipeline.accept(body(each)))
            house.clock.pass_seconds(1)
    assert ["delivered"] * 2 + ["duplicate"] * 4 == became
