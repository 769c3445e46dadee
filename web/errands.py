"""What is done while, or after, somebody is answered: so much at once, and no more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Found = TypeVar("_Found")


class Errands:
    """A few threads, which begin with the first errand.

    Args:
        threads: how many errands are run at once.
        waiting: how many more may wait for their turn.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "errand")
        self._room = threading.BoundedSemaphore(threads + waiting)

    def begin(self, errand: Callable[[], _Found]) -> Future[_Found] | None:
        """Have it run; None where there are too many already, or the process ends."""
        if not self._room.acquire(blocking=False):
            return None
        try:
            begun = self._pool.submit(errand)
        except RuntimeError:
            self._room.release()
            return None
        begun.add_done_callback(lambda _: self._room.release())
        return begun
