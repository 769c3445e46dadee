"""Tell it: take what is due, send it, keep what came of it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog

import telemetry
from actions import Action
from alerts.notification import Receipt, SendError
from config.schema import DeliverySettings
from outbox import retry
from outbox.database import StoreError
from outbox.rows import Delivery
from outbox.store import Store
from pipeline.wake import Wake

SENDS_AT_ONCE = 8
_SEND_SECONDS = 10.0
# Of a lease: kept for settling after the send, and too little to begin one.
_SETTLE_SECONDS = 2.0
_RETRY_SECONDS = 0.5

_log = structlog.get_logger("deliver")


class Deliverer:
    """Delivers in threads of its own.

    Args:
        actions: by destination.
    """

    def __init__(
        self,
        settings: DeliverySettings,
        store: Store,
        actions: Mapping[str, Action],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._store = store
        self._actions = actions
        self._clock = clock
        self.wake = Wake()
        self._stopping = threading.Event()
        self._senders = ThreadPoolExecutor(SENDS_AT_ONCE, "send")
        self._free = threading.Semaphore(SENDS_AT_ONCE)
        self._thread = threading.Thread(target=self._work, name="deliverer", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Begin nothing more, and wait for the sends in hand.

        They end within twelve seconds while the storage answers, and with their lease while it does not.
        """
        self._stopping.set()
        self.wake.ring()
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)
        self._senders.shutdown(wait=True, cancel_futures=True)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:
                # Whatever it is, the next delivery is to be made all the same.
                _log.exception("delivering was interrupted")
                self._stopping.wait(_RETRY_SECONDS)

    def _turn(self) -> None:
        free = self._take_free()
        claimed: list[Delivery] = []
        try:
            claimed = self._claim(free) if free else []
        finally:
            for _ in range(free - len(claimed)):
                self._free.release()
        for delivery in claimed:
            self._senders.submit(self._send, delivery)
        if not claimed:
            self.wake.wait()

    def _take_free(self) -> int:
        free = 0
        while self._free.acquire(blocking=False):
            free += 1
        return free

    def _claim(self, limit: int) -> list[Delivery]:
        try:
            return self._store.claim_deliveries(self._clock(), self._settings.lease, limit)
        except StoreError as error:
            _log.error("cannot look for deliveries", error=str(error))
            self._stopping.wait(_RETRY_SECONDS)
            return []

    def _send(self, delivery: Delivery) -> None:
        notification = delivery.notification
        context = {
            "event_id": delivery.event_id,
            "delivery_id": delivery.id,
            "group": notification.group.group_key[:200],
            "destination": notification.destination,
        }
        try:
            with structlog.contextvars.bound_contextvars(**context):
                left = (delivery.lease_until - self._clock()).total_seconds() - _SETTLE_SECONDS
                if left > 0 and not self._stopping.is_set():
                    self._settle(delivery, self._attempt(delivery, min(left, _SEND_SECONDS)))
        except Exception:
            _log.exception("a delivery was not finished; it comes back with its lease")
        finally:
            self._free.release()
            self.wake.ring()

    def _attempt(self, delivery: Delivery, deadline_seconds: float) -> Receipt | SendError:
        if delivery.unreadable:
            return SendError(delivery.unreadable, permanent=True)
        action = self._actions.get(delivery.notification.destination)
        if action is None:
            return SendError("the configuration has no such receiver and action any more", permanent=True)
        try:
            return action.send(delivery.notification, delivery.thread, deadline_seconds)
        except SendError as error:
            return error
        except Exception as error:
            _log.exception("the action failed")
            return SendError(f"the action failed: {type(error).__name__}")

    def _settle(self, delivery: Delivery, result: Receipt | SendError) -> None:
        now = self._clock()
        outcome = retry.decide(
            result,
            attempts=delivery.attempts,
            first_due_at=delivery.received_at,
            now=now,
            retry_for_seconds=self._settings.retry_for,
            random=random.random,
        )
        thread = result.thread.told(delivery.notification, now) if isinstance(result, Receipt) else None
        while True:
            try:
                kept = self._store.settle(delivery, outcome, thread, now)
                break
            except StoreError as error:
                _log.error("cannot keep an outcome", error=str(error))
                if self._clock() + timedelta(seconds=_RETRY_SECONDS) > delivery.lease_until:
                    return
                time.sleep(_RETRY_SECONDS)
        if kept:
            self._tell(delivery, outcome, (now - delivery.received_at).total_seconds())
        else:
            _log.warning("the lease was lost; another process decides", detail=outcome.detail)

    def _tell(self, delivery: Delivery, outcome: retry.Outcome, seconds: float) -> None:
        notification = delivery.notification
        telemetry.DELIVERIES.labels(notification.receiver, notification.action, outcome.word).inc()
        if outcome.state == "delivered":
            telemetry.WEBHOOK_TO_DELIVERED_SECONDS.observe(max(0.0, seconds))
        log = {"delivered": _log.info, "pending": _log.warning, "dead": _log.error}[outcome.state]
        log(outcome.word, attempts=delivery.attempts, detail=outcome.detail, seconds=round(seconds, 3))
