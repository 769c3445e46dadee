"""Text as Slack wants it: escaped, cut where an entity ends, in sections.

Source: https://api.slack.com/reference/surfaces/formatting#escaping
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actions._base import cut


def escaped(text: str, limit: int) -> str:
    """Text that Slack shows as it is: `<!channel>` pings nobody, and a cut never splits an entity."""
    return _entities(cut(text, limit, lambda part: len(_entities(part))))


def whole_lines(lines: list[str], limit: int) -> str:
    """As many whole lines as fit, and how many do not."""
    kept: list[str] = []
    room = limit - len("\n… and 99999 more")
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            kept.append(f"… and {len(lines) - len(kept)} more")
            break
        kept.append(line)
    return "\n".join(kept)


def paragraphs(text: str, limit: int) -> str:
    """Escaped text; of several lines that are too long together, the first ones and how many more there are."""
    lines = text.splitlines()
    if len(_entities(text)) <= limit or len(lines) < 2:
        return escaped(text, limit)
    return whole_lines([escaped(line, limit // 3) for line in lines], limit)


def preformatted(lines: Sequence[str], limit: int) -> str:
    """All of a few lines as they are, each cut so that they fit together: of a log it is the last that tells most."""
    most = max(1, (limit - len("```\n\n```")) // max(1, len(lines)) - 1)
    # Three of these would end the block.
    text = "\n".join(escaped(line.replace("```", "'" * 3), most) for line in lines)
    return f"```\n{text}\n```"


def section(text: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
