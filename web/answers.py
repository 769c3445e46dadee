"""JSON answers, errors among them."""

from __future__ import annotations

import json

from flask import Response


def answer(document: object, status: int = 200) -> Response:
    """A JSON answer, to the letter."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(body.encode(errors="replace"), status, mimetype="application/json")


def error(message: str, status: int) -> Response:
    """What is wrong, and where."""
    return answer({"status": "error", "error": message}, status)
