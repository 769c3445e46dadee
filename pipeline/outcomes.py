"""What came of attempts, on its way into the database: a thread of its own keeps all that has gathered, at once.

Who has sent something goes on to send the next: it waits for no commit, and nobody need be woken after it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from outbox.database import StoreError
from outbox.settling import Settlement
from outbox.store import Store
from pipeline.background import shown

_RETRY_SECONDS = 0.5
_AT_ONCE = 200

_log = structlog.get_logger("deliver")


class Outcomes:
    """Keeps outcomes, each however often it takes while its delivery's lease lasts.

    Args:
        tell: called with each, and whether it was kept.
    """

    def __init__(self, store: Store, tell: Callable[[Settlement, bool], None], clock: Callable[[], datetime]) -> None:
        self._store = store
        self._tell = tell
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._waiting: list[Settlement] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="outcomes", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def add(self, settlement: Settlement) -> None:
        """Keep this, too."""
        with self._changed:
            self._waiting.append(settlement)
            if len(self._waiting) == 1:
                self._changed.notify()

    def stop(self) -> None:
        """Keep what there is, and end; while the storage does not answer that takes as long as the leases last."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with shown(self._thread.name):
            self._work()

    def _work(self) -> None:
        again: list[Settlement] = []
        while some := [*again, *self._next(_AT_ONCE - len(again), wait=not again)]:
            try:
                again = self._keep(some)
            except Exception:
                # Each comes back with its lease; the next are kept all the same.
                _log.exception("outcomes were not kept")
                again = []
            if again:
                time.sleep(_RETRY_SECONDS)

    def _next(self, at_most: int, *, wait: bool) -> list[Settlement]:
        with self._changed:
            while wait and not self._waiting and not self._stopping:
                self._changed.wait()
            some, self._waiting = self._waiting[:at_most], self._waiting[at_most:]
            return some

    def _keep(self, some: Sequence[Settlement]) -> list[Settlement]:
        """Try to keep some; those that are to be tried again, whose leases still last then."""
        results: Sequence[bool | Exception]
        try:
            results = self._store.queue.settle(some)
        except StoreError as error:
            _log.error("cannot keep an outcome", error=str(error))
            results = [error] * len(some)
        until = self._clock() + timedelta(seconds=_RETRY_SECONDS)
        again = []
        for settlement, result in zip(some, results, strict=True):
            if isinstance(result, StoreError) and settlement.delivery.lease_until > until:
                again.append(settlement)
            elif isinstance(result, bool | StoreError):
                self._tell(settlement, result is True)
            else:
                _log.error("an outcome is not kept", exc_info=result, delivery_id=settlement.delivery.id)
        return again
