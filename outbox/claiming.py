"""What is taken from a lane, in one transaction: of each group the newest state that is due.

It supersedes those that wait before it; with it are told the ends that they were to tell, and every other end that the
destination is owed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select

from alerts.known import with_ends
from alerts.notification import Notification, Thread
from alerts.superseding import superseding
from outbox import beside, destinations, digests
from outbox.holding import held
from outbox.lanes import DUE, FREE, Lane, clock, lock_free
from outbox.prepared import OneOf, Prepared, Row
from outbox.records import AT_ONCE, BESIDE
from outbox.rows import (
    NOTIFICATION,
    counts,
    fires,
    json_text,
    notification_of,
    rank,
    read_alerts,
    settled_values,
    thread_row,
)
from outbox.statements import BYTES_AT_ONCE, update_each, upsert
from outbox.tables import PENDING, alerts, deliveries, threads

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
_TEXTS = Prepared(select(_d.id, _d.notification).where(OneOf(_d.id, "some")))
_ENDED = Prepared(
    select(alerts.c.group_id, alerts.c.fingerprint, alerts.c.alert).where(
        OneOf(alerts.c.group_id, "some"), alerts.c.status == "resolved"
    )
)

SUPERSEDED = "a newer state of its group was told instead"
OVER_BEFORE_TOLD = "it was over before anybody was told"
END_WAS_HELD = "it fires again, and its end was not told yet"


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
class Group:
    """What waits of one group.

    Attributes:
        newest: the row that is to be sent.
        older: those that it supersedes.
        text: the newest one's notification, as it is to be kept.
        whole: the same, read; None where it need not be, or cannot.
        merged: it differs from what was kept.
        thread: what the destination holds.
        doubted: the thread is to be kept with its doubt.
        waits_on: more wait than can be read at once: the newest here is not the newest there is, and is not sent.
    """

    newest: Row
    older: list[Row]
    text: str = ""
    whole: Notification | None = None
    merged: bool = False
    thread: Thread = field(default_factory=Thread)
    doubted: bool = False
    waits_on: bool = False

    @property
    def beside(self) -> bool:
        """Whether it is no state that is told."""
        return self.newest.kind in BESIDE

    @property
    def size(self) -> int:
        """How much there is to be read."""
        return sum(row.size for row in (*self.older, self.newest))


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
        return _group(newest, [row for row in states if row.id < newest.id])
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
    _prepare(connection, lane, groups)
    count = 0
    changes: dict[int, dict[str, Any]] = {}
    for group in groups:
        for row in group.older:
            why = beside.TOGETHER if group.beside else SUPERSEDED
            changes[row.id] = settled_values("superseded", why, asked.now, group.newest.id)
        reason = None if group.waits_on else _needless(lane, group)
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


def _prepare(connection: Connection, lane: Lane, groups: Sequence[Group]) -> None:
    """Read what the rows hold, and put together what each group's newest is to say."""
    texts = _texts(connection, [row.id for group in groups for row in (*group.older, group.newest)])
    in_digests = lane.digest_after_seconds is not None
    known = held(connection, lane.destination, [group.newest.group_id for group in groups], digests=in_digests)
    owed: dict[str, tuple[Group, Notification, set[str]]] = {}
    for group in groups:
        group.text = texts[group.newest.id]
        group.thread = known.get(group.newest.group_id, group.thread)
        if group.beside:
            _tell_together(group, texts)
            continue
        if any(row.attempts for row in group.older) and not group.thread.attempted:
            # What was attempted may have arrived, and its row is about to be closed.
            group.thread, group.doubted = group.thread.doubted(), True
        if not group.older and not group.thread.open_fingerprints:
            continue
        newest = notification_of(group.text)
        if newest is None:
            continue
        merged = superseding(newest, [each for row in group.older if (each := notification_of(texts[row.id]))])
        named = {alert.fingerprint for alert in merged.group.alerts}
        missing = {each for each in group.thread.open_fingerprints if each not in named}
        if missing and merged.send_resolved:
            owed[group.newest.group_id] = (group, merged, missing)
        group.whole = merged
        if merged != newest:
            group.merged, group.text = True, json_text(NOTIFICATION, merged)
    _add_owed_ends(connection, owed)


def _tell_together(group: Group, texts: Mapping[int, str]) -> None:
    newest = notification_of(group.text)
    if group.older and newest is not None:
        older = [each for row in group.older if (each := notification_of(texts[row.id]))]
        group.whole = beside.together(newest, older)
        group.merged, group.text = True, json_text(NOTIFICATION, group.whole)


def _add_owed_ends(connection: Connection, owed: dict[str, tuple[Group, Notification, set[str]]]) -> None:
    """Of alerts told as firing that the newest state does not name, tell the ends of those that are over."""
    ended: dict[str, list[str]] = {}
    for row in _ENDED.rows(connection, {"some": list(owed)}) if owed else ():
        if row.fingerprint in owed[row.group_id][2]:
            ended.setdefault(row.group_id, []).append(row.alert)
    for group_id, rows in ended.items():
        group, merged, _ = owed[group_id]
        group.whole = replace(merged, group=with_ends(merged.group, read_alerts(rows)))
        group.merged, group.text = True, json_text(NOTIFICATION, group.whole)


def _needless(lane: Lane, group: Group) -> str | None:
    """Why a group's newest state need not be sent; None when it must."""
    if group.beside:
        return None
    firing = fires(counts(group.whole) if group.whole else json.loads(group.newest.counts or '{"?": 1}'))
    if lane.wakes and not firing and not group.thread.open and not group.newest.attempts:
        return OVER_BEFORE_TOLD
    was_held = any(row.due_at != AT_ONCE and not row.attempts for row in group.older)
    still_open = set(group.thread.open_fingerprints)
    if was_held and still_open and group.whole is not None and not group.thread.attempted:
        alike = {alert.fingerprint for alert in group.whole.group.firing} <= still_open
        ends = still_open & {alert.fingerprint for alert in group.whole.group.resolved}
        if alike and not ends:
            return END_WAS_HELD
    return None


def _texts(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    return {row.id: row.notification for row in _TEXTS.rows(connection, {"some": ids})}
