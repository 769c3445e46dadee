"""Slack's Web API on loopback, for an app with a token: it posts, edits, and uploads as documented.

Source: https://docs.slack.dev/reference/methods
"""

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.slack_arguments import arguments, authenticate
from tests.far_sides.slack_channel import Channel, Notification
from tests.far_sides.slack_files import PATH as UPLOAD_PATH
from tests.far_sides.slack_limits import RateLimits
from tests.far_sides.slack_message import Message, Refusal, Refused
from tests.far_sides.slack_transcript import transcript
from tests.far_sides.slack_workspace import Workspace

UPLOAD = "upload"


class Trouble(Enum):
    """How a call gets no answer: nothing is done and nothing said, or it is done and nothing said."""

    HANGS = "hangs"
    DROPS = "drops"
    TAKES_AND_HANGS = "takes and hangs"
    TAKES_AND_DROPS = "takes and drops"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method: with what, without the token, and Slack's word for what was wrong, "" if nothing was."""

    method: str
    arguments: Message
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Withheld(Answer):
    """An answer that its client never hears."""

    hangs: bool = False


class SlackApi(HttpServer):
    """A `workspace`, with the `calls` of every method in order, those `refused`, and `messages` as they were posted.

    `url` is of chat.postMessage.
    """

    path = "/api/chat.postMessage"

    def __init__(
        self,
        channels: Sequence[str] = ("#ops", "#on-call"),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Starts with empty channels."""
        super().__init__()
        self.token = "xoxb-not-a-real-token"
        self.workspace = Workspace(channels, lambda: self.base_url, now)
        self.messages = self.workspace.messages
        self.calls: list[Call] = []
        self.refused: list[Refusal] = []
        self._now = now
        self._limits: RateLimits | None = None
        self._troubles: dict[str, deque[str | int | Trouble]] = defaultdict(deque)

    @property
    def url(self) -> str:
        """The URL of chat.postMessage."""
        return f"{self.base_url}{self.path}"

    @property
    def notifications(self) -> list[Notification]:
        """What made phones buzz, in the order in which it did."""
        with self.changed:
            return sorted(
                (one for channel in self.workspace.channels for one in channel.notifications), key=lambda one: one.ts
            )

    @property
    def pings(self) -> list[str]:
        """Control sequences that notified people; those of an edit did not, and are in `silent_pings`."""
        return [mention for one in self.notifications for mention in one.mentions]

    @property
    def silent_pings(self) -> list[str]:
        """Control sequences that stood in edits."""
        return self.workspace.silent_pings

    def channel(self, name: str = "#ops") -> Channel:
        """Returns a channel by its name or id."""
        return self.workspace.channel(name)

    def close_edit_window(self) -> None:
        """Takes no more edits from here on, as a workspace's setting may have it."""
        self.workspace.edit_window_closed = True

    def transcript(self, channel: str = "#ops") -> str:
        """Returns a channel as a person reads it, without any time."""
        with self.changed:
            return transcript(self.channel(channel))

    def say(self, text: str, channel: str = "#ops", thread_ts: str = "", author: str = "jane") -> str:
        """Posts as somebody else and returns the ts."""
        with self.changed:
            posted = self.channel(channel).post({"text": text, "thread_ts": thread_ts}, self._now(), author)
            self.changed.notify_all()
            return posted.ts

    def delete(self, ts: str, channel: str = "#ops") -> None:
        """Deletes a message, as a person does."""
        with self.changed:
            self.channel(channel).delete(ts)

    def fail(self, method: str, how: str | int | Trouble, times: int = 1) -> None:
        """Fails the next calls of a method, or of "upload": an error's word, a status, or no answer at all."""
        with self.changed:
            self._troubles[method].extend([how] * times)

    def limit_rates(self, now: Callable[[], float] = time.monotonic) -> None:
        """Takes no more calls than Slack does from here on; `now` is monotonic seconds."""
        self._limits = RateLimits(now)

    def called(self, method: str) -> list[Call]:
        """Returns the calls of one method."""
        with self.changed:
            return [call for call in self.calls if call.method == method]

    def wait_for_message(
        self, predicate: Callable[[Message], bool] = lambda message: True, timeout_seconds: float = 5.0
    ) -> Message:
        """Waits until a message that was posted fits and returns the first such message."""
        return self.wait_until(lambda: next(filter(predicate, self.messages), None), timeout_seconds)

    def wait_for_calls(self, method: str, count: int = 1, timeout_seconds: float = 5.0) -> list[Call]:
        """Waits until a method was called so often and returns its calls."""

        def look() -> list[Call] | None:
            calls = [call for call in self.calls if call.method == method]
            return calls if len(calls) >= count else None

        return self.wait_until(look, timeout_seconds)

    def described(self) -> str:
        """Tells what came so far, refusals with their reasons."""
        refusals = [f"\n  refused {one.error}: {'; '.join(one.reasons)}" for one in self.refused]
        return super().described() + "".join(refusals)

    def take(self, request: Request) -> Answer | None:
        """Records and judges one request; a withheld answer is None, at once or at the server's end."""
        answer = super().take(request)
        if isinstance(answer, _Withheld):
            if answer.hangs:
                self._server.stopping.wait()
            return None
        return answer

    def answer(self, request: Request) -> Answer:
        """Answers as documented: a method's result or its error in JSON, and 200 but for the rate limits."""
        path = urlsplit(request.path).path
        method = UPLOAD if path.startswith(UPLOAD_PATH) else path.removeprefix("/api/")
        troubles = self._troubles[method]
        trouble = troubles.popleft() if troubles else None
        if isinstance(trouble, str | int) or trouble in (Trouble.HANGS, Trouble.DROPS):
            return self._failed(method, request, trouble)
        answer = self._uploaded(request) if method == UPLOAD else self._judged(method, request)
        return answer if trouble is None else _Withheld(hangs=trouble is Trouble.TAKES_AND_HANGS)

    def _failed(self, method: str, request: Request, trouble: str | int | Trouble | None) -> Answer:
        """Fails as the test wants it, with nothing done."""
        said = trouble.value if isinstance(trouble, Trouble) else str(trouble)
        self.calls.append(Call(method, _readable(request), said, self._now()))
        if isinstance(trouble, Trouble):
            return _Withheld(hangs=trouble is Trouble.HANGS)
        if isinstance(trouble, int):
            return Answer(trouble, b"", {"Retry-After": "1"} if trouble == 429 else {})
        return _json({"ok": False, "error": said})

    def _judged(self, method: str, request: Request) -> Answer:
        given: Message = {}
        try:
            given = arguments(request)
            if method not in self.workspace.methods:
                raise Refused("unknown_method", method)
            authenticate(request, given, self.token)
            if wait_seconds := self._wait_seconds(method, given):
                self._log(method, given, "ratelimited")
                return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(wait_seconds)})
            answer = self.workspace.methods[method](given)
        except Refused as refused:
            self._log(method, given, refused.error)
            self.refused.append(Refusal(200, refused.error, refused.reasons, request.body))
            reasons = [f"[ERROR] {each}" for each in refused.reasons]
            return _json({"ok": False, "error": refused.error, "response_metadata": {"messages": reasons}})
        self._log(method, given, "")
        return _json({"ok": True, **answer})

    def _wait_seconds(self, method: str, given: Message) -> int:
        if self._limits is None:
            return 0
        # A name and an id are one channel; what is neither is for the method to refuse.
        named = str(given.get("channel") or "")
        ids = [one.channel_id for one in self.workspace.channels if named in (one.name, one.name.removeprefix("#"))]
        return self._limits.wait_seconds(method, ids[0] if ids else named)

    def _log(self, method: str, given: Message, error: str) -> None:
        told = {key: value for key, value in given.items() if key != "token"}
        self.calls.append(Call(method, told, error, self._now()))

    def _uploaded(self, request: Request) -> Answer:
        try:
            self.workspace.uploads.take(request)
        except Refused as refused:
            self._log(UPLOAD, {}, refused.error)
            self.refused.append(Refusal(400, refused.error, refused.reasons, request.body[:100]))
            return Answer(400, refused.error.encode())
        self._log(UPLOAD, {"bytes": len(request.body)}, "")
        return Answer(200, f"OK - {len(request.body)}".encode())


def _readable(request: Request) -> Message:
    try:
        return {key: value for key, value in arguments(request).items() if key != "token"}
    except Refused:
        return {}


def _json(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, json.dumps(document).encode(), kind | (headers or {}))
