"""A Slack incoming webhook on loopback that judges each message by the documented limits."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.far_sides.http_server import Answer, HttpServer, Request
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


class SlackWebhook(HttpServer):
    """An incoming webhook at `url`: `messages` it took, what it `refused`, and `pings` found in any text."""

    path = "/services/T0FARSIDE/B0FARSIDE/not-a-real-token-1234567"

    def __init__(self) -> None:
        """Starts with an empty channel."""
        super().__init__()
        self.messages: list[Message] = []
        self.refused: list[Refusal] = []
        self.pings: list[str] = []

    @property
    def url(self) -> str:
        """The webhook's URL, which is a secret."""
        return f"{self.base_url}{self.path}"

    def wait_for_message(
        self, predicate: Callable[[Message], bool] = lambda message: True, timeout_seconds: float = 5.0
    ) -> Message:
        """Waits until an accepted message fits and returns the first such message."""
        return self.wait_until(lambda: next(filter(predicate, self.messages), None), timeout_seconds)

    def answer(self, request: Request) -> Answer:
        """Answers `ok`, or 4xx with Slack's word for what is wrong."""
        if request.path != self.path:
            return self._refuse(request, "no_service", [f"no webhook at {request.path}"], 404)
        if request.method != "POST":
            return self._refuse(request, "method_not_allowed", [request.method], 405)
        try:
            message = json.loads(request.body)
        except (ValueError, RecursionError) as unreadable:
            return self._refuse(request, "invalid_payload", [str(unreadable)])
        if not isinstance(message, dict):
            return self._refuse(request, "invalid_payload", ["not a JSON object"])
        self.pings.extend(_pings(message))
        error, reasons = _judged(message)
        if error:
            return self._refuse(request, error, reasons)
        self.messages.append(message)
        return Answer(200, b"ok", {"Content-Type": "text/html"})

    def described(self) -> str:
        """Tells what came so far, refusals with their reasons."""
        refusals = [f"\n  refused {one.error}: {'; '.join(one.reasons)}" for one in self.refused]
        return super().described() + "".join(refusals)

    def _refuse(self, request: Request, error: str, reasons: list[str], status: int = 400) -> Answer:
        self.refused.append(Refusal(status, error, tuple(reasons), request.body))
        return Answer(status, error.encode(), {"Content-Type": "text/html"})


def _judged(message: Message) -> tuple[str, list[str]]:
    """Returns Slack's word for the first kind of thing that is wrong, or "", and the reasons."""
    text = message.get("text", "")
    attachments = message.get("attachments", [])
    if not isinstance(text, str):
        return "invalid_payload", ["text is not a string"]
    if not (text or attachments or message.get("blocks")):
        return "no_text", ["needs text, blocks or attachments"]
    if len(text) > LONGEST_TEXT:
        return "msg_too_long", [f"text has {len(text)} characters, at most {LONGEST_TEXT}"]
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        return "invalid_attachments", ["attachments is not a list of objects"]
    if len(attachments) > MOST_ATTACHMENTS:
        return "too_many_attachments", [f"{len(attachments)} attachments, at most {MOST_ATTACHMENTS}"]
    blocks = {"/blocks": message["blocks"]} if "blocks" in message else {}
    blocks |= {f"/attachments/{i}/blocks": one["blocks"] for i, one in enumerate(attachments) if "blocks" in one}
    if reasons := block_errors(blocks):
        return "invalid_blocks", reasons
    characters = sum(block_characters(one) for one in blocks.values())
    if characters > MOST_BLOCK_CHARACTERS:
        return "msg_blocks_too_long", [f"{characters} characters in blocks, at most {MOST_BLOCK_CHARACTERS}"]
    return "", []


def _pings(node: object) -> Iterator[str]:
    """Yields each control sequence that notifies people, wherever Slack reads text as mrkdwn."""
    if isinstance(node, str):
        yield from _PING.findall(node)
    elif isinstance(node, list):
        for item in node:
            yield from _pings(item)
    elif isinstance(node, dict) and node.get("type") != "plain_text":
        if node.get("type") in ("user", "usergroup", "broadcast"):
            yield json.dumps(node)
        for item in node.values():
            yield from _pings(item)


class SlackApi(SlackWebhook):
    """Slack's `chat.postMessage` at `url`, for who has the `token`; an error is JSON, with status 200."""

    path = "/api/chat.postMessage"

    def __init__(self) -> None:
        """Starts with an empty channel."""
        super().__init__()
        self.token = "xoxb-not-a-real-token"

    def answer(self, request: Request) -> Answer:
        """Answers as the webhook does, in the words of the Web API."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _json({"ok": False, "error": "not_authed"})
        message = request.json()
        if not message.get("channel"):
            return _json({"ok": False, "error": "channel_not_found"})
        taken = super().answer(request)
        if taken.status == 200:
            return _json({"ok": True, "channel": "C0FARSIDE", "ts": f"{len(self.messages)}.000100", "message": message})
        refusal = self.refused[-1]
        reasons = [f"[ERROR] {each}" for each in refusal.reasons]
        return _json({"ok": False, "error": refusal.error, "response_metadata": {"messages": reasons}})


def _json(document: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json; charset=utf-8"})
