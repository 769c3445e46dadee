"""The page: what fires, what is known of it, and who was told."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, make_response, render_template

import units
from actions import link, subject
from alerts.notification import Reading
from alerts.severity import alert_severity
from outbox.database import StoreError
from pipeline import Pipeline

_SHOWN = 100


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The routes."""
    routes = Blueprint("ui", __name__)
    routes.add_app_template_filter(lambda finding: isinstance(finding, Reading), "is_reading")
    routes.add_app_template_filter(alert_severity, "severity")
    routes.add_app_template_filter(subject, "subject")
    routes.add_app_template_filter(link, "link")

    @routes.get("/")
    def index() -> Response:
        now = datetime.now(UTC)
        try:
            shown, firing = pipeline.store.recent_alerts(_SHOWN), pipeline.store.firing_alerts()
            backlog, dead, failing = pipeline.store.backlog(), pipeline.store.dead_events(), ""
            troubles = pipeline.store.troubles()
        except StoreError as error:
            shown, firing, backlog, dead, failing, troubles = [], 0, None, 0, str(error), []

        def since(moment: datetime) -> str:
            return units.duration((now - moment).total_seconds())

        page = render_template(
            "index.html",
            alerts=shown,
            firing=firing,
            backlog=backlog,
            dead=dead,
            troubles=troubles,
            failing=failing,
            since=since,
            now=now,
            limit=_SHOWN,
        )
        return make_response(page, 503 if failing else 200)

    return routes
