"""A group as it was heard of last, of alerts that are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerts import payload
from alerts.known import with_hidden
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


def as_heard(
    store: Store, key: str, firing: Mapping[str, Alert], event_id: int | None, now: datetime
) -> AlertGroup | None:
    """A group as its last payload told it, as far as that still fires: None where nothing does.

    What the payload left out is left out: its upstream may have silenced it. What it hides is added as it is known.

    Args:
        firing: what is known to fire in it, by fingerprint.
        event_id: the event that told of it last; None where that is not known.

    Raises:
        StoreError: what is known cannot be read.
    """
    body = None if event_id is None else store.body(event_id)
    # A payload without a group key names some of the group's alerts, whatever else fires in it.
    told = () if key.startswith((ALONE, TOGETHER)) else _read(body, now, made_here=False)
    heard = next((group for group in told if group.group_key == key), None)
    if heard is None:
        return recalled(store, key, list(firing.values()), event_id, now) if firing else None
    named = [firing[each.fingerprint] for each in heard.alerts if each.fingerprint in firing]
    group = replace(recalled(store, key, named, event_id, now), truncated_alerts=heard.truncated_alerts)
    group = with_hidden(group, firing.values()) if heard.truncated_alerts else group
    return group if group.alerts else None


def fires_now(store: Store, key: str, at_most: int, now: datetime) -> AlertGroup | None:
    """The same by what the database knows.

    Args:
        at_most: of so many alerts, those heard of last.

    Raises:
        StoreError: what is known cannot be read.
    """
    history = store.histories([key]).get(key)
    firing = {alert.fingerprint: alert for alert in store.firing(key, at_most)}
    return as_heard(store, key, firing, history.event_id if history else None, now)


def _read(body: bytes | None, now: datetime, made_here: bool) -> Iterator[AlertGroup]:
    try:
        yield from payload.parse(body or b"", now, made_here=made_here)
    except payload.PayloadError:
        # It is kept no more: what is known of each alert is enough.
        return
