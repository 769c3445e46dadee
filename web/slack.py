"""`POST /slack/interactions`: what people click in Slack.

Source: https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

import telemetry
from actions import slack_controls
from config.base import SecretError, read_secret
from outbound import Http
from pipeline import Pipeline
from web import slack_request
from web.answers import error
from web.body import whole_body
from web.errands import Errands
from web.slack_answers import Teller
from web.slack_clicks import Clicks, Outcome
from web.slack_request import Click

HOOKS = ("https://hooks.slack.com/", "https://hooks.slack-gov.com/")

# A message of ours comes back whole with a click of it, and each of its letters may be eight.
_LONGEST_BODY = 1024 * 1024
# Slack waits for three seconds in all, and the way there and back takes its time.
_PATIENCE_SECONDS = 2.0
_KEPT_AT_ONCE = 4
_ERRANDS_AT_ONCE = 4
_WAITING = 32

_log = structlog.get_logger("slack")


def blueprint(pipeline: Pipeline, hooks: Sequence[str] = HOOKS) -> Blueprint:
    """The route.

    Args:
        hooks: what the URLs begin with at which people may be told what came of their clicks.
    """
    routes = Blueprint("slack", __name__)
    clicks = Clicks(pipeline, Teller(Http(pool_size=_ERRANDS_AT_ONCE), hooks))
    # Apart: a far side that hangs holds nobody up who acknowledges.
    keeping, errands = Errands(_KEPT_AT_ONCE, _WAITING), Errands(_ERRANDS_AT_ONCE, _WAITING)
    answered = slack_request.Answered()
    errand_of: dict[str, Callable[[Click], None]] = {
        slack_controls.SILENCE: clicks.propose,
        slack_controls.CONFIRM: clicks.silence,
        slack_controls.CANCEL: clicks.cancel,
    }

    @routes.post("/slack/interactions")
    def interactions() -> Response:
        settings = pipeline.configuration.file.web
        if settings.slack_signing_secret is None and settings.slack_signing_secret_file is None:
            return error("no button works: web.slack_signing_secret is not set", 404)
        try:
            secret = read_secret(settings.slack_signing_secret, settings.slack_signing_secret_file)
        except SecretError as unread:
            _log.error("the signing secret cannot be read", error=str(unread))
            return error("the signing secret cannot be read; the log says why", 503)
        body = _body()
        stamp, signature = (request.headers.get(f"X-Slack-{name}", "") for name in ("Request-Timestamp", "Signature"))
        if not slack_request.is_signed(body, stamp, signature, secret, datetime.now(UTC)):
            return _counted("unsigned", error("the request is not signed as it should be", 401))
        if signature in answered:
            return _counted("other", Response())
        response = _answer(body)
        if response.status_code == 200:
            answered.add(signature)
        return response

    def _answer(body: bytes) -> Response:
        try:
            click = slack_request.read(body)
        except ValueError as malformed:
            return _counted("malformed", error(str(malformed), 400))
        if click is None:
            return _counted("other", Response())
        kind = slack_controls.kind_of(click.action_id)
        if kind == slack_controls.ACKNOWLEDGE:
            return _keep(click, kind, clicks.acknowledge, "it is acknowledged")
        if kind in (slack_controls.RUN, slack_controls.LEAVE):
            return _keep(click, kind, clicks.decide, "it is kept")
        errand = errand_of.get(click.action_id)
        if errand is None:
            # Slack tells of links, too.
            return _counted("other", Response())
        if errands.begin(partial(errand, click)) is None:
            return _counted("busy", error("too much is being done already", 503))
        return _counted(click.action_id, Response())

    def _keep(click: Click, kind: str, keep: Callable[[Click], Outcome], done: str) -> Response:
        """200 says that it is kept; whatever else came of it the person is told."""
        begun = keeping.begin(partial(keep, click))
        if begun is None:
            return _counted("busy", error("too much is being kept already", 503))
        try:
            outcome = begun.result(_PATIENCE_SECONDS)
        except TimeoutError:
            begun.add_done_callback(partial(_tell_late, click, done))
            return _counted("late", error("it is not kept yet", 503))
        if outcome.said:
            _tell(click, outcome.said)
        _take_away(click, outcome)
        if not outcome.kept:
            return _counted("failed", error(outcome.said, 503))
        return _counted(kind, Response())

    def _tell_late(click: Click, done: str, begun: Future[Outcome]) -> None:
        outcome = begun.result()
        _tell(click, outcome.said or f"It took a while, but {done}.")
        _take_away(click, outcome)

    def _take_away(click: Click, outcome: Outcome) -> None:
        # Where there is no room for it the buttons stay, and say what is so to who clicks them.
        if outcome.over:
            errands.begin(partial(clicks.take_away, click))

    def _tell(click: Click, text: str) -> None:
        if errands.begin(partial(clicks.tell, click, text)) is None:
            _log.warning("nobody is told what came of a click: too much is being done already")

    return routes


def _body() -> bytes:
    try:
        return whole_body(request, _LONGEST_BODY)
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge(f"the body is longer than {_LONGEST_BODY} bytes") from None


def _counted(outcome: str, response: Response) -> Response:
    telemetry.SLACK_CLICKS.labels(outcome).inc()
    return response
