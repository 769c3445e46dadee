"""What methods of Slack's Web API do to a workspace, for an app whose call is in order.

Source: https://docs.slack.dev/reference/methods
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from tests.far_sides.slack_channel import Channel, Post
from tests.far_sides.slack_files import Uploads
from tests.far_sides.slack_message import LONGEST_TEXT, Message, Refused, judge, pings

# https://docs.slack.dev/reference/methods/chat.update, of msg_too_long: a tenth of what may be posted.
LONGEST_UPDATED_TEXT = 4_000

_ARGUMENTS = frozenset(("channel", "token", "ts"))


class Workspace:
    """Its channels and files; each method takes its arguments and returns its result, or is Refused.

    `messages` are as they were posted; `silent_pings` stood in edits, which notify nobody.
    """

    def __init__(self, channels: Sequence[str], base_url: Callable[[], str], now: Callable[[], datetime]) -> None:
        """Starts with empty channels; files are uploaded to a URL below what `base_url` says."""
        self.channels = [Channel(f"C0FARSIDE{number}", name) for number, name in enumerate(channels, 1)]
        self.uploads = Uploads()
        self.messages: list[Message] = []
        self.silent_pings: list[str] = []
        self.edit_window_closed = False
        self._base_url = base_url
        self._now = now
        self.methods: dict[str, Callable[[Message], Message]] = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "files.getUploadURLExternal": self._ticket,
            "files.completeUploadExternal": self._complete,
        }

    def channel(self, name: str, *, by_id: bool = False) -> Channel:
        """Returns a channel by its id, or by its name with or without "#" unless only ids are known."""
        for channel in self.channels:
            names = () if by_id else (channel.name, channel.name.removeprefix("#"))
            if name in (channel.channel_id, *names):
                return channel
        raise Refused("channel_not_found", f"{name!r}{' is no id of a channel' * by_id}")

    def _post(self, given: Message) -> Message:
        channel = self.channel(str(given.get("channel") or ""))
        content = _content(given)
        self._judge(content, LONGEST_TEXT)
        posted = channel.post(content, self._now())
        self.messages.append({"channel": given["channel"], **content})
        return {"channel": channel.channel_id, "ts": posted.ts, "message": _told(posted)}

    def _update(self, given: Message) -> Message:
        # Not documented: https://github.com/slackapi/python-slack-sdk/issues/696
        channel = self.channel(str(given.get("channel") or ""), by_id=True)
        content = _content(given)
        self._judge(content, LONGEST_UPDATED_TEXT)
        if self.edit_window_closed:
            raise Refused("edit_window_closed")
        post = channel.update(str(given.get("ts")), content)
        self.silent_pings.extend(pings(content))
        told = _told(post)
        return {"channel": channel.channel_id, "ts": post.ts, "text": told.get("text", ""), "message": told}

    def _ticket(self, given: Message) -> Message:
        file_id, path = self.uploads.ticket(given)
        return {"upload_url": f"{self._base_url()}{path}", "file_id": file_id}

    def _complete(self, given: Message) -> Message:
        named = [str(given["channel_id"])] if given.get("channel_id") else str(given.get("channels") or "").split(",")
        channels = [self.channel(name.strip(), by_id=True) for name in named if name.strip()]
        thread_ts = given.get("thread_ts") or ""
        if thread_ts and len(channels) > 1:
            raise Refused("invalid_arguments", "thread_ts with more than one channel")
        for channel in channels:
            channel.thread(thread_ts)
        files = self.uploads.complete(given.get("files"))
        for channel in channels:
            content = {"text": str(given.get("initial_comment") or ""), "thread_ts": thread_ts}
            channel.post(content, self._now(), files=files)
        return {"files": [{"id": file.file_id, "title": file.title} for file in files]}

    def _judge(self, content: Message, longest_text: int) -> None:
        judge(content, longest_text)
        for named in _slack_files(content):
            if not isinstance(named, dict) or named.get("id") not in self.uploads.files:
                raise Refused("invalid_blocks", f"no such file of Slack's: {named}")


def _content(given: Message) -> Message:
    return {key: value for key, value in given.items() if key not in _ARGUMENTS}


def _told(post: Post) -> Message:
    """A message as an answer has it; where it stands in no thread, it names none."""
    told = {"type": "message", "user": "U0FARSIDE", "bot_id": "B0FARSIDE", "ts": post.ts, **post.content}
    if post.thread_ts:
        told["thread_ts"] = post.thread_ts
    return told | ({"edited": {"user": "U0FARSIDE", "ts": post.ts}} if post.marked and post.edits else {})


def _slack_files(node: object) -> Iterator[object]:
    """Yields each file of Slack's own that blocks show."""
    if isinstance(node, list):
        for item in node:
            yield from _slack_files(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "slack_file":
                yield value
            else:
                yield from _slack_files(value)
