"""What is said below a group's message, and whom it is to reach."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from actions._mrkdwn import escaped, section
from actions._slack_controls import approval
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
# Slack takes 50 blocks, and 13,200 characters in all.
_MOST_ASKING = 15
_MAX_ASKING = 700
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
    mentions = spoken_mentions(entries)
    return "\n".join([*lines, mentions] if mentions else lines)


def spoken_mentions(entries: Sequence[Entry]) -> str:
    """Whom entries are to reach, each once."""
    return " ".join(dict.fromkeys(each for entry in entries for each in entry.mentions if MENTION.fullmatch(each)))


def asking(entries: Sequence[Entry], now: datetime) -> list[dict[str, Any]]:
    """The same as blocks, with buttons below what somebody is to approve; none where nothing is asked.

    Of many the last ones are shown, for theirs are the buttons that wait.
    """
    if not any(entry.asks for entry in entries):
        return []
    shown, left = entries[-_MOST_ASKING:], len(entries) - _MOST_ASKING
    blocks = [section(f"… and {left} before")] if left > 0 else []
    for at, entry in enumerate(shown):
        text = f"{_SIGNS.get(entry.kind, '')}{_when(entry, now)}{escaped(entry.text, _MAX_ASKING)}"
        blocks.append(section(text))
        # Asked again, it is the last one that counts.
        token = entry.asks.partition(":")[0]
        if token and all(each.asks.partition(":")[0] != token for each in shown[at + 1 :]):
            blocks.append({"type": "actions", "elements": approval(entry.asks)})
    mentions = spoken_mentions(entries)
    return [*blocks, section(mentions)] if mentions else blocks


def _when(entry: Entry, now: datetime) -> str:
    if (now - entry.at).total_seconds() < _LATE_SECONDS:
        return ""
    # https://docs.slack.dev/messaging/formatting-message-text#date-formatting: as the reader's clock shows it.
    return f"<!date^{int(entry.at.timestamp())}^{{time}}|{entry.at:%H:%M} UTC>: "
