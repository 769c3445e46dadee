"""What came of attempts, on its way into the database: a thread of its own keeps all that has gathered, at once.

Who has sent something goes on to send the next: it waits for no commit, and nobody need be woken after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from outbox.database import StoreError
from outbox.settling import Settlement

_RETRY_SECONDS = 0.5
_AT_ONCE = 200

_log = structlog.get_logger("deliver")


class Outcomes:
    """Keeps outcomes, each however often it takes while its delivery's lease lasts.

    Args:
        keep: keeps some in one transaction; False for what this process did not hold any more.
        kept: called with each, and whether it was kept.
    """

    def __init__(
        self,
        keep: Callable[[Sequence[Settlement]], Sequence[bool]],
        kept: Callable[[Settlement, bool], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._keep = keep
        self._kept = kept
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._waiting: list[Settlement] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="outcomes", daemon=True)

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

    def _work(self) -> None:
        while some := self._next():
            try:
                self._keep_all(some)
            except Exception:
                # Each comes back with its lease; the next are kept all the same.
                _log.exception("outcomes were not kept")

    def _next(self) -> list[Settlement]:
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            some, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            return some

    def _keep_all(self, some: Sequence[Settlement]) -> None:
        while some:
            try:
                for settlement, kept in zip(some, self._keep(some), strict=True):
                    self._kept(settlement, kept)
                return
            except StoreError as error:
                _log.error("cannot keep an outcome", error=str(error))
            except Exception:
                if len(some) == 1:
                    raise
                for settlement in some:
                    self._keep_alone(settlement)
                return
            some = self._after_a_while(some)

    def _keep_alone(self, settlement: Settlement) -> None:
        try:
            self._keep_all([settlement])
        except Exception:
            _log.exception("an outcome is not kept; its delivery comes back", delivery_id=settlement.delivery.id)

    def _after_a_while(self, some: Sequence[Settlement]) -> list[Settlement]:
        """Those whose leases still last then."""
        until = self._clock() + timedelta(seconds=_RETRY_SECONDS)
        lasting = [each for each in some if each.delivery.lease_until > until]
        for each in some:
            if each.delivery.lease_until <= until:
                self._kept(each, False)
        if lasting:
            threading.Event().wait(_RETRY_SECONDS)
        return lasting
