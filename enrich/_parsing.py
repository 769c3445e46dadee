"""PromQL as a tree, whoever wrote it: in a moment, and whatever it is."""

from __future__ import annotations

import re

import promql_parser

# The parser takes time by the square of how deep an expression is; with so many it is 25 ms at most. Rules have a few.
_NESTING = re.compile(r"[-+*/%^(<>=!]|\b(?:and|or|unless)\b", re.IGNORECASE)
_MOST = 400
# The parser compiles regular expressions, which repetitions and classes make as large as it lets them: 0.2 s for each,
# and a rule's text has room for hundreds. An escape could hide a repetition.
_REPEATED = re.compile(r"\{(\d*),?(\d*)\}")
_MOST_REPEATED = 250
# What no clock holds makes it panic, which is caught, and says so at length on standard error, which cannot be.
_ENDLESS = re.compile(r"\d{10}(?:ms|[smhdwy])")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CODES = frozenset("xuU01234567")


class PromQLError(ValueError):
    """A text is no PromQL that can be read; the message says why."""


def parsed(text: str, *, known: bool = False) -> promql_parser.Expr:
    """Read an expression.

    Args:
        known: it was read before with other strings, and is not to be judged by what these hold.

    Raises:
        PromQLError: it is none, or none that can be read in a moment.
    """
    if not known and len(_NESTING.findall(text)) > _MOST:
        raise PromQLError(f"has more than {_MOST} operators and brackets")
    if not known and "~" in text and (_repeated(text) > _MOST_REPEATED or not _CODES.isdisjoint(_escaped(text))):
        raise PromQLError("has regular expressions that are too large, or codes of characters in them")
    if _ENDLESS.search(text):
        raise PromQLError("has a duration of centuries")
    try:
        return promql_parser.parse(text)
    except BaseException as error:
        # What Rust panics at (a duration beyond all bounds) is no Exception: a payload must not end the thread.
        if isinstance(error, ValueError) or type(error).__name__ == "PanicException":
            raise PromQLError(f"is no PromQL: {error}") from None
        raise


def _repeated(text: str) -> int:
    # More digits than these are more than enough. A class is a backslash in the expression, and two in its string.
    return text.count(r"\\") + sum(max(int(each[:9] or 0) for each in counts) for counts in _REPEATED.findall(text))


def _escaped(text: str) -> list[str]:
    return _ESCAPED.findall(text)
