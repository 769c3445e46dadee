"""What is said below a group's message, and whom it is to reach."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from actions._mrkdwn import escaped
from alerts.timeline import Entry, EntryKind

MENTION = re.compile(r"<!(?:channel|here|everyone)(?:\|[^<>]*)?>|<!subteam\^[^<>]+>|<@[UW][^<>]+>")
"""Whom a user's own text names: what an alert holds of it is text by then.

Source: https://docs.slack.dev/messaging/formatting-message-text#special-mentions
"""

_SIGNS: Mapping[EntryKind, str] = {
    "readings": "🔎 ",
    "acknowledged": "👀 ",
    "silenced": "🔕 ",
    "remediation": "🔧 ",
}
_MAX_TEXT = 2_500
_MAX_TEXTS = 12_000
# What is told later than this says when it was.
_LATE_SECONDS = 60.0


def spoken(entries: Sequence[Entry], now: datetime) -> str:
    """Entries as one message: each with its sign, and with its time where that was a while ago; mentions last."""
    lines: list[str] = []
    room = _MAX_TEXTS
    for at, entry in enumerate(entries):
        text = f"{_SIGNS.get(entry.kind, '')}{_when(entry, now)}{escaped(entry.text, _MAX_TEXT)}"
        room -= len(text)
        if room < 0:
            lines.append(f"… and {len(entries) - at} more")
            break
        lines.append(text)
    mentions = " ".join(dict.fromkeys(each for entry in entries for each in entry.mentions if MENTION.fullmatch(each)))
    return "\n".join([*lines, mentions] if mentions else lines)


def _when(entry: Entry, now: datetime) -> str:
    if (now - entry.at).total_seconds() < _LATE_SECONDS:
        return ""
    # https://docs.slack.dev/messaging/formatting-message-text#date-formatting: as the reader's clock shows it.
    return f"<!date^{int(entry.at.timestamp())}^{{time}}|{entry.at:%H:%M} UTC>: "
