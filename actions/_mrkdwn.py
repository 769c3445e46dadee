"""Text as Slack wants it: escaped, cut where an entity ends, in sections.

Source: https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actions._base import cut

UNSEEN: dict[int, str | None] = dict.fromkeys(
    (
        *range(0x09),
        0x0B,
        0x0C,
        *range(0x0E, 0x20),
        *range(0x7F, 0xA0),
        0x61C,
        0x200E,
        0x200F,
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
    )
)
"""What cannot be seen, or turns the rest of a line around; to be translated to nothing. Ends of lines and tabs stay."""

WHEN = "{date_short_pretty} {time}"
"""How a moment is written: "Today 7:31 AM", as the reader's Slack has it."""
AGO = "{ago}"
"""And how long it has been: "12 minutes ago", when it is read."""


def escaped(text: str, limit: int) -> str:
    """Text that Slack shows as it is: `<!channel>` pings nobody, and a cut never splits an entity."""
    # Three of these would make what is behind it a part of it.
    seen = text[: 4 * limit + 1_000].translate(UNSEEN).replace("```", "'" * 3)
    return _entities(cut(seen, limit, lambda part: len(_entities(part))))


def line(text: str, limit: int) -> str:
    """The same on one line."""
    return escaped(" ".join(text[: 4 * limit + 1_000].split()), limit)


def moment(at: datetime, tokens: str = WHEN) -> str:
    """A moment in the reader's own time zone; it notifies nobody.

    Args:
        tokens: how it is written, in Slack's words.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return f"<!date^{int(at.timestamp())}^{tokens}|{at:%Y-%m-%d %H:%M} UTC>"


def whole_lines(lines: list[str], limit: int) -> str:
    """As many whole lines as fit, and how many do not."""
    kept: list[str] = []
    room = limit - len("\n… and 99999 more")
    for each in lines:
        room -= len(each) + 1
        if room < 0:
            kept.append(f"… and {len(lines) - len(kept)} more")
            break
        kept.append(each)
    return "\n".join(kept)


def paragraphs(text: str, limit: int) -> str:
    """Escaped text; of several lines that are too long together, the first ones and how many more there are."""
    lines = text.splitlines()
    if len(_entities(text)) <= limit or len(lines) < 2:
        return escaped(text, limit)
    return whole_lines([escaped(each, limit // 3) for each in lines], limit)


def preformatted(lines: Sequence[str], limit: int) -> str:
    """All of a few lines as they are, each cut so that they fit together: of a log it is the last that tells most."""
    most = max(1, (limit - len("```\n\n```")) // max(1, len(lines)) - 1)
    text = "\n".join(escaped(each, most) for each in lines)
    return f"```\n{text}\n```"


def section(text: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def context(texts: Sequence[str]) -> list[dict[str, Any]]:
    """A block of small print; none where there is nothing to say."""
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": each} for each in texts]}] if texts else []


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
