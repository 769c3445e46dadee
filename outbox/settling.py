"""What came of attempts, kept in one transaction: the deliveries, what their destinations hold, and how those fare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select, text, update

from alerts.notification import Receipt, SendError, Thread
from alerts.timeline import Entry
from outbox import beside, destinations, holding
from outbox.pacing import Destination
from outbox.prepared import OneOf, Prepared
from outbox.records import BESIDE, Delivery, TakenUp
from outbox.remediation_beginnings import take_up
from outbox.retry import Outcome
from outbox.rows import plain_text, settled_values, thread_row
from outbox.statements import chunks, insert_rows, update_each, upsert
from outbox.tables import DIGESTED, PENDING, deliveries, threads
from outbox.watchdog_words import GROUP_KEY

_d = deliveries.c
_held_by = (
    select(_d.id, _d.lease_until)
    .where(OneOf(_d.id, "some"), PENDING, _d.lease_owner == bindparam("me"))
    .order_by(_d.id)
)
_HELD = Prepared(_held_by)
_HELD_LOCKED = Prepared(_held_by.with_for_update())
_UNTOLD = Prepared(
    select(_d.id).where(_d.untold > text("0"), _d.destination == bindparam("here"), OneOf(_d.group_id, "some"))
)


_REREAD_AT = Prepared(
    update(threads)
    .where(threads.c.destination == bindparam("here"), threads.c.group_id == bindparam("of"))
    .values(reread_at=bindparam("at", type_=threads.c.reread_at.type))
)
_OPEN_IN_DIGEST = Prepared(
    select(_d.group_id)
    .distinct()
    .join(threads, and_(threads.c.destination == _d.destination, threads.c.group_id == _d.group_id))
    .where(_d.successor_id == bindparam("digest"), DIGESTED, threads.c.open == 1)
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an attempt led to.

    Attributes:
        thread: what the destination holds now; None when that has not changed.
        result: what the attempt brought, for what it says about the destination; None where it says nothing.
        dice: uniform from 0 to 1.
        entries: what is to be told beside it, once it is told.
        reread_at: when what was found is to be looked up again; None leaves that as it is.
        takes_up: alerts about which something may be done.
    """

    delivery: Delivery
    outcome: Outcome
    thread: Thread | None
    result: Receipt | SendError | None
    now: datetime
    dice: float = 0.5
    entries: tuple[Entry, ...] = ()
    reread_at: datetime | None = None
    takes_up: tuple[TakenUp, ...] = ()


def settle(connection: Connection, settlements: Sequence[Settlement], owner: str) -> list[bool]:
    """Keep what attempts led to; False for a delivery that this process no longer held: nothing is kept of it."""
    by_destination: dict[str, list[Settlement]] = {}
    for each in settlements:
        by_destination.setdefault(each.delivery.destination, []).append(each)
    # In one order everywhere, so that no two replicas wait for each other's locks: destinations, then deliveries.
    _note(connection, by_destination, owner)
    held = _held(connection, [each.delivery for each in settlements], owner)
    kept = [each for each in settlements if _claim(each.delivery) in held]
    update_each(connection, deliveries, {each.delivery.id: _values(each) for each in kept})
    told = [
        thread_row(each.delivery.destination, each.delivery.group_id, each.thread, each.now)
        for each in kept
        if each.thread is not None
    ]
    upsert(connection, threads, {(row["destination"], row["group_id"]): row for row in told}.values())
    for each in kept:
        if each.reread_at is not None:
            _REREAD_AT.run(
                connection, {"here": each.delivery.destination, "of": each.delivery.group_id, "at": each.reread_at}
            )
    insert_rows(
        connection, deliveries, [row for each in kept for row in beside.rows(each.delivery, each.entries, each.now)]
    )
    for each in kept:
        of = each.delivery
        take_up(connection, each.takes_up, of.destination, of.event_id, of.received_at, each.now)
    for each in kept:
        if each.delivery.kind == "digest" and each.outcome.state == "delivered":
            _close(connection, each)
    for name, of_destination in by_destination.items():
        _got_through(connection, name, [each for each in of_destination if _claim(each.delivery) in held])
    return [_claim(each.delivery) in held for each in settlements]


