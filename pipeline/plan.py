"""Decide who is told what: events in, deliveries out, with all that could be found in time.

One process plans at a time, and commits in the order in which events came, so that no group's later state is planned
before an earlier one. What is slow is only enrichment: while one batch still waits for its answers, the next is
already asking, so that an event waits for its own batch's budget and not for those of others.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

import structlog

import enrich
import telemetry
from alerts import payload
from alerts.model import Alert, AlertGroup
from alerts.notification import Finding, Gap, Notification
from config.schema import ActionConfig, Configuration
from outbox.database import StoreError
from outbox.rows import Event, Plan, Planned
from outbox.store import Store
from pipeline.wake import Wake
from routing import Hearing, route

_BATCHES_AT_ONCE = 8
_BATCH_HEAD_START_SECONDS = 0.25
_QUERIES_AT_ONCE = 16
# For what an enrichment does beside waiting: making the queries and reading the answers.
_GRACE_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_STUCK_AT_MOST = 200
_FAILURES_IN_A_ROW = 3

_log = structlog.get_logger("plan")

Findings = dict[int, tuple[Finding, ...]]
"""What was found, by the alert's position in its batch."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    """An event and the groups in it, or why it has none."""

    event: Event
    groups: tuple[AlertGroup, ...] = ()
    error: str | None = None


