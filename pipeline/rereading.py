"""What was found of a group is looked up once more, a while after a destination with a timeline began to hold it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from outbox.database import StoreError
from outbox.store import Store
from pipeline.background import Background

_LOOK_SECONDS = 2.0
_GROUPS_AT_ONCE = 200

_log = structlog.get_logger("reread")


class Rereading(Background):
    """Looks for groups whose time has come, in a thread of its own.

    Args:
        accepted: called when there is something to plan.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime], accepted: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__("rereading")
        self._store = store
        self._clock = clock
        self._accepted = accepted

    def look(self) -> int:
        """Have groups looked up again whose time has come; how many.

        Raises:
            StoreError: not all were asked for; they are the next time.
        """
        # What was asked for last is to be planned first, be it this process' or another's.
        if not self._store.rereads_due(self._clock()) or self._store.waits("reread"):
            return 0
        count = self._store.have_reread(self._clock(), _GROUPS_AT_ONCE)
        if count:
            self._accepted()
        return count

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except StoreError as error:
                _log.error("cannot look for what is to be looked up again", error=str(error))
            except Exception:
                # Whatever it is, the next is to be looked up all the same.
                _log.exception("looking for what is to be looked up again was interrupted")
            self._stopping.wait(_LOOK_SECONDS)
