"""`POST /pagerduty/webhook`: where PagerDuty says that somebody has acknowledged or closed an incident.

Source: `docs/webhooks` (01-Overview, 02-Behavior, 04-Signatures) of https://github.com/PagerDuty/developer-docs
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Blueprint, Response, request

from alerts.timeline import Acknowledgement
from config.base import SecretError, read_secret
from outbox.database import StoreError
from pipeline import Pipeline
from web.answers import answer, error
from web.body import whole_body

_SIGNATURE = "X-PagerDuty-Signature"
_SIGNATURES_AT_MOST = 20
_LONGEST_NAME = 200
_TOLD = {"incident.acknowledged": False, "incident.resolved": True}

_log = structlog.get_logger("pagerduty")


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The route."""
    routes = Blueprint("pagerduty", __name__)

    @routes.post("/pagerduty/webhook")
    def webhook() -> Response:
        settings = pipeline.configuration.file.web
        value, file = settings.pagerduty_webhook_secret, settings.pagerduty_webhook_secret_file
        if value is None and file is None:
            return error("no webhooks of PagerDuty's are taken: web.pagerduty_webhook_secret is not set", 404)
        body = whole_body(request, settings.max_body)
        try:
            secret = read_secret(value, file)
        except SecretError as unread:
            # It may be there next time, and PagerDuty tries again.
            _log.error("a webhook could not be checked", error=str(unread))
            return error("the webhook could not be checked: its secret cannot be read; try again", 503)
        if not signed(body, request.headers.get(_SIGNATURE, ""), secret):
            _log.warning("a webhook was refused: it is not signed with web.pagerduty_webhook_secret")
            return error(f"{_SIGNATURE} is no signature of this body with web.pagerduty_webhook_secret", 401)
        try:
            told = read(body, datetime.now(UTC))
        except ValueError as malformed:
            return error(str(malformed), 400)
        try:
            events = _accepted(*told) if told else []
        except StoreError as failing:
            _log.error("refused: the storage is failing", error=str(failing))
            return error("this could not be kept; try again", 503)
        return answer({"status": "success", "events": events})

    def _accepted(dedup_key: str, acknowledgement: Acknowledgement) -> list[int]:
        """Keep it of each group that was told by that key; nothing where it is no incident of ours."""
        held = pipeline.store.held_by(dedup_key)
        groups = {group_key for destination, group_key in held if destination.rsplit("/", 2)[1:2] == ["pagerduty"]}
        return [pipeline.acknowledge(group_key, acknowledgement) for group_key in sorted(groups)]

    return routes


def signed(body: bytes, header: str, secret: str) -> bool:
    """Whether one of a header's signatures is of a body; it has several while PagerDuty's secret is replaced."""
    wanted = f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}".encode()
    found = [each.strip().encode(errors="replace") for each in header.split(",", _SIGNATURES_AT_MOST)]
    return any(hmac.compare_digest(wanted, each) for each in found[:_SIGNATURES_AT_MOST])


def read(body: bytes, now: datetime) -> tuple[str, Acknowledgement] | None:
    """Who has taken what over, by the group's own key.

    Returns:
        None where it is about something else, or the service itself did it, and PagerDuty tells it back.

    Raises:
        ValueError: it is no event of PagerDuty's; the message says what is wrong.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    event = _mapping(document, "event")
    kind = event.get("event_type")
    if not isinstance(kind, str):
        raise ValueError("event.event_type: should be text")
    if kind not in _TOLD:
        return None
    incident = _mapping(event, "data", "event.")
    by, key = _person(event.get("agent")), incident.get("incident_key")
    if by is None or not isinstance(key, str) or not key.isascii() or not key.isprintable():
        return None
    reason = incident.get("resolve_reason")
    if isinstance(reason, dict) and reason.get("type") == "merge_resolve_reason":
        # It goes on as a part of another one.
        return None
    group, _, one_of_several = key.partition(":")
    # Who closes one of a group's incidents has not closed the group.
    resolved = _TOLD[kind] and not one_of_several
    return group, Acknowledgement(by, _moment(event.get("occurred_at"), now), "pagerduty", resolved)


def _person(agent: object) -> str | None:
    """Who did it; None where that was an integration, such as ours, or PagerDuty itself."""
    if not isinstance(agent, dict) or not isinstance(agent.get("type"), str):
        return None
    if agent["type"].removesuffix("_reference").endswith(("integration", "service")):
        return None
    name = agent.get("summary") or agent.get("id")
    text = " ".join(name.split())[:_LONGEST_NAME] if isinstance(name, str) else ""
    return text.encode(errors="replace").decode() or "somebody"


def _moment(said: object, now: datetime) -> datetime:
    if said is None:
        return now
    try:
        moment = datetime.fromisoformat(str(said))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("event.occurred_at: should be a time of ISO 8601") from None


def _mapping(holder: object, key: str, at: str = "") -> Mapping[str, Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"{at}{key}: should be a mapping")
    return found
