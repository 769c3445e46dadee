"""Planning: events that a process takes, the oldest first, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from alerts.model import group_id
from alerts.severity import SEVERITIES, alert_severity
from outbox import withholding
from outbox.lanes import clock, ended
from outbox.neighbours import place_columns
from outbox.notices import DELIVERIES, notify
from outbox.prepared import OneOf, Prepared
from outbox.records import Event, Plan
from outbox.rows import ALERT, FINDINGS, HISTORY, delivery_row, json_text, plain_text
from outbox.statements import insert_rows, up_to_bytes, update_each, upsert
from outbox.tables import ACCEPTED, alerts, deliveries, events, groups

_EVENTS_AT_ONCE = 200
_PLANNING_LOCK = 0x616C6572_01

_WAITS = {
    False: Prepared(select(events.c.id).where(ACCEPTED, ended(events.c.lease_until)).limit(1)),
    True: Prepared(select(events.c.id).where(ACCEPTED).limit(1)),
}
_OTHERS_PLAN = Prepared(
    select(events.c.id).where(ACCEPTED, events.c.lease_owner != bindparam("me"), ~ended(events.c.lease_until)).limit(1)
)
_NOT_MINE = or_(events.c.lease_owner != bindparam("me"), ended(events.c.lease_until))


def _taking(*which: ColumnElement[bool]) -> Prepared:
    sized = select(events.c.id, func.length(events.c.body).label("size")).where(ACCEPTED, *which)
    oldest = up_to_bytes(sized.order_by(events.c.id).limit(_EVENTS_AT_ONCE), "id")
    return Prepared(
        update(events)
        .where(events.c.id.in_(oldest))
        .values(lease_owner=bindparam("me"), lease_until=bindparam("until"), attempts=events.c.attempts + 1)
        .returning(events.c.id, events.c.received_at, events.c.body, events.c.attempts, events.c.kind)
    )


_TAKE = {False: _taking(_NOT_MINE), True: _taking()}
"""By whether what this process holds is taken, too."""

_given_back = and_(events.c.lease_owner.is_(None), events.c.attempts > 0)
_FIRST_OF_OTHERS = Prepared(
    select(func.min(events.c.id).label("id")).where(ACCEPTED, or_(_given_back, events.c.lease_owner != bindparam("me")))
)
_MINE = Prepared(
    select(events.c.id).where(OneOf(events.c.id, "some"), ACCEPTED, events.c.lease_owner == bindparam("me"))
)
_HEAR_AGAIN = Prepared(
    update(alerts)
    .where(alerts.c.group_id == bindparam("group"), OneOf(alerts.c.fingerprint, "some"), alerts.c.status == "firing")
    .values(updated_at=bindparam("heard_at", type_=alerts.c.updated_at.type))
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a claim of events asks for.

    Attributes:
        anew: see `Store.claim_events`.
        owner: the process that asks.
    """

    now: datetime
    lease_seconds: float
    anew: bool
    owner: str

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements compare with."""
        return {**clock(self.now, self.lease_seconds), "me": self.owner}


@dataclass(frozen=True, slots=True)
class Rows:
    """A plan as rows; made before the transaction, in which others wait."""

    plan: Plan
    deliveries: Sequence[dict[str, Any]]
    alerts: Sequence[dict[str, Any]]
    groups: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, plan: Plan) -> Rows:
        """Those of a plan."""
        return cls(plan, list(_delivery_rows(plan)), list(_alert_rows(plan)), list(_history_rows(plan)))


def worth_asking(connection: Connection, asked: Asked) -> bool:
    """Whether there are events to be taken that another process does not hold up."""
    waits = _WAITS[asked.anew].first(connection, clock(asked.now, asked.lease_seconds)) is not None
    return waits and not _another_plans(connection, asked)


def take(connection: Connection, asked: Asked) -> list[Event]:
    """Take the oldest events, unless another process is planning."""
    lock(connection)
    if _another_plans(connection, asked):
        return []
    until = asked.now + timedelta(seconds=asked.lease_seconds)
    rows = _TAKE[asked.anew].rows(connection, {**asked.parameters, "until": until})
    return sorted((Event(*row) for row in rows), key=lambda event: event.id)


def keep(connection: Connection, planned: Sequence[Rows], owner: str) -> list[Plan]:
    """Keep plans, and return those that were kept."""
    lock(connection)
    held = _held([each.plan.event.id for each in planned], connection, owner)
    kept = [each for each in planned if each.plan.event.id in held]
    if not kept:
        return []
    update_each(connection, events, {each.plan.event.id: _event_values(each.plan) for each in kept})
    delivery_rows = [row for each in kept for row in each.deliveries]
    if delivery_rows:
        insert_rows(connection, deliveries, delivery_rows)
        notify(connection, DELIVERIES)
    alert_rows = {(row["fingerprint"], row["group_id"]): row for each in kept for row in each.alerts}
    upsert(connection, alerts, alert_rows.values())
    withholding.keep(connection, [each.plan for each in kept])
    upsert(connection, groups, {row["group_id"]: row for each in kept for row in each.groups}.values())
    for plan in (each.plan for each in kept if each.plan.heard_again):
        for group_key, named in plan.heard_again.items():
            some = [plain_text(fingerprint) for fingerprint in named]
            heard = {"group": group_id(group_key), "some": some, "heard_at": plan.event.received_at}
            _HEAR_AGAIN.run(connection, heard)
    return [each.plan for each in kept]


def _another_plans(connection: Connection, asked: Asked) -> bool:
    return _OTHERS_PLAN.first(connection, asked.parameters) is not None


def _held(ids: Sequence[int], connection: Connection, owner: str) -> set[int]:
    """Of these events those that are still this process' to plan: none that waits before them is another's.

    One that nobody ever took up was accepted at the same time and became visible later (on PostgreSQL, where ids
    are given before a commit): it was not before them.
    """
    first_of_others = _FIRST_OF_OTHERS.values(connection, {"me": owner})[0]
    held = _MINE.values(connection, {"some": ids, "me": owner})
    return {each for each in held if first_of_others is None or each < first_of_others}


def lock(connection: Connection) -> None:
    """Let nobody else plan until the transaction ends; on SQLite nobody else writes anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_PLANNING_LOCK)))


