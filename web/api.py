"""`/api/v1`: what the service knows, as JSON."""

from __future__ import annotations

from flask import Blueprint, Response

from outbox.database import StoreError
from outbox.rows import DeliveryStatus
from pipeline import Pipeline
from web.answers import answer, error


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The routes."""
    routes = Blueprint("api", __name__, url_prefix="/api/v1")

    @routes.get("/events/<int:event_id>")
    def event(event_id: int) -> Response:
        if event_id >= 2**63:
            return error(f"there is no event {event_id}", 404)
        status = pipeline.store.event(event_id)
        if status is None:
            return error(f"there is no event {event_id}", 404)
        return answer(
            {
                "id": status.id,
                "received_at": status.received_at.isoformat(),
                "state": status.state,
                "error": status.error,
                "deliveries": [_delivery(each) for each in status.deliveries],
            }
        )

    @routes.errorhandler(StoreError)
    def failing(_: StoreError) -> Response:
        return error("the storage is failing", 503)

    return routes


def _delivery(status: DeliveryStatus) -> dict[str, object]:
    return {
        "id": status.id,
        "receiver": status.receiver,
        "action": status.action,
        "state": status.word,
        "attempts": status.attempts,
        "detail": status.detail,
        "settled_at": status.settled_at.isoformat() if status.settled_at else None,
    }
