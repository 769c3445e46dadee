"""What Slack's answers mean.

Source: https://api.slack.com/messaging/webhooks#handling_errors and https://api.slack.com/methods/chat.postMessage
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from actions._base import json_bytes, retry_after_seconds, said
from alerts.notification import SendError
from outbound import Answer

FAR_SIDE = "Slack"
_TOO_FAST = frozenset(("ratelimited", "rate_limited"))
_AGAIN = _TOO_FAST | {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}

POST_ANEW = frozenset(("message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"))
"""What an edit is answered whose message is gone, or past editing."""
THREAD_GONE = frozenset(("thread_not_found", "message_not_found", "cannot_reply_to_message"))
"""What a reply is answered whose message is."""


class Refused(SendError):
    """Slack did not take it, and said why in a word of its own.

    Args:
        word: "message_not_found"; it may be anything.
    """

    def __init__(self, message: str, word: str, *, permanent: bool, retry_after: float | None, throttled: bool) -> None:
        super().__init__(message, permanent=permanent, retry_after_seconds=retry_after, throttled=throttled)
        self.word = word


def check(answer: Answer, secrets: Iterable[str], *, web_api: bool) -> None:
    """Make sure that a message was taken.

    Args:
        answer: one whose status is 2xx.
        web_api: whether it is JSON by right; a webhook says "ok".

    Raises:
        SendError: it was not.
    """
    if web_api or answer.headers.get("content-type", "").startswith("application/json"):
        _check_json(answer, secrets)
    elif answer.text.strip() != "ok":
        # So may a proxy's page.
        raise SendError(f'{FAR_SIDE}: answered "{said(answer, secrets)}" instead of "ok"')


def _check_json(answer: Answer, secrets: Iterable[str]) -> None:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("ok") is True:
        return
    error = document.get("error") if isinstance(document, dict) and document.get("ok") is False else None
    if not isinstance(error, str) or not error:
        raise SendError(f'{FAR_SIDE}: answered "{said(answer, secrets)}" instead of whether it is "ok"')
    reasons = _reasons(document)
    told = replace(answer, body=f"{error}: {reasons}".encode() if reasons else error.encode(errors="replace"))
    raise Refused(
        f"{FAR_SIDE}: {said(told, secrets)}",
        error,
        permanent=error not in _AGAIN,
        retry_after=retry_after_seconds(answer.headers, datetime.now(UTC)),
        throttled=error in _TOO_FAST,
    )


def _reasons(document: dict[str, Any]) -> str:
    """What it says is wrong with the blocks, or which right is missing."""
    details = document.get("response_metadata")
    messages = details.get("messages") if isinstance(details, dict) else None
    told = messages or document.get("errors") or document.get("needed")
    return json_bytes(told).decode() if told else ""
