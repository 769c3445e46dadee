"""One attempt to send a delivery, and what is to be kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

import telemetry
from alerts.model import TOGETHER, Alert
from alerts.notification import Notification, Receipt, SendError, Thread
from outbox import retry
from outbox.records import BESIDE, Delivery, TakenUp
from outbox.settling import Settlement
from pipeline.running import Running

_log = structlog.get_logger("deliver")


def attempt(delivery: Delivery, running: Running, deadline_seconds: float) -> Receipt | SendError:
    """Send it, once; whatever is raised is an error to be judged."""
    if delivery.unreadable:
        return SendError(delivery.unreadable, permanent=True)
    action = running.actions.get(delivery.destination)
    if action is None:
        return SendError("the configuration has no such receiver and action any more", permanent=True)
    labels = (delivery.notification.receiver, delivery.notification.action)
    telemetry.ATTEMPTS.labels(*labels).inc()
    thread = delivery.thread
    if delivery.kind == "fallback" and delivery.destination in running.timelines:
        # What was told nowhere is in it: that is to be heard, and nobody hears of an edit.
        thread = replace(thread, key="")
    dressed = _dressed(delivery, running)
    begun = time.monotonic()
    try:
        return action.send(dressed, thread, deadline_seconds)
    except SendError as error:
        return error
    except Exception as error:
        _log.exception("the action failed")
        return SendError(f"the action failed: {type(error).__name__}")
    finally:
        telemetry.SEND_SECONDS.labels(*labels).observe(time.monotonic() - begun)


def settlement(
    delivery: Delivery, running: Running, result: Receipt | SendError, now: datetime, dice: Callable[[], float]
) -> Settlement:
    """What is to be kept of an attempt.

    Args:
        dice: uniform from 0 to 1.
    """
    outcome = retry.decide(
        result,
        attempts=delivery.attempts,
        first_due_at=delivery.wanted_at,
        now=now,
        retry_for_seconds=running.configuration.file.delivery.retry_for,
        random=dice,
    )
    refused = isinstance(result, SendError) and result.permanent and not result.partly
    doubtful = outcome.state == "dead" and not (refused and delivery.attempts == 1)
    thread = _held(
        delivery,
        result,
        now,
        doubtful=doubtful,
        dead=outcome.state == "dead",
        timeline=delivery.destination in running.timelines,
    )
    state = delivery.kind == "state" and isinstance(result, Receipt)
    return Settlement(
        delivery,
        outcome,
        thread,
        result if delivery.destination in running.actions else None,
        now,
        dice(),
        # Else what fails of the news that something fails would be news.
        entries=result.entries if state and isinstance(result, Receipt) else (),
        reread_at=_reread_at(delivery, running, thread, now) if state else None,
        takes_up=_taken_up(delivery, running, result) if isinstance(result, Receipt) else (),
    )


def _taken_up(delivery: Delivery, running: Running, receipt: Receipt) -> tuple[TakenUp, ...]:
    rule = running.rule(delivery.destination)
    # Nothing is done about what this service says of itself.
    if rule is None or delivery.kind != "state":
        return ()
    group, began_at = delivery.notification.group, delivery.notification.began_at
    if group.group_key.startswith(TOGETHER):
        # Each alert of a group that is put together here has its own start already: the group's is another alert's.
        began_at = None

    def started(alert: Alert) -> Alert:
        # A start that was left out is read as when the payload came: each time another, of one firing.
        left_out = alert.starts_at == delivery.received_at and began_at is not None
        return replace(alert, starts_at=began_at or alert.starts_at) if left_out else alert

    return tuple(
        TakenUp(rule.name, rule.verb, rule.settings.dry_run, group.group_key, started(each), group.truncated_alerts)
        for each in receipt.takes_up
    )


def _held(
    delivery: Delivery, result: Receipt | SendError, now: datetime, *, doubtful: bool, dead: bool, timeline: bool
) -> Thread | None:
    """What the destination holds now; None where that is as it was."""
    if delivery.kind == "digest":
        return None
    if delivery.kind in BESIDE:
        # It is told of no state; but the far side's handle may be another one by now.
        changed = isinstance(result, Receipt) and result.thread != delivery.thread
        return result.thread if changed and isinstance(result, Receipt) else None
    if isinstance(result, Receipt):
        notification = delivery.notification
        if timeline:
            # It was planned by settings of before: what is kept is edited to its end.
            notification = replace(notification, send_resolved=True)
        return result.thread.told(notification, now)
    if result.held is not None:
        opened_at = result.held.opened_at or (now if result.held.open_fingerprints else None)
        # Who has a dead one tried again has mended something: all of it is to be told.
        heard = (0, 0) if dead else (delivery.id, delivery.attempts)
        return replace(result.held, opened_at=opened_at, heard=heard)
    return delivery.thread.doubted() if doubtful else None


def _reread_at(delivery: Delivery, running: Running, thread: Thread | None, now: datetime) -> datetime | None:
    """When what was found is to be looked up again: once, a while after the destination began to hold the group."""
    after_seconds = running.configuration.file.enrichment.again_after
    begins = thread is not None and thread.open_fingerprints and not delivery.thread.open_fingerprints
    if not begins or not after_seconds or delivery.destination not in running.timelines:
        return None
    return now + timedelta(seconds=after_seconds)


def _dressed(delivery: Delivery, running: Running) -> Notification:
    """The notification as it is sent: with what depends on what is configured by then."""
    notification = replace(
        delivery.notification,
        delivery_id=delivery.id,
        unanswered=delivery.thread.before(delivery.id, delivery.attempts - 1).attempted,
        # What is told on the service's own account is no group that could be taken over.
        controls=running.controls if delivery.kind != "fallback" else (),
    )
    if notification.destination not in running.illustrated:
        return notification
    try:
        return replace(notification, images=running.pictures.images(notification))
    except Exception:
        # A defect of the pictures costs the pictures.
        _log.exception("no pictures can be shown")
        return notification
