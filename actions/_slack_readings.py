"""What was found of an alert as a Slack message shows it: a table of short readings, with bars and marks.

Source: https://docs.slack.dev/reference/block-kit/blocks/section-block (ten fields, two beside each other)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import units
from actions._mrkdwn import line
from alerts.findings import Gap, Reading

_CELLS = 10
_MAX_TITLE = 80
_MAX_READING = 200
_MAX_WIDE = 400
_MOST_FIELDS = 10
_MOST_WIDE = 5
# What is longer is read more easily on a line of its own than in half of one.
_SHORT_NOTE = 60


def bar(share: float) -> str:
    """A share as ten cells: "▰▰▰▰▰▰▰▰▱▱". It is full only at the limit, and empty only where nothing is used."""
    if not math.isfinite(share):
        return ""
    full = min(_CELLS, max(0, round(share * _CELLS)))
    if 0 < share < 1:
        full = min(_CELLS - 1, max(1, full))
    return "▰" * full + "▱" * (_CELLS - full)


def mark(reading: Reading) -> str:
    """How a value stands to the threshold of its rule: above it, below it, or at it; "" where there is none."""
    if reading.threshold is None or not math.isfinite(reading.value):
        return ""
    if reading.value == reading.threshold:
        return "="
    return "▲" if reading.value > reading.threshold else "▼"


def briefest(found: Iterable[Reading | Gap]) -> str:
    """Findings in a few words, for a line that tells other things, too: "CPU 84%, memory 86%"."""
    told = [each for each in found if isinstance(each, Reading)]
    return ", ".join(f"{each.title} {_brief(each)}" for each in told)


def table(found: Sequence[Reading | Gap], about: str = "") -> list[dict[str, Any]]:
    """The short readings, two beside each other.

    Args:
        about: whose they are, as markup; "" where that is plain.
    """
    fields = [_field(each) for each in found if isinstance(each, Reading) and not _is_wide(each)][:_MOST_FIELDS]
    if not fields:
        return []
    made: dict[str, Any] = {"type": "section", "fields": [{"type": "mrkdwn", "text": each} for each in fields]}
    return [made | ({"text": {"type": "mrkdwn", "text": about}} if about else {})]


def sentences(found: Sequence[Reading | Gap]) -> list[str]:
    """The readings that are longer than a cell of the table, one a line."""
    told = [each for each in found if isinstance(each, Reading) and _is_wide(each)]
    return [f"*{_title(each)}* {line(each.text, _MAX_WIDE)}" for each in told[:_MOST_WIDE]]


def _brief(reading: Reading) -> str:
    if reading.share is not None and math.isfinite(reading.share):
        return units.percent(reading.share)
    return " ".join(filter(None, (mark(reading), reading.brief)))


def _is_wide(reading: Reading) -> bool:
    # What was not asked of a Prometheus is no measure to compare: what else fires, for one.
    return reading.share is None and (not reading.query or len(reading.note) > _SHORT_NOTE)


def _field(reading: Reading) -> str:
    """A name and below it the value: with a bar where there is a limit, else with its mark."""
    if reading.share is not None and (cells := bar(reading.share)):
        share = units.percent(reading.share)
        # It stands beside the bar.
        value = replace(reading, note="").text.replace(f" ({share})", "", 1)
        first = f"*{_title(reading)}* {cells} {share}"
    else:
        value = " ".join(filter(None, (mark(reading), replace(reading, note="").text)))
        first = f"*{_title(reading)}*"
    return "\n".join(filter(None, (first, line(value, _MAX_READING), line(reading.note, _MAX_READING))))


def _title(reading: Reading) -> str:
    return line(reading.title, _MAX_TITLE) or "value"
