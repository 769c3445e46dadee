"""A Slack channel's state: messages as they stand now, their threads, and what made a phone buzz.

Source: https://docs.slack.dev/reference/methods/chat.postMessage and .../chat.update
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from tests.far_sides.slack_message import Message, Refused, pings

APP = "alert-manager"

_TS = re.compile(r"\d{10}\.\d{6}")
_CONTENT = ("text", "blocks", "attachments")


@dataclass(frozen=True, slots=True)
class File:
    """A file that was uploaded whole; `alt_text` is for those who do not see it."""

    file_id: str
    name: str
    content: bytes
    title: str = ""
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One message as it stands now.

    Attributes:
        content: its text, blocks, attachments, and as whom it was posted.
        thread_ts: of the message that it answers; "" at the top level.
        broadcast: a reply that the channel shows as well.
        edits: how often it was changed.
        marked: whether Slack says "(edited)" beside it, which it does not where an edit brings blocks.
        deleted: gone; one with replies leaves its place behind.
        unthreaded: was to answer a message that is gone, and stands at the top level.
    """

    ts: str
    content: Message
    author: str = APP
    thread_ts: str = ""
    broadcast: bool = False
    edits: int = 0
    marked: bool = False
    deleted: bool = False
    unthreaded: bool = False
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """What made a phone buzz: a message in the channel, a reply sent there as well, or a reply with a mention."""

    kind: Literal["message", "broadcast", "reply"]
    ts: str
    mentions: tuple[str, ...] = ()


@dataclass(slots=True)
class Channel:
    """One channel: all its messages by ts, and who was notified of which."""

    channel_id: str
    name: str
    posts: dict[str, Post] = field(default_factory=dict)
    notifications: list[Notification] = field(default_factory=list)
    _last: int = 0

    @property
    def messages(self) -> list[Post]:
        """Those at the top level, oldest first, with the places that deleted ones left in front of their replies."""
        top = (post for post in list(self.posts.values()) if not post.thread_ts)
        return [post for post in top if not post.deleted or self.replies(post.ts)]

    def replies(self, ts: str) -> list[Post]:
        """Returns what stands in a message's thread, oldest first."""
        return [post for post in list(self.posts.values()) if post.thread_ts == ts and not post.deleted]

    def post(self, content: Message, now: datetime, author: str = APP, files: tuple[File, ...] = ()) -> Post:
        """Adds a message.

        Args:
            content: with `thread_ts` and `reply_broadcast` where it is a reply.
        """
        thread_ts, unthreaded = self.thread(content.get("thread_ts"))
        broadcast = bool(thread_ts) and content.get("reply_broadcast") in (True, "true", "1")
        shown = {key: value for key, value in content.items() if key not in ("thread_ts", "reply_broadcast")}
        post = Post(self._next_ts(now), shown, author, thread_ts, broadcast, unthreaded=unthreaded, files=files)
        self.posts[post.ts] = post
        mentions = tuple(pings(shown))
        if not thread_ts or broadcast or mentions:
            kind: Literal["message", "broadcast", "reply"] = "reply" if thread_ts else "message"
            self.notifications.append(Notification("broadcast" if broadcast else kind, post.ts, mentions))
        return post

    def update(self, ts: str, content: Message, author: str = APP) -> Post:
        """Changes a message, which notifies nobody; what it does not name stays, but for blocks beside a new text."""
        post = self.posts.get(ts)
        if post is None or post.deleted:
            raise Refused("message_not_found")
        if post.author != author:
            raise Refused("cant_update_message", f"it is {post.author}'s")
        kept = {key: value for key, value in post.content.items() if key not in _CONTENT or key not in content}
        if "text" in content and "blocks" not in content:
            kept.pop("blocks", None)
        changed = {key: content[key] for key in _CONTENT if key in content}
        marked = post.marked or "blocks" not in content
        self.posts[ts] = replace(post, content=kept | changed, edits=post.edits + 1, marked=marked)
        return self.posts[ts]

    def delete(self, ts: str) -> None:
        """Takes a message away, as a person does."""
        if ts not in self.posts or self.posts[ts].deleted:
            raise Refused("message_not_found")
        self.posts[ts] = replace(self.posts[ts], deleted=True)

    def thread(self, ts: object) -> tuple[str, bool]:
        """Returns whose thread a reply is put in, and whether there is none any more."""
        if not ts:
            return "", False
        if not isinstance(ts, str) or not _TS.fullmatch(ts):
            raise Refused("invalid_thread_ts", f"{ts} is not a valid thread_ts")
        parent = self.posts.get(ts)
        # Not documented, and so it is: https://github.com/slack-go/slack/issues/1571
        if parent is None or (parent.deleted and not self.replies(ts)):
            return "", True
        if parent.thread_ts:
            # What Slack does is not documented, but to avoid it is.
            raise Refused("cannot_reply_to_message", f"{ts} is a reply: its parent is {parent.thread_ts}")
        return ts, False

    def _next_ts(self, now: datetime) -> str:
        """Returns a ts after all before it, whatever the clock says."""
        self._last = max(int(now.timestamp()) * 1_000_000 + 100, self._last + 100)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
