"""What a claim tells of a group: the newest state, with the ends that those before it were to tell, and all it is owed.

What is told beside a state is told together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from alerts.known import with_ends
from alerts.notification import Notification, Thread
from alerts.superseding import superseding
from outbox import beside
from outbox.holding import held
from outbox.lanes import Lane
from outbox.prepared import OneOf, Prepared, Row
from outbox.records import AT_ONCE, BESIDE
from outbox.rows import NOTIFICATION, counts, fires, json_text, notification_of, read_alerts
from outbox.tables import alerts, deliveries

_d = deliveries.c
_TEXTS = Prepared(select(_d.id, _d.notification).where(OneOf(_d.id, "some")))
_ENDED = Prepared(
    select(alerts.c.group_id, alerts.c.fingerprint, alerts.c.alert).where(
        OneOf(alerts.c.group_id, "some"), alerts.c.status == "resolved"
    )
)

SUPERSEDED = "a newer state of its group was told instead"
OVER_BEFORE_TOLD = "it was over before anybody was told"
END_WAS_HELD = "it fires again, and its end was not told yet"


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


def prepare(connection: Connection, lane: Lane, groups: Sequence[Group]) -> None:
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
        for row in (each for each in group.older if each.kind not in BESIDE):
            # What was attempted may have arrived, and its row is about to be closed.
            after = group.thread.before(row.id, row.attempts)
            group.thread, group.doubted = after, group.doubted or after != group.thread
        if not group.older and not group.thread.open_fingerprints:
            continue
        newest = notification_of(group.text)
        if newest is None:
            continue
        states = [row for row in group.older if row.kind not in BESIDE]
        merged = superseding(newest, [each for row in states if (each := notification_of(texts[row.id]))])
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
    if group.older and newest is not None and group.newest.kind == "entry":
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


def needless(lane: Lane, group: Group) -> str | None:
    """Why a group's newest state need not be sent; None when it must."""
    if group.beside:
        return None
    firing = fires(counts(group.whole) if group.whole else json.loads(group.newest.counts or '{"?": 1}'))
    if lane.wakes and not firing and not group.thread.open and not group.newest.attempts:
        return OVER_BEFORE_TOLD
    was_held = any(row.due_at != AT_ONCE and not row.attempts for row in group.older)
    still_open = set(group.thread.open_fingerprints)
    in_doubt = group.thread.attempted or group.thread.again
    if was_held and still_open and group.whole is not None and not in_doubt:
        alike = {alert.fingerprint for alert in group.whole.group.firing} <= still_open
        ends = still_open & {alert.fingerprint for alert in group.whole.group.resolved}
        if alike and not ends:
            return END_WAS_HELD
    return None


def _texts(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    return {row.id: row.notification for row in _TEXTS.rows(connection, {"some": ids})}
