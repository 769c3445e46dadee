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
from alerts.notification import Receipt, SendError
from outbox.database import StoreError
from outbox.lanes import Lane
from outbox.queue import Claim
from outbox.records import Delivery
from outbox.settling import Settlement
from outbox.store import Store
from pipeline.attempts import attempt, settlement
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
                result = attempt(delivery, claimed.running, min(left, _SEND_SECONDS))
                self._settle(claimed, result)
                return isinstance(result, Receipt) or result.permanent
        except Exception:
            _log.exception("a delivery was not finished; it comes back with its lease")
            return False

    def _settle(self, claimed: _Claimed, result: Receipt | SendError) -> None:
        delivery = claimed.delivery
        if isinstance(result, Receipt):
            _warn(delivery, result)
        self._outcomes.add(settlement(delivery, claimed.running, result, self._clock(), random.random))

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
        if settlement.entries:
            # Somebody may be waiting to hear of these.
            self.expect([delivery.destination])
        notification = delivery.notification
        seconds = (settlement.now - delivery.received_at).total_seconds()
        labels = (notification.receiver, notification.action)
        telemetry.DELIVERIES.labels(*labels, outcome.word).inc()
        if outcome.state == "delivered":
            telemetry.WEBHOOK_TO_DELIVERED_SECONDS.labels(*labels).observe(max(0.0, seconds))
        log = {"delivered": _log.info, "pending": _log.warning, "dead": _log.error}[outcome.state]
        log(outcome.word, attempts=delivery.attempts, detail=outcome.detail, seconds=round(seconds, 3), **context)
        if outcome.state == "dead":
            self._died()


def _warn(delivery: Delivery, receipt: Receipt) -> None:
    """Log and count what somebody has to see to though it was told."""
    labels = (delivery.notification.receiver, delivery.notification.action)
    if errors := receipt.template_errors:
        telemetry.TEMPLATE_ERRORS.labels(*labels).inc(len(errors))
        _log.warning("templates failed; something plain was told", errors=list(errors), **_context(delivery))
    if warnings := receipt.warnings:
        telemetry.DELIVERY_WARNINGS.labels(*labels).inc(len(warnings))
        _log.warning("somebody has to see to it there", warnings=list(warnings), **_context(delivery))


def _context(delivery: Delivery) -> dict[str, object]:
    """What a log line says of a delivery."""
    return {
        "event_id": delivery.event_id,
        "delivery_id": delivery.id,
        "group": delivery.notification.group.group_key[:200],
        "destination": delivery.destination,
    }
