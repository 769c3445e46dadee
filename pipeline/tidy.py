"""Housekeeping: what was not heard of for long is taken as over, and what is finished and old is deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from alerts import lapse
from alerts.model import Alert
from config.schema import Configuration
from outbox.database import StoreError
from outbox.store import Store
from pipeline.background import Background

_EVERY_SECONDS = 10.0
# Between two transactions, so that those who accept and deliver come first.
_PAUSE_SECONDS = 0.05
_LAPSES_AT_ONCE = 500
# Whoever could not be heard was not silent: Alertmanager comes back within its group_interval.
_LISTEN_FIRST_SECONDS = 900.0
# What does not lapse when it is asked to is not asked again at once.
_ASK_AGAIN_SECONDS = 600.0

_log = structlog.get_logger("tidy")


class Tidy(Background):
    """Tidies up in a thread of its own.

    Args:
        configuration: the one that holds now.
        accepted: called when there is something to plan.
    """

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        store: Store,
        clock: Callable[[], datetime],
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("tidy")
        self._configuration = configuration
        self._store = store
        self._clock = clock
        self._accepted = accepted
        self._listening_since = clock()
        self._asked: dict[tuple[str, str], datetime] = {}

    def start(self) -> None:
        """Begin."""
        self._listening_since = self._clock()
        super().start()

    def lapse(self) -> int:
        """Have alerts that were not heard of for `stale_after` taken as over, by events like any other.

        Returns:
            How many events that takes.

        Raises:
            StoreError: not all were kept.
        """
        now = self._clock()
        stale_after = timedelta(seconds=self._configuration().file.delivery.stale_after)
        listened = (now - self._listening_since).total_seconds()
        if listened < min(_LISTEN_FIRST_SECONDS, stale_after.total_seconds()):
            return 0
        silent = self._store.silent_alerts(now - stale_after, _LAPSES_AT_ONCE)
        self._asked = {
            key: at for key, at in self._asked.items() if 0 <= (now - at).total_seconds() < _ASK_AGAIN_SECONDS
        }
        by_group: dict[str, list[Alert]] = {}
        for group_key, alert in silent:
            if (group_key, alert.fingerprint) not in self._asked:
                by_group.setdefault(group_key, []).append(alert)
        # What was asked for last is to be planned first, be it this process' or another's.
        if not by_group or self._store.waits("lapse"):
            return 0
        for group_key, alerts in by_group.items():
            event_id = self._store.accept(lapse.rendered(lapse.lapsed(group_key, alerts, now)), now, kind="lapse")
            self._asked |= {(group_key, alert.fingerprint): now for alert in alerts}
            _log.warning("not heard of for long", event_id=event_id, group=group_key[:200], alerts=len(alerts))
        self._accepted()
        return len(by_group)

    def clean(self) -> int:
        """Delete what is finished and older than `retention`, with pauses.

        Returns:
            How many rows went.

        Raises:
            StoreError: not all that could be was deleted.
        """
        count = 0
        retention = timedelta(seconds=self._configuration().file.storage.retention)
        for deleted in self._store.retention.sweep(self._clock() - retention):
            count += deleted
            if self._stopping.wait(_PAUSE_SECONDS):
                break
        if count:
            _log.info("deleted what is old", rows=count)
        return count

    def _work(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            for job in (self.lapse, self.clean):
                try:
                    job()
                except StoreError as error:
                    # What came in meanwhile was not taken.
                    self._listening_since = self._clock()
                    _log.error("cannot tidy up", job=job.__name__, error=str(error))
                except Exception:
                    _log.exception("tidying up was interrupted")
