"""`/api/v1`: what the service knows, as JSON, and what a person may do about it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import BadRequest

import units
from alerts.payload import PayloadError
from outbox.database import StoreError
from outbox.listing import WORDS, ListedDelivery, Word, document
from outbox.records import DeliveryStatus
from outbox.standing import document as destination_document
from pipeline import Pipeline
from web.answers import answer, error, from_elsewhere
from web.body import whole_body
from web.queries import LARGEST_ID, number

_LISTED = 100
_LISTED_AT_MOST = 1_000
# It takes as long as planning does, and alerts come first.
_EXPLAINED_AT_ONCE = 2


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The routes."""
    routes = Blueprint("api", __name__, url_prefix="/api/v1")
    explaining = threading.BoundedSemaphore(_EXPLAINED_AT_ONCE)

    @routes.get("/events/<int:event_id>")
    def event(event_id: int) -> Response:
        status = pipeline.event(event_id) if event_id <= LARGEST_ID else None
        if status is None:
            return error(f"there is no event {event_id}", 404)
        now = datetime.now(UTC)
        return answer(
            {
                "id": status.id,
                "received_at": status.received_at.isoformat(),
                "state": status.state,
                "error": status.error,
                "duplicate_of": status.duplicate_of,
                "deliveries": [document(each, now) for each in status.deliveries],
                "trace": pipeline.trace(event_id),
            }
        )

    @routes.post("/explain")
    def explain() -> Response:
        at = _moment(request)
        body = whole_body(request, pipeline.configuration.file.web.max_body)
        if not explaining.acquire(blocking=False):
            busy = error("others are being explained just now; come again", 503)
            busy.headers["Retry-After"] = "1"
            return busy
        try:
            return answer(pipeline.explain(body, at))
        except PayloadError as malformed:
            return error(str(malformed), 400)
        finally:
            explaining.release()

    @routes.get("/deliveries")
    def deliveries() -> Response:
        now = datetime.now(UTC)
        found = pipeline.store.deliveries(
            _words(request),
            now=now,
            limit=number(request, "limit", _LISTED_AT_MOST) or _LISTED,
            before_id=number(request, "before", LARGEST_ID),
            destination=request.args.get("destination"),
        )
        return answer({"deliveries": [document(each, now) for each in found]})

    @routes.get("/deliveries/<int:delivery_id>")
    def delivery(delivery_id: int) -> Response:
        found = _find(delivery_id)
        return answer(document(found, datetime.now(UTC))) if found else _no_delivery(delivery_id)

    @routes.post("/deliveries/<int:delivery_id>/retry")
    def retry(delivery_id: int) -> Response:
        return _steer(delivery_id, pipeline.retry)

    @routes.post("/deliveries/<int:delivery_id>/drop")
    def drop(delivery_id: int) -> Response:
        return _steer(delivery_id, pipeline.drop)

    @routes.get("/destinations")
    def destinations() -> Response:
        found = pipeline.store.destinations(datetime.now(UTC), pipeline.destinations)
        return answer({"destinations": [destination_document(each) for each in found]})

    def _steer(delivery_id: int, steer: Callable[[DeliveryStatus], str | None]) -> Response:
        if elsewhere := from_elsewhere():
            return elsewhere
        found = _find(delivery_id)
        if found is None:
            return _no_delivery(delivery_id)
        refused = steer(found)
        return error(f"delivery {delivery_id}: {refused}", 409) if refused else answer({"status": "success"})

    def _find(delivery_id: int) -> ListedDelivery | None:
        return pipeline.store.delivery(delivery_id, datetime.now(UTC)) if delivery_id <= LARGEST_ID else None

    @routes.errorhandler(StoreError)
    def failing(_: StoreError) -> Response:
        return error("the storage is failing", 503)

    return routes


def _no_delivery(delivery_id: int) -> Response:
    return error(f"there is no delivery {delivery_id}", 404)


def _moment(asked: Request) -> datetime | None:
    text = asked.args.get("at")
    try:
        return units.moment(text) if text else None
    except ValueError as wrong:
        raise BadRequest(f"at: {wrong}") from None


def _words(asked: Request) -> list[Word]:
    """The states that are asked for: `state=dead&state=retrying`, or `state=dead,retrying`."""
    words = [word for text in asked.args.getlist("state") for word in text.split(",")]
    for word in words:
        if word not in WORDS:
            raise BadRequest(f"state: {word[:100]!r} is none of {', '.join(WORDS)}")
    return cast(list[Word], words)
