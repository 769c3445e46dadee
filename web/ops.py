"""What an operator's machines ask for: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

import telemetry
from outbox.database import StoreError
from pipeline import Pipeline, begin_counts
from web.answers import answer, error
from web.gauges import gauges

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
        begin_counts(pipeline.running)
        return Response(telemetry.exposition(gauges(pipeline)), content_type=CONTENT_TYPE_LATEST)

    return routes
