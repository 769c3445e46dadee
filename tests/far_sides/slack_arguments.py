"""How Slack's Web API is told its arguments and who asks: a form or JSON, and a token.

Source: https://docs.slack.dev/apis/web-api/
"""

import json
from email.message import Message as MimeMessage
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.far_sides.http_server import Request
from tests.far_sides.slack_message import Refused

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

# In a form these are JSON within a string; how each is said to be unreadable.
_NESTED = {
    "attachments": "invalid_attachments",
    "blocks": "invalid_blocks_format",
    "files": "invalid_arguments",
    "metadata": "invalid_metadata_format",
}


def arguments(request: Request) -> dict[str, Any]:
    """Returns what a method was called with, its token too where a form holds it."""
    if request.method == "GET":
        return _nested(dict(parse_qsl(urlsplit(request.path).query)))
    if request.method != "POST":
        raise Refused("invalid_post_type", request.method)
    header = MimeMessage()
    header["Content-Type"] = request.headers.get("Content-Type", "")
    if not header["Content-Type"]:
        raise Refused("missing_post_type", "no Content-Type")
    if header.get_content_charset("utf-8") not in ("utf-8", "iso-8859-1"):
        raise Refused("invalid_charset", str(header.get_content_charset()))
    if header.get_content_type() == JSON:
        return _json(request.body)
    if header.get_content_type() == FORM:
        return _form(request.body)
    raise Refused("invalid_post_type", f"neither {JSON} nor {FORM}: {header.get_content_type()}")


def authenticate(request: Request, given: dict[str, Any], token: str) -> None:
    """Refuses who has no token or another; in JSON it is not looked for."""
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        told = ""
    if not told and not request.headers.get("Content-Type", "").startswith(JSON):
        told = given.get("token", "")
    if not told:
        raise Refused("not_authed", "no token in the header Authorization, nor in a form")
    if told != token:
        # Nobody's secret is told in a failed test.
        raise Refused("invalid_auth", "another token than the app's")


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as unreadable:
        raise Refused("invalid_json", str(unreadable)) from unreadable
    if not isinstance(document, dict):
        raise Refused("json_not_object", type(document).__name__)
    return document


def _form(body: bytes) -> dict[str, Any]:
    try:
        return _nested(dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))))
    except ValueError as unreadable:
        raise Refused("invalid_form_data", str(unreadable)) from unreadable


def _nested(form: dict[str, Any]) -> dict[str, Any]:
    for name, error in _NESTED.items():
        if name in form:
            try:
                form[name] = json.loads(form[name])
            except (ValueError, RecursionError) as unreadable:
                raise Refused(error, f"{name}: {unreadable}") from unreadable
    return form
