"""The guards that look at what was done before: they are asked in the transaction that begins what they allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, or_, select, true

import units
from alerts.remediation import Target, Verdict
from outbox.guard_clock import TICKS_PER_SECOND
from outbox.tables import PENDING, TELLS_STATE, deliveries, remediation_control, remediations

STORM_SECONDS = 60.0
"""What is proposed within so long of one another is at once."""

_HOUR_SECONDS = 3_600.0
WRITE_SECONDS = 15.0
"""What was begun may have taken place so much later: a request's deadline, and some more."""

_r = remediations.c
_c = remediation_control.c


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a rule, and all of them, may do; see `RemedySettings`."""

    cooldown_seconds: float
    max_per_hour: int
    max_per_hour_in_all: int
    max_targets: int


@dataclass(frozen=True, slots=True)
class Considered:
    """What is to be allowed.

    Attributes:
        ticks: when, by the guards' clock.
        now: by the wall's, to say when.
    """

    remediation_id: int
    rule: str
    destination: str
    target: Target | None
    bounds: Bounds
    ticks: int
    now: datetime


def verdicts(connection: Connection, of: Considered, *, alone: bool = False) -> Iterator[Verdict]:
    """What each guard says.

    Args:
        alone: it is not among those that are taken up; how many there are at once is not asked.
    """
    yield _switch(connection)
    if not alone:
        yield _storm(connection, of)
        yield _once(connection, of)
    if of.target is not None:
        yield _cooldown(connection, of, of.target)
    yield _cap(connection, of, "max_per_hour", of.bounds.max_per_hour, _r.rule == of.rule)
    yield _cap(connection, of, "remediation.max_per_hour", of.bounds.max_per_hour_in_all, true())


def _storm(connection: Connection, of: Considered) -> Verdict:
    count = at_once(connection, of.destination, of.remediation_id)
    if count > of.bounds.max_targets:
        why = f"{count} targets at once, more than {of.bounds.max_targets}: none of them is touched"
        return Verdict("max_targets", False, why)
    return Verdict("max_targets", True, f"{count} at once, at most {of.bounds.max_targets}")


def at_once(connection: Connection, destination: str, remediation_id: int) -> int:
    """To how many targets a rule is asked to do something at the time of one of them, as far as is known by then.

    What is on its way to the rule counts, too; so does each of which the target is not found yet, and what a
    payload was cut of.
    """
    mine = connection.execute(select(_r.proposed_ticks, _r.proposed_at).where(_r.id == remediation_id)).one()
    window = int(STORM_SECONDS * TICKS_PER_SECOND)
    near: ColumnElement[bool] = true()
    if mine.proposed_ticks is not None:
        near = or_(
            _r.proposed_ticks.is_(None),
            _r.proposed_ticks.between(mine.proposed_ticks - window, mine.proposed_ticks + window),
        )
    what = func.count(func.distinct(func.coalesce(_r.target, _r.token)))
    hidden = func.coalesce(func.max(_r.hidden), 0)
    known = connection.execute(select(what + hidden).where(_r.destination == destination, near)).scalar_one()
    coming = select(func.count()).where(deliveries.c.destination == destination, PENDING, TELLS_STATE)
    return int(known + connection.execute(coming).scalar_one())


def _switch(connection: Connection) -> Verdict:
    row = connection.execute(select(_c.enabled, _c.switched_by)).first()
    if row is not None and not row.enabled:
        return Verdict("switch", False, f"remediation was switched off by {row.switched_by or 'somebody'}")
    return Verdict("switch", True, "remediation is switched on")


def _once(connection: Connection, of: Considered) -> Verdict:
    """Whether the same was done about this firing already, from another place: rules move where one is put in before.

    A name lasts; rules without one, which are called by their places, are told apart by what they do to what alone.
    """
    mine = connection.execute(select(_r.fingerprint, _r.starts_at, _r.verb).where(_r.id == of.remediation_id)).one()
    done = select(_r.rule, _r.destination, _r.verb, _r.target).where(
        _r.acted_ticks.is_not(None),
        _r.fingerprint == mine.fingerprint,
        _r.starts_at == mine.starts_at,
        _r.id != of.remediation_id,
    )
    doing = (mine.verb, of.target.key if of.target else None)
    for row in connection.execute(done):
        nameless = row.rule == row.destination or of.rule == of.destination
        if row.rule == of.rule or (nameless and (row.verb, row.target) == doing):
            return Verdict("once", False, f"it was done about this firing already, by rule {row.rule}")
    return Verdict("once", True, "nothing like it was done about this firing")


def _cooldown(connection: Connection, of: Considered, target: Target) -> Verdict:
    own, write = int(of.bounds.cooldown_seconds * TICKS_PER_SECOND), int(WRITE_SECONDS * TICKS_PER_SECOND)
    touched = select(_r.acted_ticks, _r.cooldown_ticks).where(
        _r.acted_ticks.is_not(None), _r.target == target.key, _r.id != of.remediation_id
    )
    # What was done under a longer one is left alone for as long.
    free_at = max(
        (row.acted_ticks + write + max(own, row.cooldown_ticks) for row in connection.execute(touched)),
        default=of.ticks,
    )
    if free_at > of.ticks:
        left_seconds = (free_at - of.ticks) / TICKS_PER_SECOND
        why = f"something was done to {target.text}, and its cooldown lasts for another {units.duration(left_seconds)}"
        return Verdict("cooldown", False, why, of.now + timedelta(seconds=left_seconds))
    return Verdict("cooldown", True, f"nothing was done to {target.text} lately")


def _cap(connection: Connection, of: Considered, name: str, most: int, which: ColumnElement[bool]) -> Verdict:
    hour = int((_HOUR_SECONDS + WRITE_SECONDS) * TICKS_PER_SECOND)
    within = (_r.acted_ticks.is_not(None), _r.acted_ticks > of.ticks - hour, _r.id != of.remediation_id, which)
    count = connection.execute(select(func.count()).where(*within)).scalar_one()
    if count < most:
        return Verdict(name, True, f"{count} within the hour, at most {most}")
    return Verdict(name, False, f"{count} within the hour already, at most {most} may be")
