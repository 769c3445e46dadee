"""What would become of a payload, without telling anybody: the pipeline itself, but for what it keeps and sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import enrich
from alerts import payload
from alerts.notification import Notification
from config.schema import Configuration
from outbox.records import Event, Planned
from outbox.store import Store
from pipeline.cases import Case, Cases, Heard
from pipeline.decide import decide
from pipeline.traces import alerts_document
from routing import Rules

Preview = Callable[[Notification], Any]
"""What a destination would be sent, without secrets, as JSON has it."""

_MOST_QUERY = 2_000


def explain(
    body: bytes,
    configuration: Configuration,
    store: Store,
    enrichers: Sequence[enrich.Enricher],
    preview: Preview,
    now: datetime,
) -> dict[str, Any]:
    """Say who would be told what of a payload, and why.

    Args:
        store: what is known; nothing is kept in it.
        now: aware; as if it came then.

    Returns:
        Its groups, each with its alerts, the routes that were tried for them, what inhibits or mutes them, and what
        goes where; and the PromQL that would be asked.

    Raises:
        PayloadError: it is malformed.
        StoreError: what is known cannot be read.
    """
    payload.parse(body, now)
    rules = Rules.of(configuration.file)
    event = Event(0, now, body, 1)
    (case,) = Cases(store).prepare([event], configuration, rules, now, lambda: ())
    news = [alert for heard in case.news for alert in heard.group.alerts]
    plan = decide(configuration, case, iter([()] * len(news)))
    asked = enrich.questions(enrichers, news) if news else ()
    return {
        "at": now.isoformat(),
        "error": case.error,
        "groups": [_group(rules, case, heard, plan.deliveries, preview, now) for heard in case.groups],
        "queries": [{"enricher": name, "promql": promql[:_MOST_QUERY]} for name, promql in asked],
    }


def _group(
    rules: Rules, case: Case, heard: Heard, planned: Sequence[Planned], preview: Preview, now: datetime
) -> dict[str, Any]:
    of_group = [each for each in planned if each.notification.group.group_key == heard.group.group_key]
    return {
        "key": heard.group.group_key,
        "status": heard.group.status,
        "duplicate_of": heard.judgement.duplicate_of,
        "notes": list(heard.judgement.notes),
        **alerts_document(rules, heard.group, heard.verdict.sources, now),
        "deliveries": list(_deliveries(of_group, case, preview)),
    }


def _deliveries(planned: Sequence[Planned], case: Case, preview: Preview) -> Iterator[dict[str, Any]]:
    for each in planned:
        notification = each.notification
        said: dict[str, Any] = {
            "destination": notification.destination,
            "told": each.suppressed is None,
            "reason": each.suppressed or "",
            "alerts": [alert.fingerprint for alert in notification.group.alerts],
            "notes": list(notification.notes),
        }
        if each.suppressed is None:
            if each.due_at > case.event.received_at:
                said["due_at"] = each.due_at.isoformat()
            said["message"] = preview(notification)
        yield said
