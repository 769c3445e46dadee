"""How something that is done about an alert begins.

It is taken up with a delivery; later the guards are asked and it stands that it may have been done, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from alerts.remediation import Proposal, Verdict
from outbox.guard_clock import TICKS_PER_SECOND, lock
from outbox.records import Remediation, Step, TakenUp
from outbox.remediation_guards import Bounds, Considered, verdicts
from outbox.remediation_rows import PROPOSAL, VERDICTS, held_by, new_row, with_step
from outbox.rows import json_text
from outbox.tables import remediations

_r = remediations.c
_AGAIN = ("refused", "expired")
_AS_IT_CAME = ("state", "event_id", "proposed_at", "due_at", "dry_run", "hidden", "verb", "rule")


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
class Beginning:
    """What is to begin; see `Remediations.begin`."""

    remediation: Remediation
    proposal: Proposal
    bounds: Bounds
    verdicts: tuple[Verdict, ...]
    now: datetime
    act: bool


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
            steps = with_step(there.steps, Step(now, "taken up again: the alert still fires"))
            again = {name: row[name] for name in _AS_IT_CAME}
            fresh = {"result": None, "detail": "", "tries": 0, "storm": False, "proposed_ticks": None}
            gone = {"approved_at": None, "approved_by": None}
            connection.execute(
                update(remediations).where(_r.token == row["token"]).values({**again, **fresh, **gone, "steps": steps})
            )


def begin(connection: Connection, asked: Beginning, owner: str, ticks: int) -> Begun:
    """Ask the guards, and keep that it may have been done from now on; the guards' lock is to be held."""
    of = asked.remediation
    held = held_by(of, owner)
    row = connection.execute(select(_r.acted_ticks, _r.state, _r.steps).where(held)).first()
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
            "detail": "",
            "acted_at": asked.now,
            "acted_ticks": ticks,
            "cooldown_ticks": int(asked.bounds.cooldown_seconds * TICKS_PER_SECOND),
            "target": asked.proposal.target.key,
            "proposal": json_text(PROPOSAL, asked.proposal),
            "verdicts": json_text(VERDICTS, said),
            "due_at": asked.now,
            "steps": with_step(row.steps, Step(asked.now, "begun: it may be done from now on")),
        }
        connection.execute(update(remediations).where(held).values(begun))
    return Begun(True, allowed, said)
