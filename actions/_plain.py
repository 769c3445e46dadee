"""Texts without what cannot be seen: it can make one look like another, or turn the rest of a line around."""

from __future__ import annotations

import unicodedata

from actions._base import cut

_MAX_LINE = 300
_MAX_TEXT = 4_000
_MAX_READ = 10_000


def plain(text: str, limit: int = _MAX_LINE) -> str:
    """A text on one line, without what cannot be seen or turns the line around."""
    return cut("".join(filter(_visible, " ".join(text[: 4 * limit + 1_000].split()))), limit)


def paragraphs(text: str, limit: int = _MAX_TEXT) -> str:
    """The same of a text of several lines."""
    lines = ("".join(filter(_visible, each.expandtabs(4))).rstrip() for each in text[:_MAX_READ].splitlines())
    return cut("\n".join(lines).strip("\n"), limit)


def _visible(character: str) -> bool:
    """Joiners hold emoji together; other invisible ones can make a text look like another one."""
    kind = unicodedata.category(character)
    return character in "\u200c\u200d" or (kind not in ("Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp"))
