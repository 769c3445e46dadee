"""What an operator's machines ask for: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

import telemetry
from outbox.database import StoreError
from pipeline import Pipeline
from web.answers import answer, error

_ENDED = "the pipeline's threads have ended"


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The routes."""
    routes = Blueprint("ops", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        """The process: it answers, and its threads run."""
        return answer({"status": "ok"}) if pipeline.alive else error(_ENDED, 503)

    @routes.get("/readyz")
    def readyz() -> Response:
        """The configuration was loaded, or nothing would answer; the threads run; the storage takes a row."""
        if not pipeline.alive:
            return error(_ENDED, 503)
        if pipeline.stuck:
            return error("the storage does not take what is planned", 503)
        try:
            pipeline.store.probe(datetime.now(UTC))
        except StoreError as failing:
            return error(f"the storage cannot be written: {failing}", 503)
        return answer({"status": "ok"})

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(telemetry.exposition(_gauges()), content_type=CONTENT_TYPE_LATEST)

    def _gauges() -> telemetry.Gauges:
        storage = "Whether the storage takes a row."
        try:
            pipeline.store.probe(datetime.now(UTC))
            backlog, untold = pipeline.store.backlog(), pipeline.store.untold()
        except StoreError:
            return {"alert_manager_storage_up": (storage, 0)}
        now = datetime.now(UTC)
        age = (now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
        return {
            "alert_manager_storage_up": (storage, 1),
            "alert_manager_events_pending": ("Accepted events that are not planned yet.", backlog.events),
            "alert_manager_deliveries_pending": ("Deliveries under way.", backlog.deliveries),
            "alert_manager_oldest_pending_seconds": (
                "How long the oldest event or delivery has been waiting.",
                max(0.0, age),
            ),
            "alert_manager_untold_deliveries": (
                "Dead deliveries of which nothing later got through, by their destination.",
                untold,
            ),
        }

    return routes
