"""What is done about alerts: each a row that a process holds while it works on it, and that says what became of it.

Nothing is written anywhere before its row says that it may have been: `begin` asks the guards and says so, in one
transaction that is on the disk when it returns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, or_, select, update

from alerts.model import group_id
from alerts.remediation import Performed, Proposal, RemediationResult, RemediationState, Verdict
from outbox.guard_clock import TICKS_PER_SECOND, GuardClock, control_row, lock
from outbox.notices import DELIVERIES, notify
from outbox.records import Planned, Remediation, Step, Switch, TakenUp
from outbox.remediation_guards import Bounds, Considered, at_once, verdicts
from outbox.remediation_rows import PERFORMED, PROPOSAL, STEPS, VERDICTS, new_row, readable, remediation_of
from outbox.rows import delivery_row, json_text, plain_text
from outbox.tables import ACCEPTED, PENDING, alerts, deliveries, events, remediation_control, remediations, threads
from outbox.writer import Writer

_r = remediations.c
_c = remediation_control.c
_OPEN = _r.state != "done"
# What is due later than anything is ever put off was put off by a clock that has been put back since.
_LONGEST = timedelta(days=1, hours=2)
_AGAIN = ("refused", "expired")
_MOST_STEPS = 100
_MOST_SAID = 1_000


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
class Begun:
    """Whether something may be done.

    Attributes:
        held: this process still held it; else another decides.
        allowed: the guards let it be done, and that it is stands on the disk; in a dry run, that it would be.
        verdicts: what they said.
    """

    held: bool
    allowed: bool = False
    verdicts: tuple[Verdict, ...] = ()

    @property
    def storm(self) -> bool:
        """Whether there are too many at once."""
        return any(each.guard == "max_targets" and not each.passed for each in self.verdicts)


@dataclass(frozen=True, slots=True)
class Ending:
    """A person who was asked is to hear that it is over: the remediation, and which destinations."""

    remediation: Remediation
    told: tuple[str, ...]
    storm: bool


@dataclass(frozen=True, slots=True)
class _Beginning:
    remediation: Remediation
    proposal: Proposal
    bounds: Bounds
    verdicts: tuple[Verdict, ...]
    now: datetime
    act: bool


@dataclass(frozen=True, slots=True)
class _Changing:
    remediation: Remediation
    change: Change
    now: datetime


@dataclass(frozen=True, slots=True)
class _Deciding:
    token: str
    approved: bool
    by: str
    now: datetime
    tells: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class _Claiming:
    now: datetime
    lease_seconds: float
    limit: int


class Remediations:
    """The rows, and the clock of the guards.

    Args:
        reading: opens a connection that only reads.
        owner: this process.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Connection]],
        writer: Writer,
        owner: str,
        clock: GuardClock | None = None,
    ) -> None:
        self._reading = reading
        self._writer = writer
        self._owner = owner
        self._clock = clock or GuardClock()

    # What people see

    def list(
        self,
        limit: int,
        before: int | None = None,
        *,
        rule: str | None = None,
        state: RemediationState | None = None,
        fingerprint: str | None = None,
        target: str | None = None,
    ) -> Sequence[Remediation]:
        """The newest, newest first.

        Args:
            before: only those with a smaller id.
            target: its key: "deployment/shop/cart".
        """
        given = ((_r.rule, rule), (_r.state, state), (_r.fingerprint, fingerprint), (_r.target, target))
        wanted = select(remediations).where(*(column == value for column, value in given if value is not None))
        if before is not None:
            wanted = wanted.where(_r.id < before)
        with self._reading() as connection:
            return readable(connection.execute(wanted.order_by(_r.id.desc()).limit(limit)).all())

    def get(self, remediation_id: int) -> Remediation | None:
        """One; None when there is none of that id."""
        return self._one(_r.id == remediation_id) if remediation_id < 2**63 else None

    def by_token(self, token: str) -> Remediation | None:
        """The one that is known by it; None when there is none."""
        return self._one(_r.token == plain_text(token))

    def _one(self, which: ColumnElement[bool]) -> Remediation | None:
        with self._reading() as connection:
            row = connection.execute(select(remediations).where(which)).first()
        return remediation_of(row) if row is not None else None

    def switch(self) -> Switch:
        """Whether anything is done at all, as far as the database says."""
        with self._reading() as connection:
            row = connection.execute(select(_c.enabled, _c.switched_by, _c.switched_at)).first()
        return Switch(bool(row.enabled), row.switched_by or "", row.switched_at) if row is not None else Switch(True)

    def judged(
        self, rule: str, destination: str, bounds: Bounds, proposal: Proposal, now: datetime
    ) -> tuple[Verdict, ...]:
        """What the guards would say of something that is not taken up; for who only wants to know."""
        with self._reading() as connection:
            stored = connection.execute(select(_c.ticks)).scalar()
            ticks = self._clock.at_least(stored or 0)
            asked = Considered(0, rule, destination, proposal.target, bounds, ticks, now)
            return tuple(each for each in verdicts(connection, asked, alone=True))

    # Who hears of it

    def hearers(self, group_key: str) -> Sequence[str]:
        """The destinations that hold something of a group, held it, or are about to be told of it."""
        of = group_id(group_key)
        with self._reading() as connection:
            told = select(threads.c.destination).where(threads.c.group_id == of)
            coming = select(deliveries.c.destination).where(deliveries.c.group_id == of, PENDING)
            found = connection.execute(told.union(coming)).scalars()
            return sorted(found)

    def endings(self, limit: int) -> Sequence[Ending]:
        """Those of which a person was told, and of whose alerts nothing fires any more."""
        fires = exists().where(
            alerts.c.fingerprint == _r.fingerprint, alerts.c.group_id == _r.group_id, alerts.c.status == "firing"
        )
        other = remediations.alias("other")
        others_fire = exists().where(
            other.c.destination == _r.destination,
            other.c.storm,
            alerts.c.fingerprint == other.c.fingerprint,
            alerts.c.group_id == other.c.group_id,
            alerts.c.status == "firing",
        )
        over = select(remediations).where(
            _r.asked.is_not(None), _r.state == "done", ~fires, ~(and_(_r.storm, others_fire))
        )
        with self._reading() as connection:
            rows = connection.execute(over.order_by(_r.id).limit(limit)).all()
        return [Ending(remediation_of(row), tuple(json.loads(row.asked)), bool(row.storm)) for row in rows]

    def end(self, ending: Ending, tells: Sequence[Planned], now: datetime) -> None:
        """Have a person hear that it is over, and remember that."""
        self._writer.write(_end, (ending, tuple(tells), now))

    # What the worker does

    def waits(self, now: datetime) -> bool:
        """Whether there is something to look at by then."""
        with self._reading() as connection:
            return connection.execute(select(_r.id).where(_OPEN, _due(now), _free(now)).limit(1)).first() is not None

    def unplanned(self) -> bool:
        """Whether payloads wait to be planned: what is proposed by then is not all that there is."""
        with self._reading() as connection:
            return connection.execute(select(events.c.id).where(ACCEPTED).limit(1)).first() is not None

    def at_once(self, remediation: Remediation) -> int:
        """To how many targets its rule is asked to do something at its time, as far as is known by now."""
        with self._reading() as connection:
            return at_once(connection, remediation.destination, remediation.id)

    def beat(self) -> None:
        """Have the clock of the guards go on."""
        self._writer.write(self._beat, None, durable=False)

    def claim(self, now: datetime, lease_seconds: float, limit: int) -> Sequence[Remediation]:
        """Take what is to be looked at by now, the longest due first."""
        return self._writer.write(self._claim, _Claiming(now, lease_seconds, limit), durable=False)

    def begin(
        self,
        remediation: Remediation,
        proposal: Proposal,
        bounds: Bounds,
        judged: Sequence[Verdict],
        now: datetime,
        *,
        act: bool,
    ) -> Begun:
        """Ask the guards, and where they allow it keep that it may have been done from now on.

        Of what may have been done before, and was not, it is asked again, and counts as done from now on.

        Args:
            judged: what the guards said that look at nothing stored.
            act: it is to be done; else it is only asked whether it might be.

        Raises:
            StoreError: nothing may be done.
        """
        asked = _Beginning(remediation, proposal, bounds, tuple(judged), now, act)
        return self._writer.write(self._begin, asked)

    def change(self, remediation: Remediation, change: Change, now: datetime) -> bool:
        """Keep what became of one, and have told what there is to tell of it; False where another process holds it."""
        return self._writer.write(self._change, _Changing(remediation, change, now))

    def decide(self, token: str, *, approved: bool, by: str, now: datetime, tells: Sequence[Planned]) -> bool:
        """Keep that somebody approved one, or declined it; False where it does not wait for that any more."""
        return self._writer.write(self._decide, _Deciding(token, approved, by, now, tuple(tells)))

    def turn(self, on: bool, by: str, now: datetime) -> None:
        """Switch it on or off, for all processes."""
        self._writer.write(_turn, (on, plain_text(by), now))

    def _beat(self, connection: Connection, items: Sequence[None]) -> Sequence[None]:
        lock(connection)
        self._clock.advance(connection)
        return [None] * len(items)

    def _claim(self, connection: Connection, items: Sequence[_Claiming]) -> Sequence[Sequence[Remediation]]:
        lock(connection)
        ticks = self._clock.advance(connection)
        found = []
        for asked in items:
            due = select(_r.id).where(_OPEN, _due(asked.now), _free(asked.now)).order_by(_r.due_at, _r.id)
            ids = list(connection.execute(due.limit(asked.limit)).scalars())
            until = asked.now + timedelta(seconds=asked.lease_seconds)
            held = {
                "lease_owner": self._owner,
                "lease_until": until,
                "proposed_ticks": func.coalesce(_r.proposed_ticks, ticks),
            }
            connection.execute(update(remediations).where(_r.id.in_(ids)).values(held))
            rows = connection.execute(select(remediations).where(_r.id.in_(ids)).order_by(_r.due_at, _r.id)).all()
            found.append(readable(rows, ticks))
        return found

    def _begin(self, connection: Connection, items: Sequence[_Beginning]) -> Sequence[Begun]:
        lock(connection)
        ticks = self._clock.advance(connection)
        return [self._begin_one(connection, asked, ticks) for asked in items]

    def _begin_one(self, connection: Connection, asked: _Beginning, ticks: int) -> Begun:
        of = asked.remediation
        held = _held(of, self._owner)
        row = connection.execute(select(_r.acted_ticks, _r.state).where(held)).first()
        # What was begun once is begun again only by who knows that.
        if row is None or row.state != of.state or (row.acted_ticks is not None) != (of.state == "acting"):
            return Begun(held=False)
        considered = Considered(of.id, of.rule, of.destination, asked.proposal.target, asked.bounds, ticks, asked.now)
        said = (*asked.verdicts, *verdicts(connection, considered))
        allowed = all(each.passed for each in said)
        if allowed and asked.act:
            begun = {
                "state": "acting",
                "tries": of.tries + 1 if of.state == "acting" else 0,
                "acted_at": asked.now,
                "acted_ticks": ticks,
                "cooldown_ticks": int(asked.bounds.cooldown_seconds * TICKS_PER_SECOND),
                "target": asked.proposal.target.key,
                "proposal": json_text(PROPOSAL, asked.proposal),
                "verdicts": json_text(VERDICTS, said),
                "due_at": asked.now,
            }
            connection.execute(update(remediations).where(held).values(begun))
        return Begun(True, allowed, said)

    def _change(self, connection: Connection, items: Sequence[_Changing]) -> Sequence[bool]:
        lock(connection)
        return [self._change_one(connection, each) for each in items]

    def _change_one(self, connection: Connection, asked: _Changing) -> bool:
        of, change = asked.remediation, asked.change
        held = _held(of, self._owner)
        row = connection.execute(select(_r.steps, _r.asked).where(held)).first()
        if row is None:
            return False
        asks = change.asks
        if change.storm and _asked_already(connection, of):
            asks = ()
        values: dict[str, Any] = {
            "state": change.state,
            "due_at": change.due_at,
            "result": change.result,
            "detail": _said(change.detail),
            "tries": change.tries,
            "storm": change.storm,
            "lease_owner": None,
            "lease_until": None,
        }
        if change.step:
            values["steps"] = _with_step(row.steps, Step(asked.now, _said(change.step)))
        if change.proposal is not None:
            values |= {"proposal": json_text(PROPOSAL, change.proposal), "target": change.proposal.target.key}
        if change.performed is not None:
            values["performed"] = json_text(PERFORMED, change.performed)
        if change.verdicts is not None:
            values["verdicts"] = json_text(VERDICTS, change.verdicts)
        if asks:
            told = dict.fromkeys((*json.loads(row.asked or "[]"), *(each.notification.destination for each in asks)))
            values["asked"] = json.dumps(list(told))
        connection.execute(update(remediations).where(held).values(values))
        _tell(connection, (*change.tells, *asks), of, asked.now)
        return True

    def _decide(self, connection: Connection, items: Sequence[_Deciding]) -> Sequence[bool]:
        lock(connection)
        return [_decide_one(connection, each) for each in items]


