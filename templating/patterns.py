"""Regular expressions in templates: RE2, which takes time by the length of the text and not more."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

from templating.errors import TemplateError
from templating.meter import fits

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """A pattern as it is searched for.

    Raises:
        TemplateError: RE2 does not take it.
    """
    try:
        return re2.compile(str(pattern), _OPTIONS)
    except re2.error:
        raise TemplateError("has a regular expression that RE2 does not take") from None


def replaced(text: str, pattern: str, by: str) -> str:
    """The text with each match replaced, where `$1` and `${name}` stand for what was matched, as in Go."""
    regex = compiled(pattern)
    parts: list[str] = []
    at = length = 0
    for match in regex.finditer(text):
        # As in Go: right behind a match there is no empty one. https://pkg.go.dev/regexp
        if parts and match.start() == match.end() == at:
            continue
        parts += [text[at : match.start()], _expanded(by, match)]
        at = match.end()
        length += len(parts[-1]) + len(parts[-2])
        fits(length)
    return "".join([*parts, text[at:]])


def _expanded(by: str, match: Any) -> str:
    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except (IndexError, KeyError, re2.error):
            return ""

    return _REFERENCE.sub(group, by)
