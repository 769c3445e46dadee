"""JSON answers, errors among them."""

from __future__ import annotations

import json

from flask import Response, request


def answer(document: object, status: int = 200) -> Response:
    """A JSON answer, to the letter."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(body.encode(errors="replace"), status, mimetype="application/json")


def error(message: str, status: int) -> Response:
    """What is wrong, and where."""
    return answer({"status": "error", "error": message}, status)


def from_elsewhere() -> Response | None:
    """The answer to what a page of somebody else's asks for, in the browser of one who may reach this service.

    A browser says so; of a page that came without TLS it only says from where that is.

    Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    and https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Origin
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    same = site in ("none", "same-origin") if site else origin is None or _host(origin) == request.host.lower()
    return None if same else error("another site may not ask for this", 403)


def _host(origin: str) -> str:
    return origin.partition("://")[2].lower()