def take_up(
    connection: Connection,
    some: Iterable[TakenUp],
    destination: str,
    event_id: int,
    received_at: datetime,
    now: datetime,
) -> None:
    """Have something done about alerts, once for each firing of one; what nothing was done about is looked at anew."""
    rows = [new_row(each, destination, event_id, received_at, now) for each in some]
    if not rows:
        return
    lock(connection)
    tokens = [row["token"] for row in rows]
    known = {
        row.token: row
        for row in connection.execute(
            select(_r.token, _r.state, _r.result, _r.acted_ticks, _r.steps).where(_r.token.in_(tokens))
        )
    }
    for row in {row["token"]: row for row in rows}.values():
        there = known.get(row["token"])
        if there is None:
            connection.execute(insert(remediations).values(row))
        elif there.state == "done" and there.result in _AGAIN and there.acted_ticks is None:
            steps = _with_step(there.steps, Step(now, "taken up again: the alert still fires"))
            again = {
                name: row[name] for name in ("state", "event_id", "proposed_at", "due_at", "dry_run", "verb", "rule")
            }
            fresh = {"result": None, "detail": "", "tries": 0, "storm": False, "proposed_ticks": None}
            gone = {"approved_at": None, "approved_by": None}
            connection.execute(
                update(remediations).where(_r.token == row["token"]).values({**again, **fresh, **gone, "steps": steps})
            )