def _event_values(plan: Plan) -> dict[str, Any]:
    return {
        "state": plan.state,
        "error": plain_text(plan.error) if plan.error else None,
        "duplicate_of": plan.told_with if plan.duplicate_of is None else plan.duplicate_of,
        "trace": plan.trace,
        "lease_owner": None,
        "lease_until": None,
    }


def _delivery_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for planned in plan.deliveries:
        yield delivery_row(planned, plan.event.id, plan.event.received_at)


def _history_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for group_key, history in plan.histories.items():
        yield {
            "group_id": group_id(group_key),
            "group_key": plain_text(group_key),
            "history": json_text(HISTORY, history),
            "updated_at": plan.event.received_at,
        }


def _alert_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    heard_by = _heard_by(plan)
    for group_key, alert, findings in plan.alerts:
        yield {
            "fingerprint": plain_text(alert.fingerprint),
            "group_id": group_id(group_key),
            "status": alert.status,
            "severity": SEVERITIES.index(alert_severity(alert)),
            "alert": json_text(ALERT, alert),
            "findings": json_text(FINDINGS, findings),
            "destinations": "\n".join(heard_by.get((group_key, alert.fingerprint), ())),
            "event_id": plan.event.id,
            "updated_at": plan.event.received_at,
            "lapsed": int(plan.event.kind == "lapse"),
            **place_columns(alert),
            **withholding.columns(plan.withheld.get((group_key, alert.fingerprint), {})),
        }


def _heard_by(plan: Plan) -> dict[tuple[str, str], list[str]]:
    """By group and fingerprint the destinations whose part of the group the alert is in."""
    found: dict[tuple[str, str], list[str]] = {}
    for planned in plan.deliveries:
        group = planned.notification.group
        destination = plain_text(planned.notification.destination)
        for alert in group.alerts:
            found.setdefault((group.group_key, alert.fingerprint), []).append(destination)
    return found
