"""PromQL as a tree, whoever wrote it: in a moment, and whatever it is."""

from __future__ import annotations

import re

import promql_parser

# The parser takes time by the square of how deep an expression is; with so many it is 25 ms at most. Rules have a few.
_NESTING = re.compile(r"[-+*/%^(<>=!]|\b(?:and|or|unless)\b", re.IGNORECASE)
_MOST = 400


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
    try:
        return promql_parser.parse(text)
    except BaseException as error:
        # What Rust panics at (a duration beyond all bounds) is no Exception: a payload must not end the thread.
        if isinstance(error, ValueError) or type(error).__name__ == "PanicException":
            raise PromQLError(f"is no PromQL: {error}") from None
        raise
