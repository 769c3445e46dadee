"""What Slack's answers mean, and what is to be done about them.

Source: https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/methods/chat.update
and https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from actions._base import json_bytes, one_word, retry_after_seconds, said
from alerts.notification import SendError
from outbound import Answer

FAR_SIDE = "Slack"

Remedy = Literal["smaller", "anew", "again", "operator"]
"""Send less of it at once; post another message, for this one is not to be had; send the same later; tell somebody."""

_TOO_FAST = frozenset(("ratelimited", "rate_limited"))
_AGAIN = _TOO_FAST | {
    "external_channel_migrating",
    "fatal_error",
    "internal_error",
    "message_limit_exceeded",
    "org_login_required",
    "request_timeout",
    "rollup_error",
    "service_unavailable",
    "team_added_to_org",
    "update_failed",
}
# Too long, or something in it is not to Slack's liking: of a user's templates, or a link that an alert holds.
_SMALLER = frozenset(
    (
        "attachment_payload_limit_exceeded",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_payload",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "missing_text_or_fallback_or_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "post_contents_too_large",
        "slack_connect_canvas_sharing_blocked",
        "slack_connect_file_link_sharing_blocked",
        "slack_connect_lists_sharing_blocked",
        "too_many_attachments",
        "too_many_contact_cards",
    )
)
# Of a message that is there, or was. Where its channel is none any more, the configured one may be another.
_ANEW = frozenset(
    (
        "block_mismatch",
        "cannot_reply_to_message",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "streaming_state_conflict",
        "team_not_found",
        "thread_not_found",
    )
)


def remedy(word: str, *, existing: bool = False) -> Remedy:
    """What is to be done when Slack says so; a word that is not known is the operator's.

    Args:
        word: Slack's.
        existing: it was about a message that is there already: an edit, or a reply to it.
    """
    if word in _SMALLER:
        return "smaller"
    if existing and word in _ANEW:
        return "anew"
    return "again" if word in _AGAIN else "operator"


def check(answer: Answer, secrets: Iterable[str], *, web_api: bool) -> Mapping[str, Any]:
    """Make sure that a message was taken.

    Args:
        answer: one whose status is 2xx.
        web_api: whether it is JSON by right; a webhook says "ok".

    Returns:
        The answer, where it is JSON: with the message's `ts` and `channel`.

    Raises:
        SendError: it was not; with Slack's word for it.
    """
    if web_api or answer.headers.get("content-type", "").startswith("application/json"):
        return _checked_json(answer, secrets)
    if answer.text.strip() != "ok":
        # So may a proxy's page.
        raise SendError(f'{FAR_SIDE}: answered "{said(answer, secrets)}" instead of "ok"')
    return {}


def _checked_json(answer: Answer, secrets: Iterable[str]) -> Mapping[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("ok") is True:
        return document
    error = document.get("error") if isinstance(document, dict) and document.get("ok") is False else None
    if not isinstance(error, str) or not error:
        raise SendError(f'{FAR_SIDE}: answered "{said(answer, secrets)}" instead of whether it is "ok"')
    reasons = _reasons(document)
    told = replace(answer, body=f"{error}: {reasons}".encode() if reasons else error.encode(errors="replace"))
    raise SendError(
        f"{FAR_SIDE}: {said(told, secrets)}",
        permanent=remedy(error) != "again",
        retry_after_seconds=retry_after_seconds(answer.headers, datetime.now(UTC)),
        throttled=error in _TOO_FAST,
        word=one_word(error),
    )


def _reasons(document: dict[str, Any]) -> str:
    """What it says is wrong with the blocks, or which right is missing."""
    details = document.get("response_metadata")
    messages = details.get("messages") if isinstance(details, dict) else None
    told = messages or document.get("errors") or document.get("needed")
    return json_bytes(told).decode() if told else ""
