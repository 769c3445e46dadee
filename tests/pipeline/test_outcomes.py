"""Outcomes are kept by a thread of their own, many at once, whatever the storage does meanwhile."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Self, cast

import pytest

from outbox.database import StoreError
from outbox.settling import Settlement
from outbox.store import Store
from pipeline.outcomes import Outcomes
from tests.pipeline.parts import Clock
from tests.samples import NOW
from tests.service import eventually


def settlement(number: int, lease_seconds: float = 30.0) -> Settlement:
    """What came of one attempt; only what is looked at."""
    delivery = SimpleNamespace(id=number, lease_until=NOW + timedelta(seconds=lease_seconds))
    return cast(Settlement, SimpleNamespace(delivery=delivery))


class Storage:
    """A store whose queue keeps outcomes, as told: each failure is raised once; some it never takes."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.kept: list[tuple[int, bool]] = []
        self.failures: list[Exception] = []
        self.refuses: dict[int, Exception] = {}
        self.lost: set[int] = set()
        self.opened = threading.Event()
        self.opened.set()

    @property
    def queue(self) -> Self:
        """What is asked to settle."""
        return self

    def settle(self, some: Sequence[Settlement]) -> list[bool | Exception]:
        """Keeps some in one go."""
        assert self.opened.wait(20)
        self.batches.append([each.delivery.id for each in some])
        if self.failures:
            raise self.failures.pop(0)
        return [self.refuses.get(each.delivery.id, each.delivery.id not in self.lost) for each in some]

    def told(self, each: Settlement, kept: bool) -> None:
        """Hears of each."""
        self.kept.append((each.delivery.id, kept))


@pytest.fixture
def storage() -> Storage:
    """A storage that works."""
    return Storage()


@contextmanager
def running(storage: Storage) -> Iterator[Outcomes]:
    """Outcomes that are being kept; at the end all of them have been."""
    outcomes = Outcomes(cast(Store, storage), storage.told, Clock())
    outcomes.start()
    try:
        yield outcomes
    finally:
        outcomes.stop()
        assert not outcomes.alive


def gather(outcomes: Outcomes, storage: Storage, count: int) -> None:
    """Has so many outcomes come while the storage takes its time."""
    storage.opened.clear()
    for number in range(count):
        outcomes.add(settlement(number))
    storage.opened.set()


def test_what_gathers_is_kept_together(storage: Storage) -> None:
    """While one commit takes its time, nobody waits, and what comes meanwhile is the next."""
    with running(storage) as outcomes:
        gather(outcomes, storage, 50)
    assert list(range(50)) == [each for batch in storage.batches for each in batch]
    assert 2 >= len(storage.batches)
    assert [(number, True) for number in range(50)] == storage.kept


def test_a_storm_is_kept_in_parts(storage: Storage) -> None:
    """No transaction is larger than two hundred."""
    with running(storage) as outcomes:
        gather(outcomes, storage, 1_000)
    assert 200 >= max(map(len, storage.batches))
    assert 1_000 == len(storage.kept)


def test_a_lease_that_was_lost_is_told(storage: Storage) -> None:
    """Each for itself."""
    storage.lost = {1}
    with running(storage) as outcomes:
        for number in range(3):
            outcomes.add(settlement(number))
    assert [(0, True), (1, False), (2, True)] == sorted(storage.kept)


def test_is_tried_again_while_the_storage_fails(storage: Storage) -> None:
    """And kept once it does not."""
    storage.failures = [StoreError("away"), StoreError("away")]
    with running(storage) as outcomes:
        outcomes.add(settlement(1))
        eventually(lambda: storage.kept, "it to be kept")
    assert [(1, True)] == storage.kept
    assert 3 == len(storage.batches)


def test_is_tried_no_longer_than_its_lease(storage: Storage) -> None:
    """It is another's then."""
    storage.failures = [StoreError("away")]
    with running(storage) as outcomes:
        outcomes.add(settlement(2, lease_seconds=0.2))
        eventually(lambda: storage.kept, "it to be given up")
    assert [(2, False)] == storage.kept


def test_a_mistake_of_ours_costs_no_other(storage: Storage) -> None:
    """One that cannot be kept is left to its lease; its neighbours and those behind it are kept."""
    storage.refuses = {3: ValueError("a mistake of ours")}
    with running(storage) as outcomes:
        gather(outcomes, storage, 6)
        eventually(lambda: len(storage.kept) == 5, "the others to be kept")
        outcomes.add(settlement(6))
    assert [0, 1, 2, 4, 5, 6] == sorted(number for number, _ in storage.kept)


def test_one_that_the_storage_refuses_holds_up_no_other(storage: Storage) -> None:
    """It alone is tried again while its lease lasts; its neighbours and those behind it are kept meanwhile."""
    storage.refuses = {1: StoreError("value too long")}
    with running(storage) as outcomes:
        gather(outcomes, storage, 3)
        eventually(lambda: len(storage.kept) == 2, "its neighbours to be kept")
        outcomes.add(settlement(7))
        eventually(lambda: len(storage.kept) == 3, "the one behind it to be kept")
        storage.refuses.clear()
    assert [(0, True), (1, True), (2, True), (7, True)] == sorted(storage.kept)
    assert 1 == sum(batch.count(0) for batch in storage.batches)