def _close(connection: Connection, settlement: Settlement) -> None:
    """Keep what a digest brought to its end of what its destination had heard by itself.

    The rest, which is open still or was never told but in digests, follows from the digests' rows: see `holding.py`.
    """
    here = settlement.delivery.destination
    for some in chunks(_OPEN_IN_DIGEST.values(connection, {"digest": settlement.delivery.id})):
        now_held = holding.held(connection, here, some, digests=True)
        rows = [
            thread_row(here, group, thread, settlement.now) for group, thread in now_held.items() if not thread.open
        ]
        upsert(connection, threads, rows)


def _note(connection: Connection, by_destination: Mapping[str, Sequence[Settlement]], owner: str) -> None:
    """Keep how destinations fare; while they fare well, nothing is written."""
    known = destinations.load(connection, by_destination, lock=False)
    changed = {
        name: settlements
        for name, settlements in by_destination.items()
        if _fares(known[name], settlements) != known[name]
    }
    if not changed:
        return
    # What came of an attempt that is another process' by now is not news.
    held = _held(connection, [each.delivery for some in changed.values() for each in some], owner, lock=False)
    known = destinations.load(connection, changed, lock=True)
    for name, settlements in changed.items():
        kept = [each for each in settlements if _claim(each.delivery) in held]
        destinations.save(connection, known[name], _fares(known[name], kept))


def _fares(destination: Destination, settlements: Sequence[Settlement]) -> Destination:
    for each in settlements:
        if each.result is not None:
            destination = destination.after(each.result, each.now, lambda dice=each.dice: dice)  # type: ignore[misc]
    return destination


def give_back(connection: Connection, unsent: Sequence[Delivery], owner: str) -> None:
    """Let go of deliveries that were not sent: it was no attempt."""
    held = _held(connection, unsent, owner)
    values = {"lease_owner": None, "lease_until": None}
    rows = {each.id: {**values, "attempts": each.attempts - 1} for each in unsent if _claim(each) in held}
    update_each(connection, deliveries, rows)


def _held(
    connection: Connection, claimed: Sequence[Delivery], owner: str, *, lock: bool = True
) -> set[tuple[int, datetime]]:
    """The claims by which this process holds any of these deliveries: one may have been claimed, and lost, before."""
    ids = sorted({each.id for each in claimed})
    rows = (_HELD_LOCKED if lock else _HELD).rows(connection, {"some": ids, "me": owner})
    return {(row.id, row.lease_until) for row in rows}


def _claim(delivery: Delivery) -> tuple[int, datetime]:
    return delivery.id, delivery.lease_until


def _values(settlement: Settlement) -> dict[str, Any]:
    outcome = settlement.outcome
    if outcome.state != "pending":
        values = settled_values(outcome.state, plain_text(outcome.detail), settlement.now)
        # The news that a destination fails is not itself told elsewhere when it dies: it would never end.
        missed = not _tells_of_failing(settlement.delivery) and _heard(settlement.delivery)
        return {**values, "untold": int(outcome.state == "dead" and missed)}
    return {"detail": plain_text(outcome.detail), "due_at": outcome.due_at, "lease_owner": None, "lease_until": None}


def _tells_of_failing(delivery: Delivery) -> bool:
    """Whether it is about a destination that fails, or a loss; of this service's own messages a watchdog's are not."""
    return delivery.kind == "fallback" and not delivery.notification.group.group_key.startswith(GROUP_KEY)


def _heard(delivery: Delivery) -> bool:
    """Whether somebody was to hear of something by it: what is beside a state may be seen there, too."""
    return delivery.kind not in BESIDE or any(entry.loud for entry in delivery.notification.entries)


def _got_through(connection: Connection, name: str, settlements: Sequence[Settlement]) -> None:
    """What died before in groups of which a later state has arrived is told after all."""
    told = {
        each.delivery.group_id
        for each in settlements
        if each.outcome.state == "delivered" and each.delivery.kind not in BESIDE
    }
    dead = _UNTOLD.values(connection, {"here": name, "some": sorted(told)}) if told else []
    # By their ids, as others lock them.
    update_each(connection, deliveries, {each: {"untold": 0} for each in dead})
