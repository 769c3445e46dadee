"""Where a group's message stands in Slack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A message.

    Attributes:
        channel: its id, such as "C0123ABCDEF".
        ts: the message's own name in the channel, such as "1767225600.000100".
    """

    channel: str
    ts: str

    @classmethod
    def read(cls, key: str) -> Self | None:
        """That of a thread's key; None where there is none."""
        channel, colon, ts = key.partition(":")
        return cls(channel, ts) if colon and channel and ts else None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self | None:
        """That of a message that was just posted; None where the answer does not say."""
        channel, ts = answer.get("channel"), answer.get("ts")
        if not isinstance(channel, str) or not isinstance(ts, str) or not 0 < len(channel) + len(ts) < _LONGEST:
            return None
        return cls(channel, ts)

    @property
    def key(self) -> str:
        """As a thread keeps it."""
        return f"{self.channel}:{self.ts}"

    @property
    def update(self) -> Mapping[str, str]:
        """What names it to `chat.update`."""
        return {"channel": self.channel, "ts": self.ts}

    @property
    def below(self) -> Mapping[str, str]:
        """What puts a message below it."""
        return {"channel": self.channel, "thread_ts": self.ts}

    @property
    def share(self) -> Mapping[str, str]:
        """What puts files below it."""
        return {"channel_id": self.channel, "thread_ts": self.ts}
