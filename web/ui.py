"""The pages: what fires, what is known of it, and who was told; and what one digest told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Blueprint, Response, make_response, render_template, url_for

import units
from actions import counted, link, subject
from alerts.findings import Reading, gathered
from alerts.model import Alert
from alerts.notification import Digest, Notification
from alerts.severity import alert_severity, worst_first
from outbox.database import StoreError
from outbox.records import AlertStatus
from pipeline import Pipeline, acknowledged
from web.answers import error

_SHOWN = 100
_SHOWN_OF_DIGEST = 10_000
# Of so many alerts the pictures are shown at once, of the others for who wants to see them.
_OPENED = 5
# What a delivery that was not sent says for itself where nothing more is known of it.
_UNSENT = {
    "superseded": "a newer state is told instead",
    "digested": "told together with others",
    "suppressed": "not to be told",
}


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The routes."""
    routes = Blueprint("ui", __name__)
    routes.add_app_template_filter(lambda finding: type(finding).__name__.lower(), "kind")
    routes.add_app_template_filter(gathered, "gathered")
    routes.add_app_template_filter(alert_severity, "severity")
    routes.add_app_template_filter(subject, "subject")
    routes.add_app_template_filter(link, "link")
    routes.add_app_template_filter(acknowledged, "acknowledged")
    routes.add_app_template_filter(lambda delivery: delivery.detail or _UNSENT.get(delivery.word, ""), "reason")

    @routes.app_template_filter("pictures")
    def pictures(item: AlertStatus) -> list[tuple[str, str]]:
        """The URLs of an alert's pictures, each with what it shows in words."""
        found = [picture for each in item.findings if (picture := pipeline.pictures.of(item.alert, each))]
        tokens = [(pipeline.pictures.token(each), each.alt) for each in found]
        return [(url_for("charts.chart", token=token, form="svg"), alt) for token, alt in tokens if token]

    @routes.get("/")
    def index() -> Response:
        now = datetime.now(UTC)
        try:
            shown, firing = pipeline.store.recent_alerts(_SHOWN), pipeline.store.firing_alerts()
            backlog, dead, failing = pipeline.store.backlog(), pipeline.store.dead_events(), ""
            troubles = pipeline.store.troubles()
            asked = len(pipeline.store.remediations.list(_SHOWN, state="approval"))
        except StoreError as failure:
            shown, firing, backlog, dead, failing, troubles, asked = [], 0, None, 0, str(failure), [], 0

        missing = pipeline.pictures.missing

        def since(moment: datetime) -> str:
            return units.duration((now - moment).total_seconds())

        page = render_template(
            "index.html",
            alerts=shown,
            firing=firing,
            backlog=backlog,
            dead=dead,
            troubles=troubles,
            remedies=bool(pipeline.running.ruled),
            asked=asked,
            failing=failing,
            since=since,
            now=now,
            limit=_SHOWN,
            opened=_OPENED,
            pictured=not missing,
            no_pictures=missing if _drawn(shown) else "",
        )
        return make_response(page, 503 if failing else 200)

    @routes.get("/digests/<int:delivery_id>")
    def digest(delivery_id: int) -> Response:
        told: tuple[Notification, ...] | None = ()
        failing = ""
        try:
            told = pipeline.store.digested(delivery_id) if delivery_id < 2**63 else None
        except StoreError as failure:
            failing = str(failure)
        if told is None:
            return error(f"there is no digest {delivery_id}", 404)
        # By identity: an alert cannot be a key, and its fingerprint may be in several groups.
        notes = {id(alert): each.notes for each in told for alert in each.group.alerts}
        shown = worst_first(alert for each in told for alert in each.group.alerts)
        page = render_template(
            "digest.html",
            digest_id=delivery_id,
            title=_title(told, shown),
            alerts=[(alert, notes[id(alert)]) for alert in shown[:_SHOWN_OF_DIGEST]],
            others=max(0, len(shown) - _SHOWN_OF_DIGEST),
            failing=failing,
            lasted=_lasted,
        )
        return make_response(page, 503 if failing else 200)

    return routes


def _drawn(shown: Sequence[AlertStatus]) -> bool:
    """Whether any reading is worth a picture."""
    return any(isinstance(each, Reading) and each.drawn for status in shown for each in status.findings)


def _title(told: Sequence[Notification], alerts: Sequence[Alert]) -> str:
    firing: Counter[str] = Counter(alert_severity(alert) for alert in alerts if alert.firing)
    groups = len({each.group.group_key for each in told})
    return counted(Digest(groups, firing, len(alerts) - firing.total()))


def _lasted(alert: Alert) -> str:
    """How long an alert that is over fired."""
    return units.duration((alert.ends_at - alert.starts_at).total_seconds()) if alert.ends_at else ""
