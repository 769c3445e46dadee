"""Take a payload in: nothing is answered before it is kept."""

from __future__ import annotations

from datetime import datetime

import structlog

import telemetry
from alerts import payload
from outbox.database import StoreError
from outbox.store import Store

_log = structlog.get_logger("accept")


def accept(body: bytes, store: Store, now: datetime) -> int:
    """Check a payload and keep it.

    Returns:
        The event's id.

    Raises:
        PayloadError: it is malformed; permanent.
        StoreError: it could not be kept; it may be, later.
    """
    try:
        groups = payload.parse(body, now)
        event_id = store.accept(body, now)
    except payload.PayloadError:
        telemetry.EVENTS.labels("rejected").inc()
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
