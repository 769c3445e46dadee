"""Digests: many groups told in one message, where one by one would take too long.

A digest is a delivery of its own. The rows that it tells end as "digested" in the transaction that makes it; what their
destination holds of their groups follows from them when it is asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, insert, not_, select, update

from alerts.model import AlertGroup
from alerts.notification import Digest, Notification
from alerts.severity import SEVERITIES, worst_first
from alerts.superseding import superseding
from outbox.lanes import DUE, FREE, Lane, clock, lock_free
from outbox.pacing import Destination
from outbox.prepared import OneOf, Prepared, Row
from outbox.records import Planned
from outbox.rows import NOTIFICATION, RESOLVED, counts, delivery_row, fires, json_text, notification_of, settled_values
from outbox.statements import chunks, update_each
from outbox.tables import DIGESTED as TOLD_IN_DIGEST
from outbox.tables import PENDING, deliveries, threads

DIGESTED = "told in a digest"

_RANK = -1
_WORST = 10
_AT_ONCE = 20_000


_d = deliveries.c
_HERE = and_(_d.destination == bindparam("here"), PENDING)
_DIGESTS_WAIT = Prepared(select(_d.id).where(_HERE, _d.rank == _RANK))
_TOLD_BY = Prepared(
    select(_d.group_id).distinct().where(_d.destination == bindparam("here"), OneOf(_d.successor_id, "some"))
)
_COUNT = Prepared(
    select(func.count()).select_from(select(_d.id).where(_HERE, _d.kind == "state").limit(bindparam("size")).subquery())
)
_states = (
    select(_d.id, _d.event_id, _d.group_id, _d.receiver, _d.action, _d.rank, _d.counts, _d.received_at)
    .add_columns(and_(DUE, FREE).label("ready"))
    .where(_HERE, _d.kind == "state")
    .order_by(_d.id)
    .limit(bindparam("size"))
)
# As `counts` are written: nothing among them but what is over.
_OVER = Prepared(_states.where(_d.counts.like('{"resolved"%'), _d.counts.not_like("%,%")))
_STATES = Prepared(_states)
_KEPT = Prepared(
    select(threads.c.group_id).where(
        threads.c.destination == bindparam("here"),
        OneOf(threads.c.group_id, "some"),
        threads.c.open == 1,
        threads.c.handle.is_not(None),
    )
)
_OLDEST = Prepared(select(_d.received_at).where(_HERE, _d.kind == "state").order_by(_d.id).limit(1))


@dataclass(frozen=True, slots=True)
class Considered:
    """What is to be told in a digest.

    Attributes:
        destination: as it is afterwards.
        kept_back: groups of which nothing is told now: a digest that tells an older state of theirs waits or is in
            flight, or their ends wait for the next.
        digested: how many deliveries were put into one.
        look_at: when the next may be made; None when nothing waits for it.
    """

    destination: Destination
    kept_back: frozenset[str] = frozenset()
    digested: int = 0
    look_at: datetime | None = None


@dataclass(slots=True)
class _Waiting:
    """What waits of one group, oldest first."""

    rows: list[Row]
    counted: Mapping[str, int] = field(default_factory=dict)

    @property
    def newest(self) -> Row:
        return self.rows[-1]

    @property
    def urgency(self) -> tuple[int, int]:
        """For sorting: the worst first, what has waited longest before what has not."""
        worst = min((at for at, name in enumerate(SEVERITIES) if self.counted.get(name)), default=len(SEVERITIES))
        return worst, self.newest.id


def consider(
    connection: Connection, lane: Lane, destination: Destination, now: datetime, lease_seconds: float
) -> Considered:
    """Make a digest for a lane when it is time for one.

    When more groups wait than its pace allows within `digest_after`, all of them are told in one, but for as many
    critical ones as can be told by themselves in that time. The ends of what a digest told wait for the next.
    """
    if lane.digest_after_seconds is None or lane.pace is None:
        return Considered(destination)
    in_digest = _groups_in_pending(connection, lane)
    if in_digest and destination.failing:
        # Once it is well again the next tells the rest, in one.
        return Considered(destination, kept_back=in_digest)
    considered = _consider(connection, lane, destination, now, lease_seconds, in_digest)
    return replace(considered, kept_back=considered.kept_back | in_digest)


def _consider(
    connection: Connection,
    lane: Lane,
    destination: Destination,
    now: datetime,
    lease_seconds: float,
    in_digest: frozenset[str],
) -> Considered:
    assert lane.digest_after_seconds is not None
    assert lane.pace is not None
    room = max(1, int(lane.pace.rate_per_second * lane.digest_after_seconds))
    here = {"here": lane.destination}
    fits = _COUNT.values(connection, {**here, "size": room + 1})[0] <= room
    if not fits:
        make_at = _make_at(destination, _OLDEST.values(connection, here)[0], lane.digest_after_seconds, now)
        if make_at > now:
            # It is not time yet, and there may be many: only the ends are looked at, of which there are few in a storm.
            over = _waiting(connection, lane, now, lease_seconds, _OVER, in_digest)
            ends = _ends_of_digested(connection, lane, over)
            return Considered(destination, kept_back=_groups(ends), look_at=make_at)
    waiting = _waiting(connection, lane, now, lease_seconds, _STATES, in_digest)
    ends = _ends_of_digested(connection, lane, waiting)
    if len(waiting) > room:
        critical = [group for group in waiting if group.newest.rank == 0][:room]
        alone = {group.newest.group_id for group in critical}
        together = [group for group in waiting if group.newest.group_id not in alone]
    else:
        together = ends
    if not together:
        return Considered(destination)
    oldest: datetime = min(group.rows[0].received_at for group in together)
    make_at = _make_at(destination, oldest, lane.digest_after_seconds, now)
    if make_at > now:
        return Considered(destination, kept_back=_groups(ends), look_at=make_at)
    locked = lock_free(connection, [row.id for group in together for row in group.rows], now, lease_seconds)
    together = [group for group in together if locked.issuperset(row.id for row in group.rows)]
    if not together:
        return Considered(destination)
    _make(connection, lane, together, now)
    rows = sum(len(group.rows) for group in together)
    return Considered(replace(destination, digested_at=now), kept_back=_groups(together), digested=rows)


def _groups_in_pending(connection: Connection, lane: Lane) -> frozenset[str]:
    """The groups of which a digest that waits or is in flight tells an older state."""
    ids = _DIGESTS_WAIT.values(connection, {"here": lane.destination})
    return frozenset(_TOLD_BY.values(connection, {"here": lane.destination, "some": ids}) if ids else ())


def _groups(waiting: Iterable[_Waiting]) -> frozenset[str]:
    return frozenset(group.newest.group_id for group in waiting)


def _waiting(
    connection: Connection,
    lane: Lane,
    now: datetime,
    lease_seconds: float,
    rows: Prepared,
    in_digest: frozenset[str],
) -> list[_Waiting]:
    """Groups that wait, with nothing in flight, by themselves or in a digest."""
    parameters = {"here": lane.destination, **clock(now, lease_seconds), "size": _AT_ONCE}
    by_group: dict[str, list[Row]] = {}
    for row in rows.rows(connection, parameters):
        by_group.setdefault(row.group_id, []).append(row)
    if lane.timeline and by_group:
        # Their messages are edited, which calls nobody: in a digest each would go on saying what it said.
        kept = _KEPT.values(connection, {"here": lane.destination, "some": list(by_group)})
        in_digest = in_digest.union(kept)
    found = [
        _Waiting(rows)
        for group_id, rows in by_group.items()
        if group_id not in in_digest and all(row.ready for row in rows)
    ]
    for group in found:
        group.counted = json.loads(group.newest.counts or "{}")
    return found


def _ends_of_digested(connection: Connection, lane: Lane, waiting: Iterable[_Waiting]) -> list[_Waiting]:
    """Of groups that are over those that a digest told as firing, and nothing after it told by themselves."""
    over = {group.newest.group_id: group for group in waiting if group.counted and not fires(group.counted)}
    d, t = deliveries, threads
    into = d.alias("into")
    of_group = and_(t.c.destination == d.c.destination, t.c.group_id == d.c.group_id)
    told_since = and_(t.c.updated_at.is_not(None), t.c.updated_at >= into.c.settled_at)
    joined = d.join(into, into.c.id == d.c.successor_id).outerjoin(t, of_group)
    last: dict[str, str] = {}
    for some in chunks(list(over)):
        digested = (
            select(d.c.group_id, d.c.counts)
            .select_from(joined)
            .where(TOLD_IN_DIGEST, d.c.destination == lane.destination, d.c.group_id.in_(some))
            .where(into.c.state == "delivered", not_(told_since))
            .order_by(d.c.id)
        )
        last.update({row.group_id: row.counts for row in connection.execute(digested)})
    return [over[group_id] for group_id, counted in last.items() if fires(json.loads(counted or "{}"))]


def _make_at(destination: Destination, oldest: datetime, after_seconds: float, now: datetime) -> datetime:
    """When a digest is made: not at the first sign of a storm, and not again and again while it lasts."""
    moments = [oldest + timedelta(seconds=after_seconds / 3)]
    if destination.digested_at is not None:
        moments.append(destination.digested_at + timedelta(seconds=after_seconds))
    # What is further ahead than it could have been set is from before the clock was put back.
    longest = now + timedelta(seconds=2 * after_seconds)
    return max((each for each in moments if each <= longest), default=now)


def _make(connection: Connection, lane: Lane, together: Sequence[_Waiting], now: datetime) -> None:
    # Rows of the version before have not been counted.
    several = [group for group in together if len(group.rows) > 1 or not group.counted]
    for some in chunks(several):
        for group, whole in zip(some, _merged(connection, some), strict=True):
            group.counted = counts(whole)
    total = Counter[str]()
    for group in together:
        total.update(group.counted)
    leading = sorted(together, key=lambda group: group.urgency)[:_WORST]
    told = _merged(connection, leading)
    worst = worst_first(alert for each in told for alert in each.group.alerts)[:_WORST]
    newest = max(group.newest.id for group in together)
    resolved = total.pop(RESOLVED, 0)
    digest = Digest(len(together), {name: total[name] for name in SEVERITIES if total[name]}, resolved)
    fingerprints = {alert.fingerprint for alert in worst}
    notification = Notification(
        receiver=leading[0].newest.receiver,
        action=leading[0].newest.action,
        index=int(lane.destination.rpartition("/")[2]),
        group=AlertGroup(
            f"digest:{lane.destination}:{newest}", tuple(worst), truncated_alerts=max(0, digest.alerts - len(worst))
        ),
        findings={
            fingerprint: found
            for each in told
            for fingerprint, found in each.findings.items()
            if fingerprint in fingerprints
        },
        digest=digest,
    )
    row = {
        **delivery_row(Planned(notification, kind="digest"), leading[0].newest.event_id, now),
        "rank": _RANK,
    }
    digest_id = connection.execute(insert(deliveries).values(row).returning(deliveries.c.id)).scalar_one()
    if lane.external_url:
        linked = replace(notification, page_url=f"{lane.external_url.rstrip('/')}/digests/{digest_id}")
        text = json_text(NOTIFICATION, linked)
        connection.execute(update(deliveries).where(deliveries.c.id == digest_id).values(notification=text))
    values = settled_values("digested", DIGESTED, now, digest_id)
    for ids in chunks([row.id for group in together for row in group.rows]):
        connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(values))
    # Of a group of which several states waited, the newest row stands for all that was told.
    update_each(connection, deliveries, {group.newest.id: {"counts": json.dumps(group.counted)} for group in several})


def _merged(connection: Connection, groups: Sequence[_Waiting]) -> list[Notification]:
    """What each group's newest row would have told by itself."""
    read: dict[int, Notification] = {}
    for some in chunks([row.id for group in groups for row in group.rows]):
        statement = select(deliveries.c.id, deliveries.c.notification).where(deliveries.c.id.in_(some))
        for row in connection.execute(statement):
            notification = notification_of(row.notification)
            if notification is not None:
                read[row.id] = notification
    return [_whole(group, [read[row.id] for row in group.rows if row.id in read]) for group in groups]


def _whole(group: _Waiting, read: Sequence[Notification]) -> Notification:
    if not read:
        # Another version's: counted, and listed by no name.
        return Notification(group.newest.receiver, group.newest.action, 0, AlertGroup("", ()))
    return superseding(read[-1], read[:-1]) if len(read) > 1 else read[0]
