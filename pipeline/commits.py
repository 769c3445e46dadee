"""Plans on their way into the database, in the order of their events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

import telemetry
from outbox.database import StoreError
from outbox.records import Event, Plan
from outbox.store import Store

STUCK_AT_MOST = 400
_RETRY_SECONDS = 0.5
_FAILURES_IN_A_ROW = 3

_log = structlog.get_logger("plan")


class Commits:
    """Keeps plans; what the database does not take is stuck, and tried again every half second.

    Args:
        planned: called after each commit that leaves something to be delivered, with its destinations.
    """

    def __init__(self, store: Store, planned: Callable[[set[str]], None]) -> None:
        self._store = store
        self._planned = planned
        self._retry_at = 0.0
        # Of what is stuck all up to this one was tried in vain just now.
        self._tried_up_to = 0
        self.stuck: list[Plan] = []

    def due(self) -> bool:
        """Whether it is time to try what is stuck again."""
        return bool(self.stuck) and time.monotonic() >= self._retry_at

    def keep(self, plans: Sequence[Plan]) -> list[int]:
        """Keep plans, and what is stuck; what comes after it of the same groups waits behind it.

        Returns:
            The ids of the events that are no more this process' business: kept, or another's by now.
        """
        by_id = {plan.event.id: plan for plan in (*self.stuck, *plans)}
        waiting = [by_id[event_id] for event_id in sorted(by_id)]
        retrying = time.monotonic() >= self._retry_at
        if (retrying or not self.stuck) and self._kept(waiting):
            self.stuck = []
            return list(by_id)
        passed_over = {plan.event.id for plan in self.stuck if not retrying or plan.event.id <= self._tried_up_to}
        stuck, held_up, failures, given_up_at = [], set[str | int](), 0, 0
        for plan in waiting:
            groups: set[str | int] = {*plan.histories, *plan.heard_again, *(key for key, _, _ in plan.alerts)}
            # What is told with another event waits for that one.
            groups.add(plan.event.id if plan.told_with is None else plan.told_with)
            if plan.event.id not in passed_over and held_up.isdisjoint(groups) and failures < _FAILURES_IN_A_ROW:
                if self._kept([plan]):
                    failures = 0
                    continue
                failures += 1
                if failures == _FAILURES_IN_A_ROW:
                    given_up_at = plan.event.id
            stuck.append(plan)
            held_up |= groups
        self.stuck = stuck
        # The next round begins behind the last, so that some that are refused for good hold up only their groups.
        if retrying:
            self._tried_up_to = given_up_at
        if retrying or failures:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        return [event_id for event_id in by_id if event_id not in {plan.event.id for plan in stuck}]

    def _kept(self, plans: list[Plan]) -> bool:
        """Try to keep plans in one commit."""
        try:
            kept = self._store.plan(plans)
        except StoreError as error:
            _log.error("cannot keep a plan", event_ids=[plan.event.id for plan in plans], error=str(error))
            return False
        except Exception as error:
            return len(plans) == 1 and not plans[0].error and self._kept([dead(plans[0].event, error)])
        for plan in kept:
            _tell(plan)
        destinations = {each.notification.destination for plan in kept for each in plan.deliveries}
        if destinations:
            self._planned(destinations)
        return True


def dead(event: Event, error: Exception) -> Plan:
    """The plan of an event that cannot be planned."""
    _log.exception("an event cannot be planned", event_id=event.id)
    return Plan(event, error=f"cannot be planned: {type(error).__name__}")


def _tell(plan: Plan) -> None:
    telemetry.EVENTS.labels(plan.state).inc()
    if plan.error:
        _log.error("the event is dead", event_id=plan.event.id, error=plan.error)
        return
    for each in plan.deliveries:
        if each.suppressed is not None:
            labels = (each.notification.receiver, each.notification.action, "suppressed")
            telemetry.DELIVERIES.labels(*labels).inc()
    _log.info(
        plan.state,
        event_id=plan.event.id,
        groups=sorted({group_key[:200] for group_key in (*plan.histories, *plan.heard_again)}),
        destinations=[each.notification.destination for each in plan.deliveries],
    )
