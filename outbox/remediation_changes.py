"""What becomes of a remediation, and who is told of it, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from alerts.remediation import Performed, Proposal, RemediationResult, RemediationState, Verdict
from outbox.notices import DELIVERIES, notify
from outbox.records import Planned, Remediation, Step
from outbox.remediation_rows import PERFORMED, PROPOSAL, VERDICTS, held_by, remediation_of, said, with_step
from outbox.rows import delivery_row, json_text, plain_text
from outbox.tables import deliveries, events, remediations

_r = remediations.c
# What is due later than anything is ever put off was put off by a clock that has been put back since.
_LONGEST = timedelta(days=1, hours=2)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a remediation.

    Attributes:
        step: what happened, in words; "" for nothing worth a line.
        tries: how often its state was tried in vain by now.
        proposal, performed, verdicts: None leaves what there is.
        storm: there were too many at once; a person is asked of the first only.
        tells: entries of timelines.
        asks: messages to a person, who hears the end of them.
    """

    state: RemediationState
    due_at: datetime
    step: str = ""
    result: RemediationResult | None = None
    detail: str = ""
    tries: int = 0
    proposal: Proposal | None = None
    performed: Performed | None = None
    verdicts: tuple[Verdict, ...] | None = None
    storm: bool = False
    tells: tuple[Planned, ...] = ()
    asks: tuple[Planned, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """A person who was asked is to hear that it is over: the remediation, and which destinations."""

    remediation: Remediation
    told: tuple[str, ...]
    storm: bool


@dataclass(frozen=True, slots=True)
class Changing:
    """See `Remediations.change`."""

    remediation: Remediation
    change: Change
    now: datetime


@dataclass(frozen=True, slots=True)
class Deciding:
    """See `Remediations.decide`."""

    token: str
    approved: bool
    by: str
    now: datetime
    tells: tuple[Planned, ...]


def change(connection: Connection, asked: Changing, owner: str) -> bool:
    """Keep what became of one; False where another process holds it."""
    of, wanted = asked.remediation, asked.change
    held = held_by(of, owner)
    row = connection.execute(select(_r.steps, _r.asked).where(held)).first()
    if row is None:
        return False
    asks = wanted.asks
    if wanted.storm and _asked_already(connection, of):
        asks = ()
    values: dict[str, Any] = {
        "state": wanted.state,
        "due_at": wanted.due_at,
        "result": wanted.result,
        "detail": said(wanted.detail),
        "tries": wanted.tries,
        "storm": wanted.storm,
        "lease_owner": None,
        "lease_until": None,
    }
    if wanted.result == "dry_run":
        # It may have become one since it was taken up.
        values["dry_run"] = True
    if wanted.step:
        values["steps"] = with_step(row.steps, Step(asked.now, said(wanted.step)))
    if wanted.proposal is not None:
        values |= {"proposal": json_text(PROPOSAL, wanted.proposal), "target": wanted.proposal.target.key}
    if wanted.performed is not None:
        values["performed"] = json_text(PERFORMED, wanted.performed)
    if wanted.verdicts is not None:
        values["verdicts"] = json_text(VERDICTS, wanted.verdicts)
    if asks:
        told = dict.fromkeys((*json.loads(row.asked or "[]"), *(each.notification.destination for each in asks)))
        values["asked"] = json.dumps(list(told))
    connection.execute(update(remediations).where(held).values(values))
    _tell(connection, (*wanted.tells, *asks), of, asked.now)
    return True


def decide(connection: Connection, asked: Deciding) -> bool:
    """Keep that somebody approved or declined one; False where it does not wait for that."""
    where = and_(_r.token == plain_text(asked.token), _r.state == "approval")
    row = connection.execute(select(remediations).where(where, free(asked.now))).first()
    if row is None or row.due_at <= asked.now:
        return False
    by = plain_text(asked.by)
    word = "approved" if asked.approved else "declined"
    values: dict[str, Any] = {
        "approved_at": asked.now,
        "approved_by": by,
        "steps": with_step(row.steps, Step(asked.now, said(f"{word} by {asked.by}"))),
        "state": "considered" if asked.approved else "done",
        "due_at": asked.now,
        "tries": 0,
    }
    if not asked.approved:
        values |= {"result": "declined", "detail": said(f"declined by {asked.by}")}
    connection.execute(update(remediations).where(where).values(values))
    _tell(connection, asked.tells, remediation_of(row), asked.now)
    return True


def end(connection: Connection, ending: Ending, tells: Sequence[Planned], now: datetime) -> None:
    """Have a person hear that it is over, once."""
    still = and_(_r.id == ending.remediation.id, _r.asked.is_not(None))
    if connection.execute(update(remediations).where(still).values(asked=None)).rowcount:
        _tell(connection, tells, ending.remediation, now)


def _tell(connection: Connection, some: Sequence[Planned], of: Remediation, now: datetime) -> None:
    if not some:
        return
    event_id = of.event_id
    if connection.execute(select(events.c.id).where(events.c.id == event_id)).first() is None:
        # What it was taken up with is no more kept.
        notice = {"received_at": now, "body": b"{}", "kind": "notice", "state": "planned", "attempts": 0}
        event_id = connection.execute(insert(events).values(notice).returning(events.c.id)).scalar_one()
    connection.execute(insert(deliveries), [delivery_row(each, event_id, now) for each in some])
    notify(connection, DELIVERIES)


def _asked_already(connection: Connection, of: Remediation) -> bool:
    """Whether a person was told of a storm of its rule, and not of its end."""
    asked = select(_r.id).where(_r.destination == of.destination, _r.storm, _r.asked.is_not(None), _r.id != of.id)
    return connection.execute(asked.limit(1)).first() is not None


def due(now: datetime) -> ColumnElement[bool]:
    """Whether a row is to be looked at by now."""
    return or_(_r.due_at <= now, _r.due_at > now + _LONGEST)


def free(now: datetime) -> ColumnElement[bool]:
    """Whether no process holds a row."""
    return or_(_r.lease_owner.is_(None), _r.lease_until <= now, _r.lease_until > now + _LONGEST)
