"""`POST /alert`: where Alertmanager's webhooks come in."""

from __future__ import annotations

import threading
import time

import structlog
from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import BadRequest, HTTPException

import telemetry
import units
from alerts.payload import PayloadError
from outbox.database import StoreError
from outbox.records import DeliveryStatus
from pipeline import Pipeline
from web.answers import answer, error
from web.body import whole_body

# Shorter than the grace that a worker has to end in.
_LONGEST_WAIT_SECONDS = 15.0
# Fewer than a process has threads: those who wait must not keep others from being accepted.
_WAITERS = 20

_log = structlog.get_logger("alert")


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The route."""
    routes = Blueprint("alert", __name__)
    waiters = threading.BoundedSemaphore(_WAITERS)

    @routes.post("/alert")
    def post() -> Response:
        wait_seconds = _wait_seconds(request)
        try:
            body = whole_body(request, pipeline.configuration.file.web.max_body)
        except HTTPException as unread:
            # It may have been a page, and Alertmanager will not send it again.
            pipeline.reject(unread.description or type(unread).__name__)
            raise
        begun = time.monotonic()
        try:
            event_id = pipeline.accept(body)
        except PayloadError as malformed:
            return error(str(malformed), 400)
        except StoreError as failing:
            _log.error("refused: the storage is failing", error=str(failing))
            return error("the alert could not be kept; try again", 503)
        finally:
            telemetry.ACCEPTANCE_SECONDS.observe(time.monotonic() - begun)
        accepted = answer({"status": "success"})
        if wait_seconds is not None:
            accepted = _after_waiting(event_id, wait_seconds)
        accepted.headers["Location"] = f"/api/v1/events/{event_id}"
        return accepted

    def _after_waiting(event_id: int, wait_seconds: float) -> Response:
        waiting = waiters.acquire(blocking=False)
        try:
            status = pipeline.wait(event_id, wait_seconds if waiting else 0.0)
        except StoreError:
            # It is kept, which is what the answer says; how far it got cannot be seen just now.
            status = None
        finally:
            if waiting:
                waiters.release()
        deliveries = status.deliveries if status else ()
        return answer({"status": "success", "deliveries": [_told(each) for each in deliveries]})

    return routes


def _told(delivery: DeliveryStatus) -> dict[str, object]:
    return {
        "id": delivery.id,
        "receiver": delivery.receiver,
        "action": delivery.action,
        "outcome": delivery.word,
        "attempts": delivery.attempts,
        "detail": delivery.detail,
    }


def _wait_seconds(asked: Request) -> float | None:
    text = asked.args.get("wait")
    if text is None:
        return None
    try:
        return min(units.duration_seconds(text), _LONGEST_WAIT_SECONDS)
    except ValueError as wrong:
        raise BadRequest(f"wait: {wrong}") from None
