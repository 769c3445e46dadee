"""The threads that send: as many as it takes, and none that one destination could take from another."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from alerts.notification import Thread
from outbox.records import Delivery
from pipeline.senders import Senders
from tests.samples import NOW, notification
from tests.service import eventually

SLOW, FAST = "slow/log/0", "fast/log/0"


def deliveries(destination: str, count: int, first: int = 1) -> list[Delivery]:
    """Deliveries to a destination, numbered."""
    receiver = destination.partition("/")[0]
    return [
        Delivery(
            id=number,
            event_id=number,
            destination=destination,
            group_id=str(number),
            kind="state",
            notification=notification(str(number), receiver),
            attempts=1,
            received_at=NOW,
            wanted_at=NOW,
            lease_until=NOW + timedelta(seconds=30),
            thread=Thread(),
        )
        for number in range(first, first + count)
    ]


class FarSides:
    """What senders send to: each destination as it is told; it is noted what was sent, given back and asked for."""

    def __init__(self) -> None:
        self.behaviour: dict[str, Callable[[], bool]] = {}
        self.sent: list[Delivery] = []
        self.given_back: list[Delivery] = []
        self.at_once: dict[str, int] = {}
        self.most_at_once: dict[str, int] = {}
        self.room = threading.Event()
        self.lock = threading.Lock()

    def send(self, delivery: Delivery) -> bool:
        """Sends one."""
        name = delivery.destination
        with self.lock:
            self.sent.append(delivery)
            self.at_once[name] = self.at_once.get(name, 0) + 1
            self.most_at_once[name] = max(self.most_at_once.get(name, 0), self.at_once[name])
        well = self.behaviour.get(name, lambda: True)()
        with self.lock:
            self.at_once[name] -= 1
        return well

    def count(self, destination: str) -> int:
        """How many sends to a destination have begun."""
        with self.lock:
            return len([each for each in self.sent if each.destination == destination])


@pytest.fixture
def far_sides() -> FarSides:
    """All destinations; they answer at once unless the test says otherwise."""
    return FarSides()


@pytest.fixture
def senders(far_sides: FarSides) -> Iterator[Senders[Delivery]]:
    """The threads."""
    made = Senders(far_sides.send, far_sides.given_back.append, far_sides.room.set)
    yield made
    made.stop()


@pytest.fixture
def hanging(far_sides: FarSides) -> Iterator[threading.Event]:
    """The slow destination hangs until this is set."""
    over = threading.Event()

    def hang() -> bool:
        return over.wait(10)

    far_sides.behaviour[SLOW] = hang
    yield over
    over.set()


def feed(senders: Senders[Delivery], far_sides: FarSides, destination: str, count: int) -> None:
    """Gives a destination so many, as fast as it takes them."""
    given = 0
    while given < count:
        far_sides.room.clear()
        some = deliveries(destination, min(senders.room(destination), count - given), given + 1)
        senders.add(destination, some)
        given += len(some)
        if senders.grow() or not some:
            far_sides.room.wait(0.02)


def test_a_destination_begins_with_four(
    senders: Senders[Delivery], far_sides: FarSides, hanging: threading.Event
) -> None:
    """One of which nothing is known is sent four at once, and not asked for more while those hang."""
    assert 4 == senders.room(SLOW)
    senders.add(SLOW, deliveries(SLOW, 4))
    eventually(lambda: far_sides.count(SLOW) == 4, "four sends")
    assert 0 == senders.room(SLOW)


def test_the_last_of_the_threads_is_used_too(
    senders: Senders[Delivery], far_sides: FarSides, hanging: threading.Event
) -> None:
    """Where three of four hang, the fourth serves what comes next."""
    senders.add(SLOW, deliveries(SLOW, 3))
    eventually(lambda: senders.room(SLOW) == 1, "room for one")
    senders.add(SLOW, deliveries(SLOW, 1, first=4))
    eventually(lambda: far_sides.count(SLOW) == 4, "a fourth send")


def test_a_hanging_destination_delays_no_other(
    senders: Senders[Delivery], far_sides: FarSides, hanging: threading.Event
) -> None:
    """While one hangs in all of its sends, twenty to another are made within a second."""
    senders.add(SLOW, deliveries(SLOW, 4))
    begun = time.monotonic()
    feed(senders, far_sides, FAST, 20)
    eventually(lambda: far_sides.count(FAST) == 20, "all of the other's")
    assert time.monotonic() - begun < 1
    assert 4 == far_sides.at_once[SLOW]


def test_a_slow_destination_gets_more_threads(senders: Senders[Delivery], far_sides: FarSides) -> None:
    """One that takes 100 ms a send, and takes all, is sent more and more at once: 500 within four seconds."""

    def take_a_while() -> bool:
        time.sleep(0.1)
        return True

    far_sides.behaviour[SLOW] = take_a_while
    begun = time.monotonic()
    feed(senders, far_sides, SLOW, 500)
    eventually(lambda: far_sides.count(SLOW) == 500, "all sends", 10)
    assert time.monotonic() - begun < 4
    assert 16 < far_sides.most_at_once[SLOW] <= 64


def test_slow_ones_together_leave_threads_for_another(
    senders: Senders[Delivery], far_sides: FarSides, hanging: threading.Event
) -> None:
    """However many destinations hang with all that they may be sent at once, one more is served."""
    slow = [f"slow{number}/log/0" for number in range(6)]
    for each in slow:
        far_sides.behaviour[each] = far_sides.behaviour[SLOW]
        senders.add(each, deliveries(each, 100))
    for _ in range(8):
        time.sleep(0.03)
        senders.grow()
    at_once = [far_sides.at_once[each] for each in slow]
    assert min(at_once) >= 4
    assert 64 < sum(at_once) <= 6 * 4 + 128
    senders.add(FAST, deliveries(FAST, 4))
    eventually(lambda: far_sides.count(FAST) == 4, "the other's")


def test_a_fast_destination_gets_no_more_threads(senders: Senders[Delivery], far_sides: FarSides) -> None:
    """One that answers at once is served by a few threads, for more would only be in one another's way."""
    feed(senders, far_sides, FAST, 200)
    eventually(lambda: far_sides.count(FAST) == 200, "all sends")
    assert far_sides.most_at_once[FAST] <= 16