def _decide_one(connection: Connection, asked: _Deciding) -> bool:
    where = and_(_r.token == plain_text(asked.token), _r.state == "approval")
    row = connection.execute(select(remediations).where(where, _free(asked.now))).first()
    if row is None or row.due_at <= asked.now:
        return False
    by = plain_text(asked.by)
    word = "approved" if asked.approved else "declined"
    values: dict[str, Any] = {
        "approved_at": asked.now,
        "approved_by": by,
        "steps": _with_step(row.steps, Step(asked.now, _said(f"{word} by {asked.by}"))),
        "state": "considered" if asked.approved else "done",
        "due_at": asked.now,
        "tries": 0,
    }
    if not asked.approved:
        values |= {"result": "refused", "detail": _said(f"declined by {asked.by}")}
    connection.execute(update(remediations).where(where).values(values))
    _tell(connection, asked.tells, remediation_of(row), asked.now)
    return True


def _turn(connection: Connection, items: Sequence[tuple[bool, str, datetime]]) -> Sequence[None]:
    lock(connection)
    control_row(connection)
    for on, by, now in items:
        connection.execute(update(remediation_control).values(enabled=on, switched_by=by, switched_at=now))
    return [None] * len(items)


def _end(connection: Connection, items: Sequence[tuple[Ending, tuple[Planned, ...], datetime]]) -> Sequence[None]:
    lock(connection)
    for ending, tells, now in items:
        still = and_(_r.id == ending.remediation.id, _r.asked.is_not(None))
        if connection.execute(update(remediations).where(still).values(asked=None)).rowcount:
            _tell(connection, tells, ending.remediation, now)
    return [None] * len(items)


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


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(_r.due_at <= now, _r.due_at > now + _LONGEST)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(_r.lease_owner.is_(None), _r.lease_until <= now, _r.lease_until > now + _LONGEST)


def _held(of: Remediation, owner: str) -> ColumnElement[bool]:
    return and_(_r.id == of.id, _r.lease_owner == owner, _r.lease_until == of.lease_until)


def _with_step(steps: str, step: Step) -> str:
    try:
        known = STEPS.validate_json(steps)
    except ValueError:
        known = ()
    return json_text(STEPS, (*known, step)[-_MOST_STEPS:])


def _said(text: str) -> str:
    return plain_text(text if len(text) <= _MOST_SAID else f"{text[: _MOST_SAID - 1]}…")
