"""What one destination does not take is told elsewhere: that it fails, what was not told there, and when that is over.

Told is the receiver's fallback; where it has none the root route's receiver, if that is another one. The log, a metric
and the page say it in any case. What fails of such a message itself is told nowhere else: it would never end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from config.schema import Configuration, Receiver
from outbox.database import StoreError
from outbox.losses import LossKind
from outbox.store import Store
from outbox.trouble import Said
from outbox.untold import Watched
from pipeline.addresses import addresses
from pipeline.background import Background

_LOOK_SECONDS = 2.0
# Of a storm of deaths the first message should tell more than the first.
_GATHER_SECONDS = 0.25
_FALLBACK_AFTER_SECONDS = 120.0
_LOSSES: tuple[LossKind, ...] = ("rejected", "unplanned")

_log = structlog.get_logger("fallback")


class Fallback(Background):
    """Looks for destinations in trouble, in a thread of its own.

    Args:
        configuration: the one that holds now.
        planned: called when there is something to deliver.
    """

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        store: Store,
        clock: Callable[[], datetime],
        planned: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("fallback")
        self._configuration = configuration
        self._store = store
        self._clock = clock
        self._planned = planned
        self._bell = threading.Event()

    def ring(self) -> None:
        """Have it look at once."""
        self._bell.set()

    def look(self) -> None:
        """Look at each destination that may be in trouble, and see to it that what is to be said is delivered.

        Raises:
            StoreError: not all was looked at.
        """
        for destination in self._store.announcements.suspects():
            try:
                said = self._store.announcements.announce(self._watched(destination), self._clock())
            except StoreError:
                raise
            except Exception:
                # The others' trouble is to be told all the same.
                _log.exception("a destination's trouble was not looked at", destination=destination)
                continue
            self._tell(said, destination=destination)
        configuration = self._configuration()
        root = configuration.receiver(configuration.file.route.receiver or "")
        for kind in _LOSSES:
            page_url = configuration.file.external_url or ""
            self._tell(self._store.losses.announce(kind, addresses(root), page_url, self._clock()), losses=kind)

    def _interrupt(self) -> None:
        self._bell.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except StoreError as error:
                _log.error("cannot look for trouble", error=str(error))
            except Exception:
                # Whatever it is, the next trouble is to be told all the same.
                _log.exception("looking for trouble was interrupted")
            if self._bell.wait(_LOOK_SECONDS):
                self._stopping.wait(_GATHER_SECONDS)
                self._bell.clear()

    def _tell(self, said: Said | None, **about: str) -> None:
        if said is None:
            return
        log = _log.info if said.step == "end" else _log.error
        log("trouble is over" if said.step == "end" else "trouble", summary=said.summary, told=said.told, **about)
        if said.told:
            self._planned()

    def _watched(self, destination: str) -> Watched:
        configuration = self._configuration()
        name = destination.rsplit("/", 2)[0]
        receiver = configuration.receiver(name)
        after_seconds = receiver.fallback_after_seconds if receiver else _FALLBACK_AFTER_SECONDS
        told = told_instead(configuration, name)
        page_url = configuration.file.external_url or ""
        return Watched(destination, after_seconds, addresses(told), page_url)


def told_instead(configuration: Configuration, name: str) -> Receiver | None:
    """Who is told what a receiver does not take: its fallback, else the root's, if that is another one; else nobody.

    Args:
        name: the receiver's; it may be gone from the configuration.
    """
    receiver = configuration.receiver(name)
    if receiver is not None and receiver.fallback:
        return configuration.receiver(receiver.fallback)
    root = configuration.file.route.receiver or ""
    return configuration.receiver(root) if root != name else None
