"""END LOST: who is routed another alert of the group, withheld, does not hear the end of what it holds."""

from pathlib import Path

import pytest

from outbox.store import Store
from tests.pipeline.broken import INHIBITED, House, fires, over
from tests.pipeline.parts import Clock, started


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_an_end_beside_what_is_withheld(house: House) -> None:
    """The boss holds A, which is the team's by now; T is the boss's and inhibited; A ends."""
    yaml = INHIBITED.replace(
        "{receiver: team}", """{receiver: team, routes: [{matchers: ['to="boss"'], receiver: boss}]}""", 1
    )
    changed = yaml.replace("""to="boss\"""", """to="team\"""")
    assert yaml != changed
    a, ended = fires("A", to="boss", node="m"), over("A", to="boss", node="m")
    with started(house.built(yaml)):
        house.tell("g", a)
    assert ["A"] == house.heard("boss")
    with started(house.built(changed)) as pipeline:
        house.tell("s", fires("Down"))
        house.tell("g", ended, fires("T", to="team"))
        assert "boss/log/0" not in pipeline.store.holders(["g"]).get("g", {})
    assert ["A", "a"] == house.heard("boss")
