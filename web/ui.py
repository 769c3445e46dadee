"""The page: what fires, what is known of it, and who was told."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, make_response, render_template

import units
from actions import subject
from alerts.notification import Reading
from alerts.severity import SEVERITIES, alert_severity
from outbox.database import StoreError
from outbox.rows import AlertStatus
from pipeline import Pipeline

_SHOWN = 100


def _worst_first(status: AlertStatus) -> tuple[bool, int, float]:
    rank = SEVERITIES.index(alert_severity(status.alert)) if status.alert.firing else 0
    return (not status.alert.firing, rank, -status.updated_at.timestamp())


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The routes."""
    routes = Blueprint("ui", __name__)
    routes.add_app_template_filter(lambda finding: isinstance(finding, Reading), "is_reading")
    routes.add_app_template_filter(alert_severity, "severity")
    routes.add_app_template_filter(subject, "subject")

    @routes.get("/")
    def index() -> Response:
        now = datetime.now(UTC)
        try:
            shown, failing = pipeline.store.recent_alerts(_SHOWN), ""
            shown.sort(key=_worst_first)
            backlog, dead = pipeline.store.backlog(), pipeline.store.dead_events()
        except StoreError as error:
            shown, failing, backlog, dead = [], str(error), None, 0

        def since(moment: datetime) -> str:
            return units.duration((now - moment).total_seconds())

        page = render_template(
            "index.html", alerts=shown, backlog=backlog, dead=dead, failing=failing, since=since, now=now, limit=_SHOWN
        )
        return make_response(page, 503 if failing else 200)

    return routes
