"""What Slack tells of a click, and whether it was Slack who told it.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
and https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

_OLDEST_SECONDS = 300
_MOST_FIELDS = 20
_LONGEST_NAME = 80
_LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody clicked something of ours.

    Attributes:
        action_id: what.
        value: what it was given when it was shown; of a menu that of the option.
        by: who, as people call them; plain, of one line, and anybody's text.
        user_id: who, as Slack calls them.
        response_url: where they are told what came of it; "" where they cannot be.
        message: what they clicked in, as Slack has it: its text and blocks.
    """

    action_id: str
    value: str
    by: str
    user_id: str
    response_url: str
    message: Mapping[str, Any] = field(default_factory=dict)


class Answered:
    """Which requests were answered already, by their signatures: one that comes again is done already.

    Args:
        most: so many are remembered.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._signatures: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, signature: str) -> None:
        """Remember one; the oldest go."""
        with self._lock:
            self._signatures[signature] = None
            while len(self._signatures) > self._most:
                self._signatures.popitem(last=False)

    def __contains__(self, signature: str) -> bool:
        with self._lock:
            return signature in self._signatures


def is_signed(body: bytes, timestamp: str, signature: str, secret: str, now: datetime) -> bool:
    """Whether it was signed with the secret, within the last five minutes.

    Args:
        timestamp: the header X-Slack-Request-Timestamp.
        signature: the header X-Slack-Signature.
    """
    told_at = int(timestamp) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12 else 0
    signed = b"v0:" + timestamp.encode(errors="replace") + b":" + body
    expected = f"v0={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
    is_ours = hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))
    return is_ours and abs(now.timestamp() - told_at) <= _OLDEST_SECONDS


def read(body: bytes) -> Click | None:
    """What was clicked; None where it is nothing that could be ours.

    Raises:
        ValueError: it is nothing that Slack would send.
    """
    try:
        form = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
        document = json.loads(form["payload"][0])
    except (KeyError, ValueError, RecursionError):
        raise ValueError("the body is no form with a payload of JSON") from None
    if not isinstance(document, dict):
        raise ValueError("payload: should be an object")
    if document.get("type") != "block_actions":
        return None
    actions = document.get("actions")
    # Of one click there is one: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    action = actions[0] if isinstance(actions, list) and actions else None
    user = document.get("user")
    if not isinstance(action, dict) or not isinstance(user, dict):
        raise ValueError("payload: should have actions and a user")
    chosen = action.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, dict) else action.get("value")
    user_id = _plain(user.get("id"))
    name = _plain(user.get("name")) or _plain(user.get("username")) or user_id
    url, message = document.get("response_url"), document.get("message")
    return Click(
        _text(action.get("action_id")),
        _text(value),
        name or "somebody",
        user_id,
        url if isinstance(url, str) and len(url) <= _LONGEST_URL else "",
        message if isinstance(message, dict) else {},
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _plain(value: Any) -> str:
    """One line without what cannot be seen: names go to where nobody looks for such."""
    words = " ".join(_text(value)[: 10 * _LONGEST_NAME].split())
    return "".join(each for each in words if each.isprintable())[:_LONGEST_NAME]
