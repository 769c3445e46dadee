"""What destinations hold of groups: what they heard of them by themselves, and in digests after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError
from sqlalchemy import Connection, and_, bindparam, or_, select

from alerts.notification import Thread
from outbox.prepared import OneOf, Prepared
from outbox.rows import THREAD, notification_of
from outbox.tables import DIGESTED, deliveries, threads

_d = deliveries.c
_into = deliveries.alias("into")
_THREADS = Prepared(
    select(threads.c.group_id, threads.c.thread, threads.c.updated_at).where(
        threads.c.destination == bindparam("here"), OneOf(threads.c.group_id, "some")
    )
)
_HEARD = Prepared(
    select(_d.group_id, _d.destination, _into.c.state)
    .distinct()
    .join(_into, _into.c.id == _d.successor_id)
    .where(DIGESTED, OneOf(_d.group_id, "some"), or_(_into.c.state == "pending", _into.c.state == "delivered"))
)
_DIGESTED = Prepared(
    select(_d.group_id, _d.notification, _into.c.settled_at)
    .join(_into, _into.c.id == _d.successor_id)
    .outerjoin(threads, and_(threads.c.destination == _d.destination, threads.c.group_id == _d.group_id))
    .where(DIGESTED, _d.destination == bindparam("here"), OneOf(_d.group_id, "some"), _into.c.state == "delivered")
    .where(or_(threads.c.updated_at.is_(None), _into.c.settled_at > threads.c.updated_at))
    .order_by(_d.id)
)


def held(connection: Connection, destination: str, group_ids: Sequence[str], *, digests: bool) -> dict[str, Thread]:
    """What a destination holds of groups, by their ids; those of which it never heard are left out.

    Args:
        digests: it may have heard of them in digests.
    """
    found: dict[str, Thread] = {}
    rows = {row.group_id: row for row in _THREADS.rows(connection, {"here": destination, "some": group_ids})}
    for group_id, row in rows.items():
        try:
            found[group_id] = THREAD.validate_json(row.thread)
        except ValidationError:
            # Another version's: what it held is in doubt.
            found[group_id] = Thread(attempted=True)
    if digests:
        found |= _told(connection, destination, group_ids, found)
    return found


def holding_digests(connection: Connection, group_ids: Sequence[str]) -> dict[tuple[str, str], frozenset[str]]:
    """Which destinations heard of groups in digests that are not over there, or are about to.

    Returns:
        By group's id and destination the fingerprints that it holds; empty where that is not known yet.
    """
    found: dict[tuple[str, str], frozenset[str]] = {}
    by_destination: dict[str, set[str]] = {}
    for group_id, destination, state in _HEARD.rows(connection, {"some": group_ids}):
        if state == "pending":
            found[group_id, destination] = frozenset()
        else:
            by_destination.setdefault(destination, set()).add(group_id)
    for destination, told in by_destination.items():
        for group_id, thread in held(connection, destination, sorted(told), digests=True).items():
            if thread.open:
                found[group_id, destination] = frozenset(thread.open_fingerprints)
    return found


def _told(
    connection: Connection,
    destination: str,
    group_ids: Sequence[str],
    known: Mapping[str, Thread],
) -> dict[str, Thread]:
    """What a destination holds of groups of which it heard in digests after it heard of them by themselves.

    Args:
        known: each group's thread, for those that have one.
    """
    found: dict[str, Thread] = {}
    for row in _DIGESTED.rows(connection, {"here": destination, "some": group_ids}):
        notification = notification_of(row.notification)
        if notification is not None:
            thread = found.get(row.group_id) or known.get(row.group_id) or Thread()
            found[row.group_id] = replace(thread.told(notification, row.settled_at), digested=True)
    return found
