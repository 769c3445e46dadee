"""Take a payload in: nothing is answered before it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

import telemetry
from alerts import payload
from config.watching import WatchdogSettings
from outbox.database import StoreError
from outbox.store import Store
from pipeline.watchman import heard

_log = structlog.get_logger("accept")


def accept(body: bytes, store: Store, now: datetime, watchdogs: Sequence[WatchdogSettings] = ()) -> int:
    """Check a payload and keep it.

    Args:
        watchdogs: what is expected, and is heard of where it is in the payload.

    Returns:
        The event's id.

    Raises:
        PayloadError: it is malformed; permanent.
        StoreError: it could not be kept; it may be, later.
    """
    try:
        groups = payload.parse(body, now)
        # In one commit: what is answered with success was heard of.
        event_id = store.accept(body, now, heard=heard(watchdogs, groups))
    except payload.PayloadError as malformed:
        reject(str(malformed), body, store, now)
        raise
    except StoreError:
        telemetry.EVENTS.labels("refused").inc()
        raise
    telemetry.EVENTS.labels("accepted").inc()
    for group in groups:
        for alert in group.alerts:
            telemetry.ALERTS_RECEIVED.labels(alert.status).inc()
    _log.info(
        "accepted",
        event_id=event_id,
        groups=[group.group_key[:200] for group in groups[:10]],
        alerts=sum(len(group.alerts) for group in groups),
    )
    return event_id


def reject(error: str, body: bytes, store: Store, now: datetime) -> None:
    """Count a body that is refused for good, and keep its beginning for a person to look at: it may have been a page.

    Never fails: whatever becomes of this, the answer is the same.
    """
    telemetry.EVENTS.labels("rejected").inc()
    _log.warning("rejected", error=error, bytes=len(body))
    try:
        store.losses.keep(error, body, now)
    except Exception as failing:
        _log.error("a rejected body is not kept", error=str(failing) if isinstance(failing, StoreError) else "")
