"""Remediations as rows, and rows as remediations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Row, and_

from alerts.model import Alert, AlertGroup, group_id
from alerts.remediation import Performed, Proposal, Verdict
from outbox.guard_clock import TICKS_PER_SECOND
from outbox.records import Remediation, Step, TakenUp
from outbox.rows import ALERT, json_text, plain_text
from outbox.tables import remediations

PROPOSAL = TypeAdapter(Proposal)
PERFORMED = TypeAdapter(Performed)
VERDICTS: TypeAdapter[tuple[Verdict, ...]] = TypeAdapter(tuple[Verdict, ...])
STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])

_MOST_STEPS = 100
_MOST_SAID = 1_000
# Whatever a payload says; it is too many by far.
_MOST_HIDDEN = 1_000_000
_r = remediations.c
_UNREADABLE = Alert({}, {}, "resolved", datetime.fromtimestamp(0).astimezone(), None, "", "")


def token(destination: str, alert: Alert) -> str:
    """What one firing of an alert is known by to one rule: "r" and 20 hex digits."""
    told = f"{destination}\0{alert.fingerprint}\0{alert.starts_at.timestamp():.6f}"
    return f"r{hashlib.sha256(told.encode(errors='replace')).hexdigest()[:20]}"


def new_row(taken_up: TakenUp, destination: str, event_id: int, received_at: datetime, now: datetime) -> dict[str, Any]:
    """What a remediation begins as."""
    alert = taken_up.alert
    return {
        "token": token(destination, alert),
        "destination": destination,
        "rule": taken_up.rule,
        "verb": taken_up.verb,
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at,
        "group_id": group_id(taken_up.group_key),
        "group_key": taken_up.group_key,
        "event_id": event_id,
        "alert": json_text(ALERT, alert),
        "dry_run": taken_up.dry_run,
        "hidden": min(taken_up.hidden, _MOST_HIDDEN),
        "state": "proposed",
        "detail": "",
        "steps": json_text(STEPS, (Step(now, "taken up"),)),
        "proposed_at": received_at,
        "due_at": now,
    }


def remediation_of(row: Row[Any], ticks: int = 0) -> Remediation:
    """A remediation from its row; what another version wrote and cannot be read is left out of it.

    Args:
        ticks: the time by the guards' clock.
    """
    return Remediation(
        id=row.id,
        token=row.token,
        rule=row.rule,
        destination=row.destination,
        verb=row.verb,
        group_key=row.group_key,
        event_id=row.event_id,
        alert=_read(ALERT, row.alert) or _UNREADABLE,
        dry_run=bool(row.dry_run),
        state=row.state,
        result=row.result,
        detail=row.detail,
        proposal=_read(PROPOSAL, row.proposal),
        performed=_read(PERFORMED, row.performed),
        verdicts=_read(VERDICTS, row.verdicts) or (),
        steps=_read(STEPS, row.steps) or (),
        tries=row.tries,
        proposed_at=row.proposed_at,
        due_at=row.due_at,
        acted_at=row.acted_at,
        approved_at=row.approved_at,
        approved_by=row.approved_by or "",
        lease_until=row.lease_until,
        age_seconds=max(0, ticks - (row.proposed_ticks or ticks)) / TICKS_PER_SECOND,
        acted_seconds=max(0, ticks - (row.acted_ticks or ticks)) / TICKS_PER_SECOND,
    )


def group_of(alert: Alert, group_key: str) -> AlertGroup:
    """A group with one alert of it."""
    return AlertGroup(group_key, (alert,), {}, alert.labels, alert.annotations)


def readable(rows: Iterable[Row[Any]], ticks: int = 0) -> list[Remediation]:
    """Several of them."""
    return [remediation_of(row, ticks) for row in rows]


def held_by(of: Remediation, owner: str) -> ColumnElement[bool]:
    """Whether a row is held by a process, by the lease with which it was claimed."""
    return and_(_r.id == of.id, _r.lease_owner == owner, _r.lease_until == of.lease_until)


def with_step(steps: str, step: Step) -> str:
    """What happened, as a row has it, and one thing more."""
    try:
        known = STEPS.validate_json(steps)
    except ValueError:
        known = ()
    return json_text(STEPS, (*known, step)[-_MOST_STEPS:])


def said(text: str) -> str:
    """A text that fits into a row."""
    return plain_text(text if len(text) <= _MOST_SAID else f"{text[: _MOST_SAID - 1]}…")


def _read(adapter: TypeAdapter[Any], text: str | None) -> Any:
    if text is None:
        return None
    try:
        return adapter.validate_json(text)
    except ValidationError:
        return None
