"""A group as it was heard of last, of alerts that are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from alerts import payload
from alerts.model import ALONE, TOGETHER, Alert, AlertGroup, common
from outbox.store import Store


def recalled(store: Store, key: str, alerts: Sequence[Alert], event_id: int | None, now: datetime) -> AlertGroup:
    """Put a group together again.

    Args:
        event_id: the event that told of it last; None where that is not known.

    Raises:
        StoreError: what is known cannot be read.
    """
    group = AlertGroup(
        key,
        tuple(alerts),
        common_labels=common(alert.labels for alert in alerts),
        common_annotations=common(alert.annotations for alert in alerts),
    )
    bare = key.startswith((ALONE, TOGETHER))
    for heard in _read(None if event_id is None else store.body(event_id), now, bare):
        if heard.group_key == key:
            places = {alert.fingerprint: at for at, alert in enumerate(heard.alerts)}
            # What is common is of these alerts, which may be others than came then.
            group = replace(
                heard,
                alerts=tuple(sorted(alerts, key=lambda alert: places.get(alert.fingerprint, len(places)))),
                common_labels=group.common_labels,
                common_annotations=group.common_annotations,
                truncated_alerts=0,
            )
    return replace(group, bare=bare)


def _read(body: bytes | None, now: datetime, made_here: bool) -> Iterator[AlertGroup]:
    try:
        yield from payload.parse(body or b"", now, made_here=made_here)
    except payload.PayloadError:
        # It is kept no more: what is known of each alert is enough.
        return
