"""What Slack documents of a whole message: what is wrong with one, and what in it would notify people."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.far_sides.slack_blocks import MOST_BLOCK_CHARACTERS, block_characters, block_errors

Message = dict[str, Any]

LONGEST_TEXT = 40_000
MOST_ATTACHMENTS = 100

# https://docs.slack.dev/messaging/formatting-message-text: what notifies people; <!date^...> does not.
_PING = re.compile(r"<(?:!(?:channel|here|everyone|subteam\^[^>]*)|@[UW][^>]*)(?:\|[^>]*)?>")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not taken: Slack's word for it, what exactly was wrong, and the body."""

    status: int
    error: str
    reasons: tuple[str, ...]
    body: bytes


class Refused(Exception):
    """A request that is not taken.

    Attributes:
        error: Slack's word for it.
        reasons: what exactly is wrong.
    """

    def __init__(self, error: str, *reasons: str) -> None:
        """Tells both."""
        super().__init__(error, *reasons)
        self.error = error
        self.reasons = reasons


def judge(message: Message, longest_text: int = LONGEST_TEXT) -> None:
    """Refuses a message in Slack's word for the first kind of thing that is wrong, with the reasons."""
    text = message.get("text", "")
    attachments = message.get("attachments", [])
    if not isinstance(text, str):
        raise Refused("invalid_payload", "text is not a string")
    if not (text or attachments or message.get("blocks")):
        raise Refused("no_text", "needs text, blocks or attachments")
    if len(text) > longest_text:
        raise Refused("msg_too_long", f"text has {len(text)} characters, at most {longest_text}")
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise Refused("invalid_attachments", "attachments is not a list of objects")
    if len(attachments) > MOST_ATTACHMENTS:
        raise Refused("too_many_attachments", f"{len(attachments)} attachments, at most {MOST_ATTACHMENTS}")
    blocks = {"/blocks": message["blocks"]} if "blocks" in message else {}
    blocks |= {f"/attachments/{i}/blocks": one["blocks"] for i, one in enumerate(attachments) if "blocks" in one}
    if reasons := block_errors(blocks):
        raise Refused("invalid_blocks", *reasons)
    characters = sum(block_characters(one) for one in blocks.values())
    if characters > MOST_BLOCK_CHARACTERS:
        raise Refused("msg_blocks_too_long", f"{characters} characters in blocks, at most {MOST_BLOCK_CHARACTERS}")


def pings(node: object) -> Iterator[str]:
    """Yields each control sequence that notifies people, wherever Slack reads text as mrkdwn."""
    if isinstance(node, str):
        yield from _PING.findall(node)
    elif isinstance(node, list):
        for item in node:
            yield from pings(item)
    elif isinstance(node, dict) and node.get("type") != "plain_text":
        if node.get("type") in ("user", "usergroup", "broadcast"):
            yield json.dumps(node)
        for item in node.values():
            yield from pings(item)
