"""Tell it: take what is due, send it, keep what came of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

import telemetry
from alerts.notification import Notification, Receipt, SendError, Thread
from outbox import retry
from outbox.database import StoreError
from outbox.lanes import Lane
from outbox.queue import Claim
from outbox.records import BESIDE, Delivery
from outbox.settling import Settlement
from outbox.store import Store
from pipeline.background import Background
from pipeline.outcomes import Outcomes
from pipeline.running import Current, Running
from pipeline.senders import Senders
from pipeline.wake import Wake

_SEND_SECONDS = 10.0
# Of a lease: kept for settling after the send, and too little to begin one.
_SETTLE_SECONDS = 2.0
_RETRY_SECONDS = 0.5
_LOOK_SECONDS = 0.02
_GATHER_SECONDS = 0.01
# While replicas are replaced, some know of a destination that others do not know yet.
_UNKNOWN_FOR_SECONDS = 300.0
_UNKNOWN_AT_ONCE = 10
_LANES_AT_ONCE = 32

_log = structlog.get_logger("deliver")


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A delivery, and what ran when it was claimed: a receiver that is changed or gone since is told all the same."""

    delivery: Delivery
    running: Running


class Deliverer(Background):
    """Delivers in threads of its own.

    Args:
        current: asked once for each claim, whose deliveries are sent with what it says.
        died: called after a delivery has died.
    """

    def __init__(
        self,
        current: Current,
        store: Store,
        clock: Callable[[], datetime],
        died: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("deliverer")
        self._current = current
        self._store = store
        self._clock = clock
        self._died = died
        self.wake = Wake()
        self._senders: Senders[_Claimed] = Senders(self._send, self._give_back, self.wake.ring)
        self._outcomes = Outcomes(store, self._tell, clock)
        self._next_at = 0.0
        self._more = False
        self._expected: set[str] = set()
        self._first = 0
        self._unknown_since: dict[str, datetime] = {}

    @property
    def alive(self) -> bool:
        """Whether its threads run."""
        return super().alive and self._outcomes.alive

    def start(self) -> None:
        """Begin."""
        self._outcomes.start()
        super().start()

    def stop(self, timeout_seconds: float) -> None:
        """Begin nothing more, and wait for the sends in hand.

        They end within twelve seconds while the storage answers, and with their lease while it does not.
        """
        super().stop(timeout_seconds)
        self._senders.stop()
        self._outcomes.stop()

    def _interrupt(self) -> None:
        self.wake.ring()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except StoreError as error:
                _log.error("cannot look for deliveries", error=str(error))
                self._stopping.wait(_RETRY_SECONDS)
            except Exception:
                # Whatever it is, the next delivery is to be made all the same.
                _log.exception("delivering was interrupted")
                self._stopping.wait(_RETRY_SECONDS)

    def _turn(self) -> None:
        # While there is much to do, each turn is to take much: who asks costs more than what it is given.
        self._stopping.wait(max(0.0, self._next_at - time.monotonic()))
        busy = self._senders.grow()
        expected, self._expected = self._expected, set()
        # After that: who planned for a destination knew it.
        running = self._current()
        claim = self._claim(running, expected)
        if busy or claim.deliveries:
            self._next_at = time.monotonic() + _GATHER_SECONDS
        by_destination: dict[str, list[_Claimed]] = {}
        for delivery in claim.deliveries:
            by_destination.setdefault(delivery.destination, []).append(_Claimed(delivery, running))
        for destination, claimed in by_destination.items():
            self._senders.add(destination, claimed)
        for (destination, state), count in Counter(claim.settled).items():
            receiver, action, _ = destination.rsplit("/", 2)
            telemetry.DELIVERIES.labels(receiver, action, state).inc(count)
        self._more = claim.more
        if not claim.deliveries and not claim.settled:
            at_most = _LOOK_SECONDS if busy else None
            if claim.look_at is not None:
                soon = max(0.001, (claim.look_at - self._clock()).total_seconds())
                at_most = soon if at_most is None else min(soon, at_most)
            self.wake.wait(at_most)

    def expect(self, destinations: Iterable[str]) -> None:
        """Something was planned for these."""
        self._expected.update(destinations)
        self.wake.ring()

    def _claim(self, running: Running, expected: set[str]) -> Claim:
        lease_seconds = running.configuration.file.delivery.lease
        lanes = {name: lane for name, lane in running.lanes.items() if self._senders.room(name)}
        if expected and not self._more:
            lanes = {name: lane for name, lane in lanes.items() if name in expected}
        elif not self._more:
            # Only to look is cheaper than to ask for what is not there.
            waiting = self._store.queue.waiting(self._clock(), lease_seconds)
            unknown = {name: Lane(name, _UNKNOWN_AT_ONCE) for name in self._given_up(waiting, running)}
            lanes = {name: lane for name, lane in lanes.items() if name in waiting}
            lanes |= {name: lane for name, lane in unknown.items() if self._senders.room(name)}
        if not lanes:
            return Claim()
        asked = [replace(lane, limit=self._senders.room(name)) for name, lane in lanes.items()]
        if len(asked) > _LANES_AT_ONCE:
            # One after the other: others want to write, too.
            self._first = (self._first + _LANES_AT_ONCE) % len(asked)
            asked = (asked[self._first :] + asked[: self._first])[:_LANES_AT_ONCE]
        return self._store.queue.claim(asked, self._clock(), lease_seconds)

    def _given_up(self, waiting: Iterable[str], running: Running) -> list[str]:
        """Those of these destinations that the configuration has not known for so long that nobody else will."""
        now = self._clock()
        unknown = [name for name in waiting if name not in running.lanes]
        self._unknown_since = {name: self._unknown_since.get(name, now) for name in unknown}
        long_ago = now - timedelta(seconds=_UNKNOWN_FOR_SECONDS)
        return [name for name in unknown if self._unknown_since[name] <= long_ago]

    def _send(self, claimed: _Claimed) -> bool:
        delivery = claimed.delivery
        try:
            with structlog.contextvars.bound_contextvars(**_context(delivery)):
                left = (delivery.lease_until - self._clock()).total_seconds() - _SETTLE_SECONDS
                if left <= 0 or self._stopping.is_set():
                    self._give_back(claimed)
                    return True
                result = self._attempt(claimed, min(left, _SEND_SECONDS))
                self._settle(claimed, result)
                return isinstance(result, Receipt) or result.permanent
        except Exception:
            _log.exception("a delivery was not finished; it comes back with its lease")
            return False

    def _attempt(self, claimed: _Claimed, deadline_seconds: float) -> Receipt | SendError:
        delivery = claimed.delivery
        if delivery.unreadable:
            return SendError(delivery.unreadable, permanent=True)
        action = claimed.running.actions.get(delivery.destination)
        if action is None:
            return SendError("the configuration has no such receiver and action any more", permanent=True)
        telemetry.ATTEMPTS.labels(delivery.notification.receiver, delivery.notification.action).inc()
        try:
            notification = replace(
                _illustrated(delivery.notification, claimed.running),
                delivery_id=delivery.id,
                controls=claimed.running.controls,
            )
            return action.send(notification, delivery.thread, deadline_seconds)
        except SendError as error:
            return error
        except Exception as error:
            _log.exception("the action failed")
            return SendError(f"the action failed: {type(error).__name__}")

    def _settle(self, claimed: _Claimed, result: Receipt | SendError) -> None:
        delivery, now = claimed.delivery, self._clock()
        outcome = retry.decide(
            result,
            attempts=delivery.attempts,
            first_due_at=delivery.wanted_at,
            now=now,
            retry_for_seconds=claimed.running.configuration.file.delivery.retry_for,
            random=random.random,
        )
        if isinstance(result, Receipt) and result.template_errors:
            notification, errors = delivery.notification, result.template_errors
            telemetry.TEMPLATE_ERRORS.labels(notification.receiver, notification.action).inc(len(errors))
            _log.warning("templates failed; something plain was told", errors=list(errors), **_context(delivery))
        thread = None
        if delivery.kind in BESIDE:
            # It is told of no state; but the far side's handle may be another one by now.
            changed = isinstance(result, Receipt) and result.thread != delivery.thread
            thread = result.thread if isinstance(result, Receipt) and changed else None
        elif delivery.kind != "digest":
            if isinstance(result, Receipt):
                thread = result.thread.told(delivery.notification, now)
            elif outcome.state == "dead" and not (result.permanent and delivery.attempts == 1):
                thread = delivery.thread.doubted()
        known = delivery.destination in claimed.running.actions
        self._outcomes.add(
            Settlement(
                delivery,
                outcome,
                thread,
                result if known else None,
                now,
                random.random(),
                entries=result.entries if isinstance(result, Receipt) else (),
                reread_at=_reread_at(claimed, thread, now),
            )
        )

    def _give_back(self, claimed: _Claimed) -> None:
        try:
            self._store.queue.give_back(claimed.delivery)
        except StoreError as error:
            _log.error("cannot give a delivery back; it comes back with its lease", error=str(error))
        except Exception:
            # A thread that sends has others to send.
            _log.exception("a delivery was not given back; it comes back with its lease")

    def _tell(self, settlement: Settlement, kept: bool) -> None:
        delivery, outcome = settlement.delivery, settlement.outcome
        context = _context(delivery)
        if not kept:
            _log.warning("the lease was lost; another process decides", detail=outcome.detail, **context)
            return
        notification = delivery.notification
        seconds = (settlement.now - delivery.received_at).total_seconds()
        telemetry.DELIVERIES.labels(notification.receiver, notification.action, outcome.word).inc()
        if outcome.state == "delivered":
            telemetry.WEBHOOK_TO_DELIVERED_SECONDS.observe(max(0.0, seconds))
        log = {"delivered": _log.info, "pending": _log.warning, "dead": _log.error}[outcome.state]
        log(outcome.word, attempts=delivery.attempts, detail=outcome.detail, seconds=round(seconds, 3), **context)
        if outcome.state == "dead":
            self._died()


def _reread_at(claimed: _Claimed, thread: Thread | None, now: datetime) -> datetime | None:
    """When what was found is to be looked up again: once, a while after the destination began to hold the group."""
    delivery, after_seconds = claimed.delivery, claimed.running.configuration.file.enrichment.again_after
    begins = thread is not None and thread.open_fingerprints and not delivery.thread.open_fingerprints
    if not begins or not after_seconds or delivery.kind != "state":
        return None
    return now + timedelta(seconds=after_seconds) if delivery.destination in claimed.running.timelines else None


def _illustrated(notification: Notification, running: Running) -> Notification:
    """With the URLs of its pictures, where the destination shows them."""
    if notification.destination not in running.illustrated:
        return notification
    try:
        return replace(notification, images=running.pictures.images(notification))
    except Exception:
        # A defect of the pictures costs the pictures.
        _log.exception("no pictures can be shown")
        return notification


def _context(delivery: Delivery) -> dict[str, object]:
    """What a log line says of a delivery."""
    return {
        "event_id": delivery.event_id,
        "delivery_id": delivery.id,
        "group": delivery.notification.group.group_key[:200],
        "destination": delivery.destination,
    }
