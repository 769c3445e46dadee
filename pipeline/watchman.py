"""What is expected and does not come is told, and that it is back: by whichever process finds out first, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import structlog

from alerts.matchers import all_match
from alerts.model import AlertGroup
from config.schema import Configuration
from config.watching import WatchdogSettings
from outbox.database import StoreError
from outbox.store import Store
from outbox.watchdogs import Watch
from pipeline.addresses import addresses
from pipeline.background import Background

_LOOK_SECONDS = 2.0

_log = structlog.get_logger("watchman")


class Watchman(Background):
    """Listens for what is expected, in a thread of its own.

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
        super().__init__("watchman")
        self._configuration = configuration
        self._store = store
        self._clock = clock
        self._planned = planned

    def look(self) -> None:
        """Look once, and see to it that what is to be said is delivered.

        Raises:
            StoreError: nothing was looked at, or said.
        """
        watches = list(_watches(self._configuration()))
        # One that is taken out of the configuration is to end.
        if not watches and not self._store.watchdogs.any():
            return
        for said in self._store.watchdogs.look(watches, self._clock()):
            log = _log.info if said.step == "end" else _log.error
            log("watchdog", summary=said.summary, told=said.told)
            if said.told:
                self._planned()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except StoreError as error:
                _log.error("cannot look for what is expected", error=str(error))
            except Exception:
                # Whatever it is, the next silence is to be told all the same.
                _log.exception("looking for what is expected was interrupted")
            self._stopping.wait(_LOOK_SECONDS)


def heard(watchdogs: Sequence[WatchdogSettings], groups: Iterable[AlertGroup]) -> list[str]:
    """The keys of those of which something fires."""
    if not watchdogs:
        return []
    firing = [alert.labels for group in groups for alert in group.firing]
    return [each.key for each in watchdogs if any(all_match(each.matchers, labels) for labels in firing)]


def _watches(configuration: Configuration) -> Iterable[Watch]:
    page_url = configuration.file.external_url or ""
    for each in configuration.file.watchdogs:
        told = addresses(configuration.receiver(each.receiver))
        yield Watch(each.key, each.name, each.within, told, page_url)
