"""What is told beside a group's state: entries of its timeline and pictures, each an outward call of its own.

They are sent in their order, when no state waits, and take nobody's place: of several entries that wait the last tells
them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, takewhile
from typing import Any

from alerts.notification import Notification
from alerts.timeline import Entry
from outbox.prepared import Row
from outbox.records import BESIDE, Delivery, DeliveryKind, Planned
from outbox.rows import delivery_row

TOGETHER = "told together with what came after it"


def planned(notification: Notification, entries: Sequence[Entry]) -> Iterator[Planned]:
    """What is to be told beside a notification: what has a kind of its own by itself, lines that follow one another
    together.
    """
    for kind, some in groupby(entries, key=_kind):
        for each in [list(some)] if kind == "entry" else ([entry] for entry in some):
            about = {fingerprint for entry in each for fingerprint in entry.about}
            told = tuple(alert for alert in notification.group.alerts if kind != "entry" or alert.fingerprint in about)
            beside = replace(notification, group=replace(notification.group, alerts=told), entries=tuple(each))
            yield Planned(beside, kind=kind)


def _kind(entry: Entry) -> DeliveryKind:
    return entry.kind if entry.kind in ("picture", "refresh") else "entry"


def rows(delivery: Delivery, entries: Sequence[Entry], now: datetime) -> list[dict[str, Any]]:
    """What the receipt of a delivery asks for, as rows of `deliveries`."""
    return [delivery_row(each, delivery.event_id, now) for each in planned(delivery.notification, entries)]


def next_beside(waiting: Sequence[Row]) -> list[Row]:
    """Of what waits of a group, in its order, those that are told next: the last of them tells all.

    An entry that waits for its next attempt is told with the first that comes after it, and so before it; a picture
    holds up nobody.

    Args:
        waiting: those that are due and those that are not, states among them.
    """
    refreshes = [row for row in waiting if row.kind == "refresh" and row.ready]
    if refreshes:
        # What the message is to show first; the last of them shows it all.
        return refreshes
    beside = [row for row in waiting if row.kind == "entry" or (row.kind in BESIDE and row.ready)]
    entries = list(takewhile(lambda row: row.kind == "entry", beside))
    while entries and not entries[-1].ready:
        entries.pop()
    return entries or [row for row in beside if row.ready][:1]


def together(newest: Notification, older: Sequence[Notification]) -> Notification:
    """Several entries of a group as one."""
    several = (*older, newest)
    alerts = {alert.fingerprint: alert for each in several for alert in each.group.alerts}
    return replace(
        newest,
        group=replace(newest.group, alerts=tuple(alerts.values())),
        entries=tuple(entry for each in several for entry in each.entries),
    )
