"""`/remediations`: what is done about alerts, who is asked, and the switch that stops all of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound

import units
from outbox.database import StoreError
from outbox.records import Remediation
from pipeline import Pipeline
from web.access import Access, Person
from web.forms import FIELD, Forms
from web.queries import LARGEST_ID, number
from web.remediations import find

_SHOWN = 50
_LONGEST_FORM = 1_024
_QUESTION = "question"
_WORDS = {
    "fixed": "fixed",
    "not_fixed": "not fixed",
    "unknown": "not known whether it helped",
    "failed": "failed",
    "dry_run": "dry run",
    "refused": "not done",
    "declined": "declined",
    "expired": "too late",
    "proposed": "looked at",
    "considered": "looked at",
    "approval": "waits for approval",
    "acting": "under way",
    "verifying": "done, to be verified",
}
_TONES = {"fixed": "resolved", "not_fixed": "critical", "failed": "critical", "unknown": "warning"}
_TONES |= {"approval": "warning", "expired": "warning", "acting": "warning", "verifying": "warning"}


def blueprint(pipeline: Pipeline, access: Access) -> Blueprint:
    """The routes."""
    routes = Blueprint("remediation_pages", __name__)
    routes.add_app_template_filter(_word, "came_to")
    routes.add_app_template_filter(_tone, "tone")

    def forms() -> Forms:
        return Forms(pipeline.pictures.key_for("form"))

    def shown(template: str, status: int = 200, **values: Any) -> Response:
        now, person, made = datetime.now(UTC), access.person(), forms()
        page = render_template(
            template,
            now=now,
            person=person,
            asks=access.asks,
            form_token=made.token(person.who, now) if person else "",
            forms_work=made.work,
            field=FIELD,
            may_decide=lambda each: _may_decide(pipeline, each, person),
            asked=lambda each: _asked(pipeline, each),
            since=lambda moment: units.duration(max(0.0, (now - moment).total_seconds())),
            until=lambda moment: units.duration(max(0.0, (moment - now).total_seconds())),
            **values,
        )
        answer = make_response(page, status)
        # A browser is to say from which page a form comes: with "no-referrer" it does not say so to us either.
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def listed(refused: str = "", status: int = 200) -> Response:
        before = number(request, "before", LARGEST_ID) if request.method == "GET" else None
        try:
            store = pipeline.store.remediations
            waiting = () if before else store.list(_SHOWN, state="approval")
            found = store.list(_SHOWN, before)
            others = [each for each in found if not each.waits_for_approval or before]
            switch, failing = store.switch(), ""
            older = found[-1].id if len(found) == _SHOWN else None
        except StoreError as failure:
            waiting, others, switch, older, failing, status = (), [], None, None, str(failure), 503
        return shown(
            "remediations.html",
            status,
            waiting=waiting,
            others=others,
            switch=switch,
            enabled=pipeline.configuration.file.remediation.enabled,
            older=older,
            failing=failing,
            refused=refused,
        )

    def one(remediation_id: int, refused: str = "", status: int = 200) -> Response:
        found, failing = None, ""
        try:
            found = find(pipeline, str(remediation_id))
        except StoreError as failure:
            failing, status = str(failure), 503
        if found is None and not failing:
            raise NotFound(f"there is no remediation {remediation_id}")
        return shown("remediation.html", status, item=found, failing=failing, refused=refused)

    @routes.get("/remediations")
    def remediations() -> Response:
        return listed()

    @routes.get("/remediations/<int:remediation_id>")
    def remediation(remediation_id: int) -> Response:
        return one(remediation_id)

    @routes.get("/login")
    def login() -> Response:
        """Who comes so far is logged in: the browser has asked, and says it from here on."""
        return make_response(redirect(url_for("remediation_pages.remediations"), 303))

    @routes.post("/remediations/<int:remediation_id>/<any(approve, decline):verb>")
    def decide(remediation_id: int, verb: str) -> Response:
        if wrong := not_ours():
            return one(remediation_id, wrong, 403)
        person, refused = access.person(), ""
        try:
            found = find(pipeline, str(remediation_id))
            if found is None or person is None:
                raise NotFound(f"there is no remediation {remediation_id}")
            said = pipeline.approve if verb == "approve" else pipeline.decline
            refused = said(found.token, person.who, person.name, "page", request.form.get(_QUESTION, ""))
        except StoreError:
            return one(remediation_id, "That is not kept: the storage is failing. Try again.", 503)
        if refused:
            return one(remediation_id, refused, 409)
        return make_response(redirect(url_for("remediation_pages.remediation", remediation_id=remediation_id), 303))

    @routes.post("/remediations/switch")
    def switch() -> Response:
        if wrong := not_ours():
            return listed(wrong, 403)
        person, on = access.person(), request.form.get("on")
        if on not in ("true", "false"):
            return listed("That form has nothing to say.", 400)
        try:
            pipeline.switch_remediation(on == "true", person.name if person else "")
        except StoreError:
            return listed("That is not kept: the storage is failing. Try again.", 503)
        return make_response(redirect(url_for("remediation_pages.remediations"), 303))

    def not_ours() -> str:
        """Why a form counts for nothing; "" where it is what this person was shown."""
        if (request.content_length or 0) > _LONGEST_FORM:
            return "That form is too long to be one of this page."
        person = access.person()
        given = request.form.get(FIELD, "")
        if person is not None and forms().is_good(given, person.who, datetime.now(UTC)):
            return ""
        return "That form was not shown to you as you are logged in now, or it is too old. Look at the page again."

    return routes


def _came_to(remediation: Remediation) -> str:
    return remediation.result or remediation.state


def _word(remediation: Remediation) -> str:
    return _WORDS.get(_came_to(remediation), _came_to(remediation))


def _tone(remediation: Remediation) -> str:
    return _TONES.get(_came_to(remediation), "info")


def _may_decide(pipeline: Pipeline, remediation: Remediation, person: Person | None) -> bool:
    rule = pipeline.running.rule_of(remediation)
    if person is None or rule is None or not remediation.waits_for_approval:
        return False
    return rule.settings.approval == "page" and person.who in rule.settings.approvers


def _asked(pipeline: Pipeline, remediation: Remediation) -> str:
    """Who may approve it, and where."""
    rule = pipeline.running.rule_of(remediation)
    if rule is None:
        return "Its rule is gone."
    where = "in Slack" if rule.settings.approval == "slack" else "here"
    return f"To be approved {where} by {', '.join(rule.settings.approvers)}."
