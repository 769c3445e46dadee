"""`/api/v1/remediations`: what is done about alerts, and what a person may say to it."""

from __future__ import annotations

import json
from typing import get_args

import structlog
from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import BadRequest

from alerts.remediation import RemediationState
from outbox.database import StoreError
from outbox.records import Remediation
from outbox.rows import plain_text
from pipeline import Pipeline
from web.access import Access
from web.answers import answer, error
from web.body import whole_body
from web.queries import LARGEST_ID, number
from web.remediation_documents import document, switch_document

STATES: tuple[RemediationState, ...] = get_args(RemediationState)

_LISTED = 100
_LISTED_AT_MOST = 1_000
_LONGEST_BODY = 1_024

_log = structlog.get_logger("remediations")


def blueprint(pipeline: Pipeline, access: Access) -> Blueprint:
    """The routes."""
    routes = Blueprint("remediations", __name__, url_prefix="/api/v1")

    @routes.get("/remediations")
    def remediations() -> Response:
        found = pipeline.store.remediations.list(
            number(request, "limit", _LISTED_AT_MOST) or _LISTED,
            number(request, "before", LARGEST_ID),
            rule=_text(request, "rule"),
            state=_state(request),
            fingerprint=_text(request, "fingerprint"),
            target=_text(request, "target"),
        )
        switch = switch_document(pipeline.store.remediations.switch())
        return answer({"switch": switch, "remediations": [document(each) for each in found]})

    @routes.get("/remediations/<which>")
    def remediation(which: str) -> Response:
        found = find(pipeline, which)
        return answer(document(found)) if found else _none(which)

    @routes.post("/remediations/<which>/<any(approve, decline):verb>")
    def decide(which: str, verb: str) -> Response:
        person = access.person()
        found = find(pipeline, which)
        if found is None or person is None:
            return _none(which)
        said = pipeline.approve if verb == "approve" else pipeline.decline
        refused = said(found.token, person.who, person.name, "page")
        return error(refused, 409) if refused else answer({"status": "success"})

    @routes.get("/remediation/switch")
    def switch() -> Response:
        return answer(switch_document(pipeline.store.remediations.switch()))

    @routes.post("/remediation/switch")
    def turn() -> Response:
        on, person = _on(request), access.person()
        pipeline.switch_remediation(on, person.name if person else "")
        return answer(switch_document(pipeline.store.remediations.switch()))

    @routes.errorhandler(StoreError)
    def failing(failure: StoreError) -> Response:
        _log.error("refused: the storage is failing", error=str(failure))
        return error("the storage is failing; try again", 503)

    return routes


def find(pipeline: Pipeline, which: str) -> Remediation | None:
    """The remediation of an id or a token; None where there is none.

    Raises:
        StoreError: the database does not answer.
    """
    if not which.isascii() or len(which) > 64:
        return None
    if which.isdigit():
        return pipeline.store.remediations.get(int(which)) if int(which) <= LARGEST_ID else None
    return pipeline.store.remediations.by_token(which)


def _none(which: str) -> Response:
    return error(f"there is no remediation {which[:64]}", 404)


def _text(asked: Request, name: str) -> str | None:
    text = asked.args.get(name)
    # What a row cannot hold is in none.
    return None if text is None else plain_text(text)


def _state(asked: Request) -> RemediationState | None:
    text = asked.args.get("state")
    if text is None or text in STATES:
        return text
    raise BadRequest(f"state: {text[:100]!r} is none of {', '.join(STATES)}")


def _on(asked: Request) -> bool:
    try:
        said = json.loads(whole_body(asked, _LONGEST_BODY))
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    on = said.get("on") if isinstance(said, dict) else None
    if not isinstance(on, bool):
        raise BadRequest('the body should be {"on": true} or {"on": false}')
    return on
