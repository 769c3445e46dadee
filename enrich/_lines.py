"""Others' text as people may be shown it: no escapes, no control characters, no secrets, not too long."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from enrich._secrets import masked

# More of a line is not looked at. A word that is cut off there may be half of a secret, by which nobody knows it: then
# it is left out, unless it is so long that it is known all the same.
_MOST_READ = 1_024
_KNOWN_BY_HALF = 64
_MOST_LINES = 100
# Colours and the like (CSI), titles and links (OSC, ended by BEL or ST), and what has two characters: ECMA-48.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]")
_HIDDEN = ("Cc", "Cs", "Zl", "Zp")
# What turns the direction of text around, or is not seen; but not what joins emoji.
_UNSEEN = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")


def shown(lines: Iterable[str], limit: int) -> tuple[str, ...]:
    """Lines that stand below each other, each cut to a limit; blank ones are left out."""
    struck = masked(_beginning(_plain(line[: 2 * _MOST_READ])) for line in lines)
    return tuple(_cut(line.rstrip(), limit) for line in struck if line.strip())


def readable(text: str, limit: int) -> str:
    """A text of a few lines on one line."""
    return _cut(" ".join(" ".join(shown(text.splitlines()[:_MOST_LINES], limit)).split()), limit)


def _plain(line: str) -> str:
    line = _ESCAPE.sub("", line).expandtabs(4)
    if line.isascii() and line.isprintable():
        return line
    return "".join(each for each in line if each not in _UNSEEN and unicodedata.category(each) not in _HIDDEN)


def _beginning(line: str) -> str:
    if len(line) <= _MOST_READ:
        return line
    words = line[:_MOST_READ].rsplit(None, 1)
    last = words.pop() if len(words) > 1 and len(words[1]) < _KNOWN_BY_HALF else ""
    return f"{' '.join(words)}{' ' * bool(last)}…"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
