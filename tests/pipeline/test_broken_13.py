"""END LOST: what was on its way when it was inhibited, and ends before it arrives, stays open."""

from pathlib import Path

import pytest

from alerts.notification import Notification, Receipt, Thread
from outbox.store import Store
from tests.pipeline.broken import House, Keeping, fires, over
from tests.pipeline.parts import Clock, Held, settled, started
from tests.samples import wire_alert
from tests.service import eventually


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


class Slow(Keeping):
    """A recorder whose second send lasts until it may end."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Held()

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends."""
        if len(self.sent) == 1 and not self.held.may_end.is_set():
            self.held.send(notification, thread, deadline_seconds)
        return super().send(notification, thread, deadline_seconds)


def test_it_ends_while_it_is_on_its_way(house: House) -> None:
    """The thread knows X alone, and the payloads that follow name X no more: the end is told all the same."""
    slow = Slow()
    house.recorders["team"] = slow
    x = wire_alert("X", node="n")
    with started(house.built()) as pipeline:
        house.tell("t", x)
        on_its_way = house.post("t", x, fires("T"))
        assert slow.held.begun.acquire(timeout=5)
        house.post("s", fires("Down"))
        house.post("t", fires("T"))
        last = house.post("t", over("T"))
        eventually(lambda: (status := pipeline.store.event(last)) and status.state != "accepted", "it to be planned")
        slow.held.may_end.set()
        for each in (on_its_way, last):
            settled(pipeline, each)
    heard = " ".join(house.heard()).split()
    assert "T" in heard
    assert "t" in heard