def test_what_waits_for_one_that_fails_is_given_back(senders: Senders[Delivery], far_sides: FarSides) -> None:
    """It is another process' to try, or this one's later; two at once are asked for until it is well again."""
    gate = threading.Event()

    def fail() -> bool:
        gate.wait(5)
        return False

    far_sides.behaviour[SLOW] = fail
    ours = deliveries(SLOW, 12)
    senders.add(SLOW, ours)
    eventually(lambda: far_sides.count(SLOW) == 4, "four sends")
    gate.set()
    eventually(lambda: len(far_sides.sent) + len(far_sides.given_back) == 12, "the rest to come back")
    assert ours[4:] == far_sides.given_back
    eventually(lambda: senders.room(SLOW) == 2, "room for two")

    far_sides.behaviour[SLOW] = lambda: True
    senders.add(SLOW, deliveries(SLOW, 1, first=13))
    eventually(lambda: senders.room(SLOW) == 8, "room for more again")


def test_what_cannot_be_given_back_takes_no_thread_along(far_sides: FarSides) -> None:
    """A lane that fails, and whose deliveries cannot even be given back, is served again once all is well."""
    broken = [True]

    def give_back(delivery: Delivery) -> None:
        if broken:
            raise OSError(24, "Too many open files")

    senders = Senders(far_sides.send, give_back, far_sides.room.set)
    far_sides.behaviour[SLOW] = lambda: False
    senders.add(SLOW, deliveries(SLOW, 12))
    eventually(lambda: senders._lane(SLOW).running == 0, "the threads to end")
    broken.clear()
    far_sides.behaviour[SLOW] = lambda: True
    eventually(lambda: senders.room(SLOW) > 0, "room")
    senders.add(SLOW, deliveries(SLOW, 1, first=100))
    eventually(lambda: 100 in [each.id for each in far_sides.sent], "the next to be sent")
    senders.stop()


def test_stopping_gives_back_at_once_what_waits(
    senders: Senders[Delivery], far_sides: FarSides, hanging: threading.Event
) -> None:
    """What is being sent is finished; what waits need not wait for that, and nothing more is begun."""
    ours = deliveries(SLOW, 6)
    senders.add(SLOW, ours)
    eventually(lambda: far_sides.count(SLOW) == 4, "four sends")
    stopping = threading.Thread(target=senders.stop)
    stopping.start()
    eventually(lambda: far_sides.given_back, "what waits to come back")
    assert stopping.is_alive()
    assert ours[4:] == far_sides.given_back
    hanging.set()
    stopping.join(5)
    assert not stopping.is_alive()
    assert ours[:4] == far_sides.sent


def test_each_is_sent_once_and_in_its_order(senders: Senders[Delivery], far_sides: FarSides) -> None:
    """The threads take what waits from one line: none twice, none left out, the first first."""
    feed(senders, far_sides, FAST, 300)
    eventually(lambda: far_sides.count(FAST) == 300, "all sends")
    ids = [each.id for each in far_sides.sent]
    assert list(range(1, 301)) == sorted(ids)
    # Two threads may note what they took the other way around, and no more than all of them.
    assert max(abs(place - number) for place, number in enumerate(ids, start=1)) <= 64


def test_what_comes_after_the_end_is_given_back(senders: Senders[Delivery], far_sides: FarSides) -> None:
    """A claim that took long and comes when nothing is begun any more is not sat upon."""
    senders.stop()
    ours = deliveries(FAST, 2)
    senders.add(FAST, ours)
    assert ours == far_sides.given_back
    assert [] == far_sides.sent
