"""Rows as aligned text, for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_LONGEST = 60
_GAP = "  "


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """Lay out rows under their headings.

    Args:
        headings: one a column; the last column is as long as it is, the others are cut at 60 characters.
        rows: of as many texts each.
        width: at which lines are cut, in columns of a terminal; None to cut none.
    """
    last = len(headings) - 1
    shown = [
        [plain(text) if at == last else _cut(plain(text), _LONGEST) for at, text in enumerate(row)] for row in rows
    ]
    lines = [list(headings), *shown]
    widths = [max(_columns(line[at]) for line in lines) for at in range(last)]
    texts = []
    for line in lines:
        padded = [text + " " * (wide - _columns(text)) for text, wide in zip(line, widths, strict=False)]
        text = _GAP.join([*padded, line[last]]).rstrip()
        texts.append(text if width is None else _cut(text, width))
    return "\n".join(texts)


def plain(text: str) -> str:
    """A text on one line, and with nothing in it that a terminal takes for a command: others wrote it."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "?" for each in text)


def _columns(text: str) -> int:
    return sum(_width(each) for each in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, columns: int) -> str:
    if _columns(text) <= columns:
        return text
    kept, left = [], columns - 1
    for each in text:
        left -= _width(each)
        if left < 0:
            break
        kept.append(each)
    return "".join(kept) + "…"
