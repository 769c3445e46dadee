"""A Slack incoming webhook on loopback that judges each message by the documented limits."""

import json
from collections.abc import Callable

from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.slack_api import SlackApi
from tests.far_sides.slack_message import Message, Refusal, Refused, judge, pings

__all__ = ["Message", "Refusal", "SlackApi", "SlackWebhook"]


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
            return self._refuse(request, Refused("no_service", f"no webhook at {request.path}"), 404)
        if request.method != "POST":
            return self._refuse(request, Refused("method_not_allowed", request.method), 405)
        try:
            message = json.loads(request.body)
        except (ValueError, RecursionError) as unreadable:
            return self._refuse(request, Refused("invalid_payload", str(unreadable)))
        if not isinstance(message, dict):
            return self._refuse(request, Refused("invalid_payload", "not a JSON object"))
        self.pings.extend(pings(message))
        try:
            judge(message)
        except Refused as refused:
            return self._refuse(request, refused)
        self.messages.append(message)
        return Answer(200, b"ok", {"Content-Type": "text/html"})

    def described(self) -> str:
        """Tells what came so far, refusals with their reasons."""
        refusals = [f"\n  refused {one.error}: {'; '.join(one.reasons)}" for one in self.refused]
        return super().described() + "".join(refusals)

    def _refuse(self, request: Request, refused: Refused, status: int = 400) -> Answer:
        self.refused.append(Refusal(status, refused.error, refused.reasons, request.body))
        return Answer(status, refused.error.encode(), {"Content-Type": "text/html"})