class Planner:
    """Plans in a thread of its own.

    Args:
        planned: called after each commit.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        enrichers: Sequence[enrich.Enricher],
        prometheus: enrich.Prometheus | None,
        clock: Callable[[], datetime],
        planned: Callable[[], None],
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._enrichers = enrichers
        self._prometheus = prometheus
        self._clock = clock
        self._planned = planned
        self.wake = Wake()
        self._stopping = threading.Event()
        self._stuck: list[Plan] = []
        self._retry_at = 0.0
        self._batches = ThreadPoolExecutor(_BATCHES_AT_ONCE, "plan")
        self._enrichments = ThreadPoolExecutor(_BATCHES_AT_ONCE, "enrich")
        self._queries = ThreadPoolExecutor(_QUERIES_AT_ONCE, "query")
        self._thread = threading.Thread(target=self._work, name="planner", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def stuck(self) -> bool:
        """Whether there are plans that the database does not take."""
        return bool(self._stuck)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Finish what is in hand."""
        self._stopping.set()
        self.wake.ring()
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)
        self._batches.shutdown(wait=False, cancel_futures=True)
        self._enrichments.shutdown(wait=False, cancel_futures=True)
        self._queries.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        in_hand: deque[Future[list[Plan]]] = deque()
        while in_hand or not self._stopping.is_set():
            try:
                self._turn(in_hand)
            except Exception:
                # Whatever it is, the next event is to be planned all the same.
                _log.exception("planning was interrupted")
                self._stopping.wait(_RETRY_SECONDS)

    def _turn(self, in_hand: deque[Future[list[Plan]]]) -> None:
        batch: list[Event] = []
        if len(in_hand) < _BATCHES_AT_ONCE and len(self._stuck) < _STUCK_AT_MOST and not self._stopping.is_set():
            batch = self._claim()
        if batch:
            in_hand.append(self._batches.submit(self._plan, batch))
        if in_hand:
            wait([in_hand[0]], timeout=_BATCH_HEAD_START_SECONDS)
        elif not batch:
            self.wake.wait()
        if self._stuck and time.monotonic() >= self._retry_at:
            self._commit([])
        while in_hand and in_hand[0].done():
            self._commit(in_hand.popleft().result())

    def _claim(self) -> list[Event]:
        # Long enough for the batches ahead of it, too.
        lease_seconds = 2 * self._configuration.file.enrichment.timeout + self._configuration.file.delivery.lease
        try:
            return self._store.claim_events(self._clock(), lease_seconds)
        except StoreError as error:
            _log.error("cannot look for events", error=str(error))
            self._stopping.wait(_RETRY_SECONDS)
            return []

    def _commit(self, plans: list[Plan]) -> None:
        """Keep plans, in the order of their events.

        What the database does not take is stuck: it is held, and tried again every half second. What comes after it of
        the same groups waits behind it.
        """
        by_id = {plan.event.id: plan for plan in (*self._stuck, *plans)}
        waiting = [by_id[event_id] for event_id in sorted(by_id)]
        retrying = time.monotonic() >= self._retry_at
        if (retrying or not self._stuck) and self._kept(waiting):
            self._stuck = []
            return
        passed_over = set() if retrying else {plan.event.id for plan in self._stuck}
        stuck, held_up, failures = [], set[str](), 0
        for plan in waiting:
            groups = {group_key for group_key, _, _ in plan.alerts}
            if plan.event.id not in passed_over and held_up.isdisjoint(groups) and failures < _FAILURES_IN_A_ROW:
                if self._kept([plan]):
                    failures = 0
                    continue
                failures += 1
            stuck.append(plan)
            held_up |= groups
        self._stuck = stuck
        if retrying or failures:
            self._retry_at = time.monotonic() + _RETRY_SECONDS

    def _kept(self, plans: list[Plan]) -> bool:
        """Try to keep plans in one commit."""
        try:
            kept = self._store.plan(plans)
        except StoreError as error:
            _log.error("cannot keep a plan", event_ids=[plan.event.id for plan in plans], error=str(error))
            return False
        except Exception as error:
            return len(plans) == 1 and not plans[0].error and self._kept([_dead(plans[0].event, error)])
        for plan in kept:
            _tell(plan)
        if kept:
            self._planned()
        return True

    def _plan(self, batch: list[Event]) -> list[Plan]:
        """What becomes of a batch; one event that cannot be planned does not hold up the rest."""
        parsed = [_parsed(event) for event in batch]
        alerts = [alert for each in parsed for group in each.groups for alert in group.alerts]
        findings = iter(self._enriched(alerts, max(event.received_at for event in batch)))
        plans = []
        for each in parsed:
            of_event = list(islice(findings, sum(len(group.alerts) for group in each.groups)))
            try:
                plans.append(self._planned_event(each, iter(of_event)))
            except Exception as error:
                plans.append(_dead(each.event, error))
        return plans

    def _enriched(self, alerts: list[Alert], at: datetime) -> list[tuple[Finding, ...]]:
        begun = time.monotonic()
        timeout_seconds = self._configuration.file.enrichment.timeout
        run = self._enrichments.submit(
            enrich.run,
            self._enrichers,
            alerts,
            self._prometheus,
            at=at,
            timeout_seconds=timeout_seconds,
            executor=self._queries,
        )
        try:
            found = run.result(timeout_seconds + _GRACE_SECONDS)
        except Exception as error:
            # An enricher's own code, not Prometheus, hangs or fails: the page must not wait for it.
            run.cancel()
            _log.exception("the enrichment failed")
            reason = "is not done in time" if isinstance(error, TimeoutError) else f"failed: {type(error).__name__}"
            found = [(Gap("enrichment", "enrichment", reason),)] * len(alerts)
        telemetry.ENRICHMENT_SECONDS.observe(time.monotonic() - begun)
        for each in found:
            for finding in each:
                if isinstance(finding, Gap):
                    telemetry.GAPS.labels(finding.name).inc()
        return found

    def _planned_event(self, parsed: _Parsed, findings: Iterator[tuple[Finding, ...]]) -> Plan:
        if parsed.error is not None:
            return Plan(parsed.event, error=parsed.error)
        deliveries: list[Planned] = []
        alerts: list[tuple[str, Alert, tuple[Finding, ...]]] = []
        for group in parsed.groups:
            # In the order in which they went in.
            found = {alert.fingerprint: next(findings) for alert in group.alerts}
            alerts += [(group.group_key, alert, found[alert.fingerprint]) for alert in group.alerts]
            for hearing in route(self._configuration.file.route, group):
                receiver = self._configuration.receiver(hearing.receiver)
                for action in receiver.actions if receiver else ():
                    deliveries.append(self._planned_action(hearing, action, found))
        return Plan(parsed.event, tuple(deliveries), tuple(alerts))

    def _planned_action(self, hearing: Hearing, action: ActionConfig, found: dict[str, tuple[Finding, ...]]) -> Planned:
        group, suppressed = hearing.group, None
        if not action.settings.send_resolved:
            # As Alertmanager does: such a receiver hears only of what fires.
            if group.firing:
                group = replace(group, alerts=group.firing)
            else:
                suppressed = "send_resolved is false"
        url = self._configuration.file.external_url
        notification = Notification(
            receiver=hearing.receiver,
            action=action.kind,
            index=action.index,
            group=group,
            findings={alert.fingerprint: found[alert.fingerprint] for alert in group.alerts},
            page_url=f"{url.rstrip('/')}/#{group.alerts[0].fingerprint}" if url else "",
        )
        return Planned(notification, suppressed)


def _tell(plan: Plan) -> None:
    telemetry.EVENTS.labels(plan.state).inc()
    log = _log.bind(event_id=plan.event.id)
    if plan.error:
        log.error("the event is dead", error=plan.error)
        return
    for each in plan.deliveries:
        if each.suppressed is not None:
            labels = (each.notification.receiver, each.notification.action, "suppressed")
            telemetry.DELIVERIES.labels(*labels).inc()
    groups = {group_key[:200] for group_key, _, _ in plan.alerts}
    log.info(
        plan.state, groups=sorted(groups), destinations=[each.notification.destination for each in plan.deliveries]
    )


def _dead(event: Event, error: Exception) -> Plan:
    _log.exception("an event cannot be planned", event_id=event.id)
    return Plan(event, error=f"cannot be planned: {type(error).__name__}")


def _parsed(event: Event) -> _Parsed:
    try:
        return _Parsed(event, payload.parse(event.body, event.received_at))
    except payload.PayloadError as error:
        # It was taken once, by this version or an older one: no reason to look at it again and again.
        return _Parsed(event, error=f"cannot be read any more: {error}")
