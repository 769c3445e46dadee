"""What is done about alerts: each a row that a process holds while it works on it, and that says what became of it.

Nothing is written anywhere before its row says that it may have been: `begin` asks the guards and says so, in one
transaction that is on the disk when it returns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from alerts.model import group_id
from alerts.remediation import Proposal, RemediationState, Verdict
from outbox import remediation_beginnings as beginnings
from outbox import remediation_changes as changes
from outbox.guard_clock import GuardClock, control_row, lock
from outbox.records import Planned, Remediation, Switch
from outbox.remediation_beginnings import Beginning, Begun
from outbox.remediation_changes import Change, Changing, Deciding, Ending
from outbox.remediation_guards import Bounds, Considered, at_once, verdicts
from outbox.remediation_rows import readable, remediation_of
from outbox.rows import plain_text
from outbox.tables import ACCEPTED, PENDING, alerts, deliveries, events, remediation_control, remediations, threads
from outbox.writer import Writer

__all__ = ["Begun", "Change", "Ending", "Remediations"]

_r = remediations.c
_c = remediation_control.c
_OPEN = _r.state != "done"


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

    def hearers(self, group_key: str, since: datetime) -> Sequence[str]:
        """The destinations that hold something of a group, held it since a time, or are about to be told of it."""
        of = group_id(group_key)
        with self._reading() as connection:
            told = select(threads.c.destination).where(
                threads.c.group_id == of, or_(threads.c.open == 1, threads.c.updated_at >= since)
            )
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
            return (
                connection.execute(select(_r.id).where(_OPEN, changes.due(now), changes.free(now)).limit(1)).first()
                is not None
            )

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
        asked = Beginning(remediation, proposal, bounds, tuple(judged), now, act)
        return self._writer.write(self._begin, asked)

    def change(self, remediation: Remediation, change: Change, now: datetime) -> bool:
        """Keep what became of one, and have told what there is to tell of it; False where another process holds it."""
        return self._writer.write(self._change, Changing(remediation, change, now))

    def decide(self, token: str, *, approved: bool, by: str, now: datetime, tells: Sequence[Planned]) -> bool:
        """Keep that somebody approved one, or declined it; False where it does not wait for that any more."""
        return self._writer.write(_decide, Deciding(token, approved, by, now, tuple(tells)))

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
            due = select(_r.id).where(_OPEN, changes.due(asked.now), changes.free(asked.now)).order_by(_r.due_at, _r.id)
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

    def _begin(self, connection: Connection, items: Sequence[Beginning]) -> Sequence[Begun]:
        lock(connection)
        ticks = self._clock.advance(connection)
        return [beginnings.begin(connection, asked, self._owner, ticks) for asked in items]

    def _change(self, connection: Connection, items: Sequence[Changing]) -> Sequence[bool]:
        lock(connection)
        return [changes.change(connection, each, self._owner) for each in items]


def _decide(connection: Connection, items: Sequence[Deciding]) -> Sequence[bool]:
    lock(connection)
    return [changes.decide(connection, each) for each in items]


def _end(connection: Connection, items: Sequence[tuple[Ending, tuple[Planned, ...], datetime]]) -> Sequence[None]:
    lock(connection)
    for each in items:
        changes.end(connection, *each)
    return [None] * len(items)


def _turn(connection: Connection, items: Sequence[tuple[bool, str, datetime]]) -> Sequence[None]:
    lock(connection)
    control_row(connection)
    for on, by, now in items:
        connection.execute(update(remediation_control).values(enabled=on, switched_by=by, switched_at=now))
    return [None] * len(items)
