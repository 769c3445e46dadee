"""The HTTP side: `POST /alert`, the page, the API and what an operator's machines ask for."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from pipeline import Pipeline, Reloader
from web import alert, api, charts, ops, pagerduty, remediation_pages, remediations, slack, status, ui
from web.access import Access
from web.answers import error

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


def create_web(pipeline: Pipeline, reloader: Reloader, slack_hooks: Sequence[str] = slack.HOOKS) -> Flask:
    """Make the WSGI application; who may do what is its `extensions["access"]`'s to say.

    Args:
        slack_hooks: what the URLs begin with at which Slack takes answers to clicks.
    """
    app = Flask(__name__)
    access = Access(pipeline)
    app.extensions["access"] = access
    app.before_request(access.refused)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.register_blueprint(alert.blueprint(pipeline))
    app.register_blueprint(api.blueprint(pipeline))
    app.register_blueprint(charts.blueprint(pipeline))
    app.register_blueprint(ops.blueprint(pipeline))
    app.register_blueprint(remediations.blueprint(pipeline, access))
    app.register_blueprint(remediation_pages.blueprint(pipeline, access))
    app.register_blueprint(slack.blueprint(pipeline, slack_hooks))
    app.register_blueprint(pagerduty.blueprint(pipeline))
    app.register_blueprint(status.blueprint(pipeline, reloader))
    app.register_blueprint(ui.blueprint(pipeline))

    @app.errorhandler(HTTPException)
    def http_error(exception: HTTPException) -> Response:
        answer = error(exception.description or exception.name, exception.code or 500)
        for name, value in exception.get_headers():
            if name.lower() in ("allow", "retry-after"):
                answer.headers[name] = value
        return answer

    @app.errorhandler(Exception)
    def defect(exception: Exception) -> Response:
        app.logger.error("a request failed", exc_info=exception)
        return error("internal error; the log has its traceback", 500)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app
