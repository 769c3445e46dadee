"""What destinations hold of groups: what they heard of them by themselves, and in digests after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import Connection, select

from alerts.notification import Thread
from outbox.rows import THREAD, notification_of
from outbox.statements import chunks
from outbox.tables import deliveries, threads


def held(connection: Connection, destination: str, group_ids: Sequence[str], *, digests: bool) -> dict[str, Thread]:
    """What a destination holds of groups, by their ids; those of which it never heard are left out.

    Args:
        digests: it may have heard of them in digests.
    """
    found: dict[str, Thread] = {}
    t = threads
    for some in chunks(group_ids):
        statement = select(t.c.group_id, t.c.thread, t.c.updated_at).where(
            t.c.destination == destination, t.c.group_id.in_(some)
        )
        rows = {row.group_id: row for row in connection.execute(statement)}
        for group_id, row in rows.items():
            try:
                found[group_id] = THREAD.validate_json(row.thread)
            except ValidationError:
                # Another version's: what it held is in doubt.
                found[group_id] = Thread(attempted=True)
        if digests:
            since = {group_id: row.updated_at for group_id, row in rows.items()}
            found |= _told(connection, destination, some, since, found)
    return found


def holding_digests(connection: Connection, group_ids: Sequence[str]) -> dict[tuple[str, str], frozenset[str]]:
    """Which destinations heard of groups in digests that are not over there, or are about to.

    Returns:
        By group's id and destination the fingerprints that it holds; empty where that is not known yet.
    """
    found: dict[tuple[str, str], frozenset[str]] = {}
    by_destination: dict[str, set[str]] = {}
    d = deliveries
    into = d.alias("into")
    for some in chunks(group_ids):
        statement = (
            select(d.c.group_id, d.c.destination, into.c.state)
            .distinct()
            .join(into, into.c.id == d.c.successor_id)
            .where(d.c.state == "digested", d.c.group_id.in_(some), into.c.state.in_(("pending", "delivered")))
        )
        for group_id, destination, state in connection.execute(statement):
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
    since: Mapping[str, datetime],
    known: Mapping[str, Thread],
) -> dict[str, Thread]:
    """What a destination holds of groups of which it heard in digests after it heard of them by themselves.

    Args:
        since: when each group's thread was last kept, for those that have one.
        known: those.
    """
    d = deliveries
    into = d.alias("into")
    statement = (
        select(d.c.group_id, d.c.notification, into.c.settled_at)
        .join(into, into.c.id == d.c.successor_id)
        .where(
            d.c.state == "digested",
            d.c.destination == destination,
            d.c.group_id.in_(group_ids),
            into.c.state == "delivered",
        )
        .order_by(d.c.id)
    )
    found: dict[str, Thread] = {}
    for row in connection.execute(statement):
        if row.group_id in since and row.settled_at <= since[row.group_id]:
            continue
        notification = notification_of(row.notification)
        if notification is not None:
            thread = found.get(row.group_id) or known.get(row.group_id) or Thread()
            found[row.group_id] = replace(thread.told(notification, row.settled_at), digested=True)
    return found
