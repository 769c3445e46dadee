"""The pipeline of one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

import telemetry
from alerts import taken
from alerts.remediation import Approval
from alerts.timeline import Acknowledgement
from config.schema import Configuration
from outbox.database import StoreError
from outbox.records import DeliveryStatus, EventStatus
from outbox.store import Store
from pipeline import traces
from pipeline.accept import accept, reject
from pipeline.deliver import Deliverer
from pipeline.explain import explain
from pipeline.fallback import Fallback
from pipeline.heartbeat import Heartbeat
from pipeline.pictures import Pictures
from pipeline.plan import Planner
from pipeline.release import Release
from pipeline.remedies import Remedies
from pipeline.rereading import Rereading
from pipeline.running import Running
from pipeline.tidy import Tidy
from pipeline.watchman import Watchman

_LOOK_SECONDS = 0.02

_log = structlog.get_logger("pipeline")


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class Pipeline:
    """Accepts, plans and delivers.

    Attributes:
        running: what it does so with. Another may be put there at any time: it holds from each thread's next turn on.
    """

    def __init__(self, running: Running, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        self.running = running
        self.store = store
        self._clock = clock
        self._deliverer = Deliverer(lambda: self.running, store, clock, died=self._died)
        self._fallback = Fallback(lambda: self.configuration, store, clock, planned=self._deliverer.wake.ring)
        self._planner = Planner(lambda: self.running, store, clock, planned=self._deliverer.expect)
        self._tidy = Tidy(lambda: self.configuration, store, clock, accepted=self._planner.wake.ring)
        self._release = Release(lambda: self.running, store, clock, accepted=self._planner.wake.ring)
        self._rereading = Rereading(store, clock, accepted=self._planner.wake.ring)
        self._remedies = Remedies(lambda: self.running, store, clock, told=self._deliverer.expect)
        self._watchman = Watchman(lambda: self.configuration, store, clock, planned=self._deliverer.wake.ring)
        self._heartbeat = Heartbeat(lambda: self.running, store, clock, ailing=self._ailing)
        self._listener = store.listener(self._planner.wake.ring, self._deliverer.wake.ring)

    @property
    def configuration(self) -> Configuration:
        """The one that holds now."""
        return self.running.configuration

    @property
    def pictures(self) -> Pictures:
        """Those of readings."""
        return self.running.pictures

    @property
    def destinations(self) -> tuple[str, ...]:
        """Those that the configuration knows."""
        return tuple(self.running.actions)

    @property
    def alive(self) -> bool:
        """Whether its threads run."""
        threads = (
            self._planner,
            self._deliverer,
            self._fallback,
            self._tidy,
            self._release,
            self._rereading,
            self._remedies,
            self._watchman,
            self._heartbeat,
        )
        return all(each.alive for each in threads)

    @property
    def stuck(self) -> bool:
        """Whether the database does not take what this process has planned."""
        return self._planner.stuck

    def now(self) -> datetime:
        """The time by its clock."""
        return self._clock()

    def start(self) -> None:
        """Begin to plan and deliver."""
        telemetry.WORKER_STARTS.inc()
        telemetry.WORKERS.set(1)
        self._planner.start()
        self._deliverer.start()
        self._fallback.start()
        self._tidy.start()
        self._release.start()
        self._rereading.start()
        self._remedies.start()
        self._watchman.start()
        self._heartbeat.start()
        self._listener.start()

    def stop(self, timeout_seconds: float) -> None:
        """Finish what is in hand, and give back what is not begun.

        Args:
            timeout_seconds: for each of planning and delivering.
        """
        self._listener.stop()
        self._heartbeat.stop(timeout_seconds)
        self._watchman.stop(timeout_seconds)
        self._remedies.stop(timeout_seconds)
        self._rereading.stop(timeout_seconds)
        self._release.stop(timeout_seconds)
        self._tidy.stop(timeout_seconds)
        self._fallback.stop(timeout_seconds)
        self._planner.stop(timeout_seconds)
        self._deliverer.stop(timeout_seconds)
        try:
            self.store.release(self.store.owner)
        except StoreError as error:
            _log.error("cannot give back what is held; it comes back with its lease", error=str(error))

    def accept(self, body: bytes) -> int:
        """Keep a payload and see to it that it is planned; see `pipeline.accept.accept`."""
        event_id = accept(body, self.store, self._clock(), self.configuration.file.watchdogs)
        self._planner.wake.ring()
        return event_id

    def acknowledge(self, group_key: str, acknowledgement: Acknowledgement) -> int:
        """Keep that somebody has taken a group over, and have all who hold something of it hear of that.

        Args:
            group_key: of a group that was heard of; of one that is over by then nothing is told.

        Returns:
            The event's id.

        Raises:
            StoreError: it is not kept.
        """
        now = self._clock()
        # Another's clock may be ahead, or wrong.
        said = replace(acknowledgement, at=min(acknowledgement.at, now))
        event_id = self.store.accept(taken.rendered(group_key, said), now, kind="taken")
        self._planner.wake.ring()
        return event_id

    def approve(self, token: str, who: str, name: str, via: Approval, question: str | None = None) -> str:
        """Have something done about an alert that waits for somebody's leave.

        Args:
            token: the remediation's.
            who: as the rule's `approvers` has them: a Slack user's id, a log-in of the page.
            name: as people call them.
            question: that they were shown; None where it is not known what they were.

        Returns:
            Why it is not kept, in words for them; "" where it is.

        Raises:
            StoreError: it is not kept.
        """
        return self._remedies.decide(token, who, name, via, question, approved=True)

    def decline(self, token: str, who: str, name: str, via: Approval, question: str | None = None) -> str:
        """Have it not done; see `approve`."""
        return self._remedies.decide(token, who, name, via, question, approved=False)

    def switch_remediation(self, on: bool, by: str) -> None:
        """Have nothing done about alerts any more, by any process; or have it done again.

        Raises:
            StoreError: it is not kept.
        """
        self.store.remediations.turn(on, by, self._clock())
        _log.warning("remediation was switched", on=on, by=by[:200])

    def event(self, event_id: int) -> EventStatus | None:
        """What became of an event; of one that is told with another, what became of that. None when there is none.

        Raises:
            StoreError: the database does not answer.
        """
        status = self.store.event(event_id)
        if status is None or status.state != "merged" or status.duplicate_of is None:
            return status
        teller = self.store.event(status.duplicate_of)
        return replace(status, deliveries=teller.deliveries) if teller is not None else status

    def trace(self, event_id: int) -> dict[str, Any] | None:
        """Why an event's alerts went where they did, as JSON has it; None where that is not known any more.

        Raises:
            StoreError: the database does not answer.
        """
        return traces.told(self.store, event_id)

    def explain(self, body: bytes, at: datetime | None = None) -> dict[str, Any]:
        """Say who would be told what of a payload, and why, without keeping or telling anything; see `explain.explain`.

        Args:
            at: as if it came then; now, unless given.
        """
        return explain(body, self.running, self.store, at or self._clock())

    def retry(self, delivery: DeliveryStatus) -> str | None:
        """Have a delivery tried again at once, if its destination is not paused.

        Returns:
            Why not; None when it is.

        Raises:
            StoreError: it is not.
        """
        refused = self.store.queue.retry(delivery.id, self._clock())
        self._deliverer.wake.ring()
        return refused

    def drop(self, delivery: DeliveryStatus) -> str | None:
        """Have a delivery never sent.

        Returns:
            Why not; None when it is dropped.

        Raises:
            StoreError: it is not.
        """
        refused = self.store.queue.drop(delivery.id, self._clock())
        if refused is None:
            telemetry.DELIVERIES.labels(delivery.receiver, delivery.action, "suppressed").inc()
            # What waited behind it need not wait any more.
            self._deliverer.wake.ring()
        return refused

    def reject(self, error: str, body: bytes = b"") -> None:
        """Keep what is answered with an error, as far as that is possible; see `pipeline.accept.reject`."""
        reject(error, body, self.store, self._clock())

    def _ailing(self) -> str:
        """What is wrong with this process, in words; "" where nothing is."""
        if not self.alive:
            return "not all of the pipeline's threads run"
        return "the storage does not take what is planned" if self.stuck else ""

    def _died(self) -> None:
        self._fallback.ring()

    def wait(self, event_id: int, timeout_seconds: float) -> EventStatus | None:
        """Wait until each delivery of an event has been tried, or time is up.

        Raises:
            StoreError: the database does not answer.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            status = self.event(event_id)
            if status is None or status.settled or time.monotonic() >= deadline:
                return status
            time.sleep(_LOOK_SECONDS)
