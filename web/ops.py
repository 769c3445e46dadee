"""What an operator's machines ask for: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

import telemetry
from outbox.database import StoreError
from outbox.standing import DestinationStatus
from pipeline import Pipeline
from telemetry import Gauge
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
        return Response(telemetry.exposition(_gauges(pipeline)), content_type=CONTENT_TYPE_LATEST)

    return routes


def _gauges(pipeline: Pipeline) -> list[Gauge]:
    now = datetime.now(UTC)
    up = Gauge("alert_manager_storage_up", "Whether the storage takes a row.", {"": 1})
    try:
        pipeline.store.probe(now)
        waiting_events, oldest_event_at = pipeline.store.waiting_events()
        destinations = pipeline.store.destinations(now, pipeline.destinations)
    except StoreError:
        return [replace(up, values={"": 0})]

    def seconds(since: datetime | None) -> float:
        return max(0.0, (now - since).total_seconds()) if since else 0.0

    def of_each(name: str, help_text: str, value: Callable[[DestinationStatus], float]) -> Gauge:
        values = {each.name: float(value(each)) for each in destinations}
        return Gauge(f"alert_manager_{name}", help_text, values, "destination")

    oldest = max(seconds(oldest_event_at), *(seconds(each.oldest_at) for each in destinations), 0.0)
    return [
        up,
        Gauge("alert_manager_events_pending", "Accepted events that are not planned yet.", {"": waiting_events}),
        Gauge(
            "alert_manager_oldest_pending_seconds",
            "How long the oldest event or delivery has been waiting.",
            {"": oldest},
        ),
        of_each(
            "deliveries_pending", "Deliveries under way, also those that failed before.", lambda each: each.waiting
        ),
        of_each("deliveries_retrying", "Deliveries under way that failed before.", lambda each: each.retrying),
        of_each(
            "deliveries_oldest_pending_seconds",
            "How long the oldest delivery under way has been waiting.",
            lambda each: seconds(each.oldest_at),
        ),
        of_each("deliveries_untold", "Dead deliveries, with nothing later that got through.", lambda each: each.untold),
        of_each(
            "destination_failing",
            "Whether a destination has failed so often that it is told one thing at a time.",
            lambda each: each.failing,
        ),
        of_each(
            "destination_paused_seconds",
            "For how long nothing will be sent to a destination.",
            lambda each: (each.paused_until - now).total_seconds() if each.paused_until else 0.0,
        ),
    ]
