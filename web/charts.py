"""`/charts/<token>.svg` and `.png`: the pictures of readings, for who has their URL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from flask import Blueprint, Response

from charts import Form
from pipeline import NoPicture, Pipeline
from web.answers import error

_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
_ASK_SECONDS = 3.0
_AGAIN_SECONDS = 5
_LONGEST_CACHED_SECONDS = 86_400
# Opened by itself it may hold its own styles, and nothing else.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox"


def blueprint(pipeline: Pipeline) -> Blueprint:
    """The route."""
    routes = Blueprint("charts", __name__)

    @routes.get("/charts/<token>.<any(svg, png):form>")
    def chart(token: str, form: str) -> Response:
        now = datetime.now(UTC)
        found = pipeline.pictures.find(token, now)
        if found is None:
            return error("there is no such picture", 404)
        shown, ends_at = found
        if missing := pipeline.pictures.missing:
            return error(f"no picture: {missing}", 501)
        try:
            drawn, lasts = pipeline.pictures.draw(shown, cast(Form, form), _ASK_SECONDS)
        except NoPicture as reason:
            refused = error(f"no picture: {reason}", 503 if reason.later else 404)
            if reason.later:
                refused.headers["Retry-After"] = str(_AGAIN_SECONDS)
            return refused
        answer = Response(drawn, content_type=_TYPES[form])
        left = min(int((ends_at - now).total_seconds()), _LONGEST_CACHED_SECONDS)
        # What it shows is past: it does not change.
        answer.headers["Cache-Control"] = f"private, max-age={left}, immutable" if lasts else "no-store"
        if form == "svg":
            answer.headers["Content-Security-Policy"] = _POLICY
        return answer

    return routes
