"""What would become of a payload, without telling anybody: the pipeline itself, but for what it keeps and sends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import enrich
from alerts import payload
from alerts.notification import Notification, Preview, SendError
from outbox.composing import OVER_BEFORE_TOLD
from outbox.records import Event, Planned
from outbox.store import Store
from pipeline.cases import Case, Cases, Heard
from pipeline.decide import decide
from pipeline.remedy_previews import Previews, remedy_previews
from pipeline.running import Running
from pipeline.traces import alerts_document

_MOST_QUERY = 2_000


def explain(body: bytes, running: Running, store: Store, now: datetime) -> dict[str, Any]:
    """Say who would be told what of a payload, and why; and what rules would do about it.

    Args:
        running: nobody is told anything by it, and only rules are asked: what they would do.
        store: what is known; nothing is kept in it.
        now: aware; as if it came then.

    Returns:
        Its groups, each with its alerts, the routes that were tried for them, what inhibits or mutes them, and what
        goes where, or would be done there; and the PromQL that would be asked.

    Raises:
        PayloadError: it is malformed.
        StoreError: what is known cannot be read.
    """
    payload.parse(body, now)
    event = Event(0, now, body, 1)
    (case,) = Cases(store).prepare([event], running.configuration, running.rules, now, lambda: ())
    news = [alert for heard in case.news for alert in heard.group.alerts]
    plan = decide(running.configuration, case, iter([()] * len(news)))
    asked = enrich.questions(running.sources.enrichers, news) if news else ()
    previews = remedy_previews(
        running, store, (each.notification for each in plan.deliveries if each.suppressed is None), now
    )
    return {
        "at": now.isoformat(),
        "error": case.error,
        "groups": [_group(running, case, heard, plan.deliveries, previews, now) for heard in case.groups],
        "queries": [{"enricher": name, "promql": promql[:_MOST_QUERY]} for name, promql in asked],
    }


def _group(
    running: Running,
    case: Case,
    heard: Heard,
    planned: Sequence[Planned],
    previews: Previews,
    now: datetime,
) -> dict[str, Any]:
    of_group = [each for each in planned if each.notification.group.group_key == heard.group.group_key]
    return {
        "key": heard.group.group_key,
        "status": heard.group.status,
        "duplicate_of": heard.duplicate_of,
        "notes": list(heard.judgement.notes),
        **alerts_document(running.rules, heard.group, heard.verdict.sources, now),
        "deliveries": list(_deliveries(running, of_group, case, previews)),
    }


def _deliveries(
    running: Running, planned: Sequence[Planned], case: Case, previews: Previews
) -> Iterator[dict[str, Any]]:
    held = {
        (heard.group.group_key, part.place.destination): part.holds
        for heard in case.news
        for part in heard.verdict.parts
    }
    for each in planned:
        notification = each.notification
        lane = running.lanes.get(notification.destination)
        over = notification.group.status == "resolved" and lane is not None and lane.wakes
        if each.suppressed is None and over and not held[notification.group.group_key, notification.destination]:
            # It is found when it is sent: what is told by then may be over.
            each = replace(each, suppressed=OVER_BEFORE_TOLD)
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
            shown = _preview(running, notification)
            said |= {"message": shown.message, "template_errors": list(shown.template_errors)}
            remedy = previews.get((notification.destination, notification.group.group_key))
            said |= {"remedy": remedy} if remedy is not None else {}
        yield said


def _preview(running: Running, notification: Notification) -> Preview:
    try:
        return running.actions[notification.destination].preview(replace(notification, controls=running.controls))
    except KeyError:
        return Preview("the configuration has no such receiver and action any more")
    except SendError as error:
        return Preview(f"cannot be sent: {error}")
    except Exception as error:
        # A defect of an action's: it would be a delivery that fails.
        return Preview(f"the action fails: {type(error).__name__}")
