"""Decide who is told what: events in, deliveries out, with all that could be found in time.

One process plans at a time, and commits in the order in which events came, so that no group's later state is planned
before an earlier one. What is slow is only enrichment: while one batch still waits for its answers, the next is
already asking, so that an event waits for its own batch's budget and not for those of others. In a storm several
batches ask together, so that Prometheus is asked a handful of questions and not some for each.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import islice

import structlog

from config.schema import Configuration
from outbox.database import StoreError
from outbox.records import Event, Plan
from outbox.store import Store
from pipeline.background import Background
from pipeline.cases import Case, Cases
from pipeline.commits import STUCK_AT_MOST, Commits, dead
from pipeline.decide import decide
from pipeline.lookups import Batch, Lookups
from pipeline.running import Current, Running
from pipeline.wake import Wake

_BATCHES_AT_ONCE = 8
_BATCH_HEAD_START_SECONDS = 0.25
_BATCH_WORTH_ITS_COST = 20
_GATHER_SECONDS = 0.01
_RETRY_SECONDS = 0.5
_ROUTING_SECONDS = 3_600.0
_TOLD_BY_NOBODY = "was to be told with another event, which cannot be planned"

_log = structlog.get_logger("plan")


class Planner(Background):
    """Plans in a thread of its own.

    Args:
        current: asked once for each batch, which is planned with what it says to the end.
        planned: called after each commit, with the destinations of what is to be delivered.
    """

    def __init__(
        self,
        current: Current,
        store: Store,
        clock: Callable[[], datetime],
        planned: Callable[[set[str]], None],
    ) -> None:
        super().__init__("planner")
        self._current = current
        self._store = store
        self._clock = clock
        self._cases = Cases(store)
        self._commits = Commits(store, planned)
        self._routing_kept: tuple[str, datetime] | None = None
        self._unplanned: set[int] = set()
        self._in_doubt_until = 0.0
        self._lookups = Lookups(_BATCHES_AT_ONCE)
        self._next_at = 0.0
        self.wake = Wake()

    @property
    def stuck(self) -> bool:
        """Whether there are plans that the database does not take."""
        return bool(self._commits.stuck)

    def stop(self, timeout_seconds: float) -> None:
        """Finish what is in hand."""
        super().stop(timeout_seconds)
        self._lookups.stop()

    def _interrupt(self) -> None:
        self.wake.ring()

    def _work(self) -> None:
        in_hand: deque[Batch] = deque()
        while in_hand or not self._stopping.is_set():
            try:
                self._turn(in_hand)
            except Exception:
                # Whatever it is, the next event is to be planned all the same.
                _log.exception("planning was interrupted")
                self._start_over(in_hand)
                self._stopping.wait(_RETRY_SECONDS)

    def _start_over(self, in_hand: deque[Batch]) -> None:
        """Let go of all that is in hand but what is stuck: it is taken again, in order, as if it had just come."""
        in_hand.clear()
        self._unplanned = {plan.event.id for plan in self._commits.stuck}
        self._cases.forget_all_but(self._unplanned)
        self._in_doubt_until = time.monotonic() + _lease_seconds(self._current())

    def _turn(self, in_hand: deque[Batch]) -> None:
        batch: list[Event] = []
        if len(in_hand) < _BATCHES_AT_ONCE and len(self._commits.stuck) < STUCK_AT_MOST and not self._stopping.is_set():
            batch = self._claim()
        if batch:
            # After the claim: what comes once another was loaded is planned with that.
            running = self._current()
            self._keep_routing(running.configuration)
            cases = self._prepared(running, batch, in_hand)
            in_hand.append(self._lookups.batch(running, cases))
            self._unplanned |= {case.event.id for case in cases}
            if len(batch) < _BATCH_WORTH_ITS_COST:
                # While they come one by one, what comes in the meantime is planned together.
                self._next_at = time.monotonic() + _GATHER_SECONDS
        self._lookups.ask(in_hand)
        if in_hand:
            in_hand[0].wait(_BATCH_HEAD_START_SECONDS)
        elif not batch:
            # Another plans just now, or there is nothing to do; each bell is not to be answered by a look.
            self._next_at = time.monotonic() + _GATHER_SECONDS
            self.wake.wait()
        if self._commits.due():
            self._keep([])
        while in_hand and in_hand[0].done:
            self._keep(self._planned(in_hand.popleft()))

    def _claim(self) -> list[Event]:
        in_doubt = time.monotonic() < self._in_doubt_until
        if in_doubt and self._unplanned:
            # What a failed claim may have taken comes before all else, and is known from what is in hand once that is
            # done.
            return []
        self._stopping.wait(max(0.0, self._next_at - time.monotonic()))
        lease_seconds = _lease_seconds(self._current())
        try:
            claimed = self._store.claim_events(self._clock(), lease_seconds, anew=in_doubt)
            self._in_doubt_until = 0.0
        except StoreError as error:
            self._in_doubt_until = time.monotonic() + lease_seconds
            _log.error("cannot look for events", error=str(error))
            self._stopping.wait(_RETRY_SECONDS)
            return []
        # What is stuck for longer than its lease comes again; its plan is made.
        return [event for event in claimed if event.id not in self._unplanned]

    def _keep_routing(self, configuration: Configuration) -> None:
        """What is decided now is to be explained later."""
        now, kept = self._clock(), self._routing_kept
        if kept and kept[0] == configuration.routing_id and abs((now - kept[1]).total_seconds()) < _ROUTING_SECONDS:
            return
        try:
            self._store.keep_routing(configuration.routing_id, configuration.routing, now)
            self._routing_kept = configuration.routing_id, now
        except StoreError as error:
            _log.error("cannot keep the routes", error=str(error))

    def _prepared(self, running: Running, batch: list[Event], in_hand: deque[Batch]) -> list[Case]:
        """What is known of a batch's groups; while that cannot be read, nothing else can be done either."""

        def drain() -> list[Plan]:
            while in_hand:
                self._keep(self._planned(in_hand.popleft()))
            return self._commits.stuck

        while True:
            try:
                return self._cases.prepare(batch, running.configuration, running.rules, self._clock(), drain)
            except StoreError as error:
                _log.error("cannot look for what is known", error=str(error))
                if self._stopping.wait(_RETRY_SECONDS):
                    return []

    def _keep(self, plans: list[Plan]) -> None:
        done = self._commits.keep(plans)
        self._cases.done(done)
        self._unplanned -= set(done)

    def _planned(self, batch: Batch) -> list[Plan]:
        """What becomes of a batch; one event that cannot be planned does not hold up the rest."""
        findings = iter(self._lookups.found(batch))
        plans = []
        for case in batch.cases:
            of_case = list(islice(findings, sum(len(heard.group.alerts) for heard in case.news)))
            try:
                plans.append(decide(batch.running.configuration, case, iter(of_case)))
            except Exception as error:
                plans.append(dead(case.event, error))
        failed = {plan.event.id for plan in plans if plan.error}
        return [replace(plan, error=_TOLD_BY_NOBODY) if plan.told_with in failed else plan for plan in plans]


def _lease_seconds(running: Running) -> float:
    """For how long events are held: long enough for the batches ahead of one, too."""
    settings = running.configuration.file
    return 2 * settings.enrichment.timeout + settings.delivery.lease
