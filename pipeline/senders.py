"""The threads that send: enough for each destination, and none that a slow one could take from the others."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

_Item = TypeVar("_Item")

# Threads are made as they are needed; in all destinations of a process together no more than this. Half of them are
# not for those that take their time: so many others find their first ones free.
_THREADS = 256
# One destination's: at first, at most, and while it fails.
_FIRST_THREADS = 4
_MOST_THREADS = 64
_FAILING_THREADS = 2
# A delivery that has waited so long for a thread gets another.
_PATIENCE_SECONDS = 0.02


class Senders(Generic[_Item]):
    """Sends deliveries, those of each destination in their order, with as many threads as it takes.

    A destination that answers at once is served by four threads; one that takes its time gets more, up to 64; one that
    fails has two, so that those who wait for it are few.

    Args:
        send: sends one, and says whether its destination fared well.
        give_back: takes back one that was not sent.
        finished: called when a destination has room again.
    """

    def __init__(
        self,
        send: Callable[[_Item], bool],
        give_back: Callable[[_Item], None],
        finished: Callable[[], None],
    ) -> None:
        self._send = send
        self._give_back = give_back
        self._finished = finished
        self._pool = ThreadPoolExecutor(_THREADS, "send")
        self._lanes: dict[str, _Lane[_Item]] = {}
        self._stopping = False

    def room(self, destination: str) -> int:
        """How many deliveries are welcome now for a destination: 0 until it is worth asking for some.

        That is when half of the threads are free; or, where some of those hang, a moment after the last were added.
        """
        lane = self._lane(destination)
        with lane.lock:
            most = _FAILING_THREADS if lane.failing else lane.most
            free = most - lane.running - len(lane.waiting)
            worth_it = 2 * free >= most or time.monotonic() - lane.added_at > _PATIENCE_SECONDS
            return max(0, free) if worth_it else 0

    def add(self, destination: str, deliveries: Iterable[_Item]) -> None:
        """Send these, too."""
        lane = self._lane(destination)
        with lane.lock:
            lane.added_at = time.monotonic()
            lane.waiting.extend((delivery, lane.added_at) for delivery in deliveries)
        if self._stopping:
            self._empty(lane)
        else:
            self._hire(lane, _FIRST_THREADS)

    def grow(self) -> bool:
        """Give more threads to destinations for which something waits too long; whether anything waits at all."""
        waits = False
        lanes = list(self._lanes.values())
        spare = _THREADS // 2 - sum(lane.running for lane in lanes)
        for lane in lanes:
            with lane.lock:
                first = lane.waiting[0][1] if lane.waiting else None
                more = max(0, min(lane.running, spare))
                wanted = max(_FIRST_THREADS, lane.running + more)
            if first is not None:
                waits = True
                if time.monotonic() - first > _PATIENCE_SECONDS and not lane.failing:
                    self._hire(lane, wanted)
                    spare -= more
        return waits

    def stop(self) -> None:
        """Give back what waits, and wait for what is being sent."""
        self._stopping = True
        for lane in list(self._lanes.values()):
            self._empty(lane)
        self._pool.shutdown(wait=True)

    def _empty(self, lane: _Lane[_Item]) -> None:
        """Give back all that waits."""
        while True:
            with lane.lock:
                if not lane.waiting:
                    return
                delivery, _ = lane.waiting.popleft()
            self._give_back(delivery)

    def _lane(self, destination: str) -> _Lane[_Item]:
        return self._lanes.setdefault(destination, _Lane[_Item]())

    def _hire(self, lane: _Lane[_Item], wanted: int) -> None:
        with lane.lock:
            most = _FAILING_THREADS if lane.failing else _MOST_THREADS
            new = max(0, min(wanted, most) - lane.running)
            new = min(new, len(lane.waiting)) if not self._stopping else 0
            lane.running += new
        for _ in range(new):
            self._pool.submit(self._work, lane)

    def _work(self, lane: _Lane[_Item]) -> None:
        try:
            self._work_off(lane)
        except BaseException:
            # Another takes its place; what waits comes back with its lease.
            with lane.lock:
                lane.running -= 1
                lane.waiting.clear()
            raise
        finally:
            self._finished()

    def _work_off(self, lane: _Lane[_Item]) -> None:
        while True:
            with lane.lock:
                left = not self._stopping and lane.waiting and not (lane.failing and lane.running > _FAILING_THREADS)
                if not left:
                    lane.running -= 1
                    return
                delivery, _ = lane.waiting.popleft()
            well = self._send(delivery)
            with lane.lock:
                lane.note(well)
                failing = lane.failing
                roomy = 2 * (lane.running + len(lane.waiting) - 1) <= lane.most
            if failing:
                # What was taken for a destination that turns out to fail is not for this process to sit on.
                self._empty(lane)
            if roomy:
                self._finished()


class _Lane(Generic[_Item]):
    """One destination's deliveries in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: deque[tuple[_Item, float]] = deque()
        self.added_at = 0.0
        self.running = 0
        self.most = _FIRST_THREADS
        self.failing = False

    def note(self, well: bool) -> None:
        """Take more at once of what goes well, and little of what fails."""
        self.failing = not well
        self.most = min(2 * self.most, _MOST_THREADS) if well else _FIRST_THREADS
