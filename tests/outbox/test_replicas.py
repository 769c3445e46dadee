"""Several replicas on one database, and several threads in each: nothing twice, nothing out of order, no deadlock."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Engine

from alerts.notification import SendError
from outbox.lanes import Lane
from outbox.records import Delivery, Plan, Planned
from outbox.retry import Outcome
from outbox.settling import Settlement
from outbox.store import Store
from tests.outbox.steps import DELIVERED, LEASE
from tests.samples import NOW, notification

RECEIVERS = ("a", "b", "c", "d")
SECONDS = 2.0


class Replica:
    """A store that several threads use at once, as the service does: to accept, to plan, to claim and to settle."""

    def __init__(self, engine: Engine, name: str, until: float) -> None:
        """Begins nothing yet."""
        self.store = Store(engine, name)
        self.sent: list[tuple[float, Delivery, datetime]] = []
        self.settled: list[tuple[float, Delivery]] = []
        self._dice = random.Random(name)
        self._until = until
        self._lock = threading.Lock()

    def accept(self) -> None:
        """Accepts what is of two groups at every receiver."""
        while time.monotonic() < self._until:
            self.store.accept(b"{}", NOW)

    def plan(self) -> None:
        """Plans all there is: each event is the next state of a group at each receiver."""
        while time.monotonic() < self._until:
            claimed = self.store.claim_events(datetime.now(UTC), LEASE)
            plans = [
                Plan(event, tuple(Planned(notification(f"group {event.id % 5}", name)) for name in RECEIVERS))
                for event in claimed
            ]
            assert plans == self.store.plan(plans)

    def deliver(self) -> None:
        """Claims from the lanes in an order of its own, and has half of the attempts fail."""
        lanes = [Lane(f"{name}/log/0", 3) for name in RECEIVERS]
        while time.monotonic() < self._until:
            self._dice.shuffle(lanes)
            some = lanes[: self._dice.randint(1, len(lanes))]
            for delivery in self.store.queue.claim(some, datetime.now(UTC), LEASE).deliveries:
                with self._lock:
                    self.sent.append((time.monotonic(), delivery, datetime.now(UTC)))
                self._settle(delivery)

    def _settle(self, delivery: Delivery) -> None:
        now = datetime.now(UTC)
        fails = self._dice.random() < 0.5
        outcome = Outcome("pending", "busy", now) if fails else DELIVERED
        # With the dice at nothing a destination that fails pauses for half a minute at most: the others go on.
        result = SendError("refused") if fails else None
        thread = None if fails else delivery.thread.told(delivery.notification, now)
        with self._lock:
            self.settled.append((time.monotonic(), delivery))
        assert [True] == self.store.queue.settle([Settlement(delivery, outcome, thread, result, now, dice=0.0)])


def test_replicas_hammer_one_database(engine: Engine, open_engine: Callable[[], Engine]) -> None:
    """Two replicas with six threads each accept, plan, claim and settle: no error, none twice, order kept."""
    until = time.monotonic() + SECONDS
    replicas = [Replica(engine, "a", until), Replica(open_engine(), "b", until)]
    with ThreadPoolExecutor(12) as pool:
        running = []
        for each in replicas:
            running += [pool.submit(work) for work in (each.accept, each.plan, *[each.deliver] * 4)]
        for done in running:
            done.result(timeout=30)

    attempts = sorted(
        (at, each.destination, each.group_id, each.id, each.attempts)
        for replica in replicas
        for at, each, _ in replica.sent
    )
    assert len(attempts) > 20
    # Each claim is one attempt, and no two are the same one.
    assert len(attempts) == len({(delivery_id, number) for *_, delivery_id, number in attempts})
    newest: dict[tuple[str, str], int] = {}
    for _, destination, group_id, delivery_id, _ in attempts:
        assert newest.get((destination, group_id), 0) <= delivery_id
        newest[destination, group_id] = delivery_id


def test_planning_at_once_repeats_nothing(engine: Engine) -> None:
    """Threads of several owners that claim and plan all the time plan each event once, and in order."""
    main = Store(engine, "main")
    ids = [main.accept(b"{}", NOW) for _ in range(250)]
    planned: list[int] = []

    def work(number: int) -> None:
        store = Store(engine, f"owner {number}")
        while main.backlog().events:
            claimed = store.claim_events(NOW, LEASE)
            planned.extend(plan.event.id for plan in store.plan([Plan(event) for event in claimed]))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, number) for number in range(6)]:
            done.result(timeout=60)
    assert ids == sorted(planned)
