"""What is taken from a lane, in one transaction: of each group the newest state that is due.

It supersedes those that wait before it: `composing.py` says what it then tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select

from outbox import beside, destinations, digests
from outbox.composing import SUPERSEDED, Group, needless, prepare
from outbox.lanes import DUE, FREE, Lane, clock, lock_free
from outbox.prepared import OneOf, Prepared, Row
from outbox.records import BESIDE
from outbox.rows import (
    counts,
    rank,
    settled_values,
    thread_row,
)
from outbox.statements import BYTES_AT_ONCE, update_each, upsert
from outbox.tables import PENDING, deliveries, threads

# So many more groups than are asked for are looked at, for some may have something in flight.
_PAGE = 32
_PAGES = 40

_d = deliveries.c
_HERE = and_(_d.destination == bindparam("here"), PENDING)


def _heads(*order: Any) -> Prepared:
    statement = select(_d.group_id).where(_HERE, DUE, FREE).order_by(*order)
    return Prepared(statement.limit(bindparam("size")).offset(bindparam("skipped")))


_HEADS = {True: _heads(_d.id), False: _heads(_d.rank, _d.id)}
"""By whether the oldest go first."""
_MEMBERS = Prepared(
    select(
        *(column for column in deliveries.c if column.name not in ("notification", "detail", "tells")),
        and_(DUE, FREE).label("ready"),
        FREE.label("free"),
        func.length(_d.notification).label("size"),
    )
    .where(_HERE, OneOf(_d.group_id, "some"))
    .order_by(_d.id)
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a claim asks for.

    Attributes:
        lease_seconds: for how long what is taken is held.
        oldest_first: critical or not; every now and then, so that nothing waits for ever.
        owner: the process that asks.
    """

    lanes: Sequence[Lane]
    now: datetime
    lease_seconds: float
    oldest_first: bool
    owner: str

    @property
    def lease_until(self) -> datetime:
        """When what is taken is free again."""
        return self.now + timedelta(seconds=self.lease_seconds)


@dataclass(slots=True)
class Taken:
    """What a claim takes, while it is made.

    Attributes:
        settled: what need not be sent any more, as (destination, state) pairs.
        look_at: when more may be taken.
        more: there may be more that could be taken at once.
    """

    groups: list[Group] = field(default_factory=list)
    settled: list[tuple[str, str]] = field(default_factory=list)
    look_at: list[datetime] = field(default_factory=list)
    more: bool = False


def take(connection: Connection, asked: Asked) -> Taken:
    """Take what the lanes may be given."""
    taken = Taken()
    known = destinations.load(connection, [lane.destination for lane in asked.lanes], lock=True)
    for lane in sorted(asked.lanes, key=lambda lane: lane.destination):
        after = before = known[lane.destination]
        room = min(lane.limit, before.may_send(lane.pace, asked.now))
        if room > 0:
            digest = digests.consider(connection, lane, before, asked.now, asked.lease_seconds)
            groups = _chosen(connection, asked, lane, room, digest)
            count = _take_groups(connection, asked, lane, groups, taken)
            after = digest.destination.sending(count, lane.pace, asked.now) if count else digest.destination
            taken.settled += [(lane.destination, "digested")] * digest.digested
            taken.look_at += [digest.look_at] if digest.look_at else []
            taken.more |= len(groups) >= lane.limit
        next_at = after.next_at(lane.pace, asked.now)
        taken.look_at += [next_at] if next_at else []
        destinations.save(connection, before, after)
    return taken


def _chosen(connection: Connection, asked: Asked, lane: Lane, room: int, digest: digests.Considered) -> list[Group]:
    """The groups whose turn it is."""
    chosen: list[Group] = []
    size = 0
    for group in _waiting(connection, asked, lane, digest):
        if chosen and size + group.size > BYTES_AT_ONCE:
            break
        chosen.append(group)
        size += group.size
        if len(chosen) >= room:
            break
    return chosen


def _waiting(connection: Connection, asked: Asked, lane: Lane, digest: digests.Considered) -> Iterator[Group]:
    """Groups of which something is due and nothing in flight, the first first."""
    heads = _HEADS[asked.oldest_first]
    here = {"here": lane.destination, **clock(asked.now, asked.lease_seconds)}
    size = 2 * lane.limit + _PAGE
    seen = set(digest.kept_back)
    for page in range(_PAGES):
        found = heads.values(connection, {**here, "size": size, "skipped": page * size})
        new = [group_id for group_id in dict.fromkeys(found) if group_id not in seen]
        seen.update(new)
        by_group: dict[str, list[Any]] = {group_id: [] for group_id in new}
        for row in _MEMBERS.rows(connection, {**here, "some": new}) if new else ():
            by_group[row.group_id].append(row)
        for rows in by_group.values():
            group = _next(rows) if all(row.free for row in rows) else None
            if group is not None:
                yield group
        if len(found) < size:
            return


def _next(rows: Sequence[Row]) -> Group | None:
    """What is told next of a group: its newest state; what is told beside, where no state is due."""
    states = [row for row in rows if row.kind not in BESIDE]
    newest = next((row for row in reversed(states) if row.ready), None)
    if newest is not None:
        # A message that is edited later would show less than it did.
        replaced = (row for row in rows if row.kind not in BESIDE or row.kind == "refresh")
        return _group(newest, [row for row in replaced if row.id < newest.id])
    *older, last = beside.next_beside(rows) or [None]
    return None if last is None else _group(last, older)


def _group(newest: Row, older: list[Row]) -> Group:
    """A group's states; of too many, in bytes, the oldest, of which another takes the place and waits on."""
    size = newest.size
    for count, row in enumerate(older):
        size += row.size
        if size > BYTES_AT_ONCE and count > 1:
            return Group(older[count - 1], older[: count - 1], waits_on=True)
    return Group(newest, older)


def _take_groups(connection: Connection, asked: Asked, lane: Lane, groups: Sequence[Group], taken: Taken) -> int:
    """Write down what becomes of the rows, and return how many are to be sent."""
    ids = [row.id for group in groups for row in (*group.older, group.newest)]
    locked = lock_free(connection, ids, asked.now, asked.lease_seconds)
    groups = [group for group in groups if locked.issuperset(row.id for row in (*group.older, group.newest))]
    prepare(connection, lane, groups)
    count = 0
    changes: dict[int, dict[str, Any]] = {}
    for group in groups:
        for row in group.older:
            why = beside.TOGETHER if group.beside else SUPERSEDED
            changes[row.id] = settled_values("superseded", why, asked.now, group.newest.id)
        reason = None if group.waits_on else needless(lane, group)
        values: dict[str, Any] = {}
        if group.waits_on:
            taken.more = True
        elif reason is None:
            count += 1
            taken.groups.append(group)
            values = {
                "lease_owner": asked.owner,
                "lease_until": asked.lease_until,
                "attempts": group.newest.attempts + 1,
            }
        else:
            values = settled_values("suppressed", reason, asked.now)
            taken.settled.append((lane.destination, "suppressed"))
        if group.merged and group.whole is not None:
            values |= {
                "notification": group.text,
                "counts": json.dumps(counts(group.whole)),
                "rank": rank(group.whole),
            }
        if values:
            changes[group.newest.id] = values
        taken.settled += [(lane.destination, "superseded")] * len(group.older)
    update_each(connection, deliveries, changes)
    doubted = [group for group in groups if group.doubted]
    upsert(
        connection,
        threads,
        [thread_row(lane.destination, each.newest.group_id, each.thread, asked.now) for each in doubted],
    )
    return count
