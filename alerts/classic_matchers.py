"""Matchers as Alertmanager read them before it knew of UTF-8, and still reads them where both ways are possible.

Source: https://github.com/prometheus/alertmanager/blob/main/pkg/labels/parse.go and, for which of the two decides,
https://github.com/prometheus/alertmanager/blob/main/matcher/compat/parse.go
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from alerts.matchers import Matcher, MatcherError

_BLANKS = r"[\t\n\f\r ]*"
_MATCHER = re.compile(rf"{_BLANKS}([a-zA-Z_:][a-zA-Z0-9_:]*){_BLANKS}(=~|=|!=|!~){_BLANKS}(.*?){_BLANKS}", re.DOTALL)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def parse_classic_matchers(text: str) -> tuple[Matcher, ...]:
    """Read one or several matchers: names are words, values may do without quotes, whatever they hold.

    Raises:
        MatcherError: they are none.
    """
    return tuple(map(_matcher, _parts(text.removeprefix("{").removesuffix("}"))))


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas that are not in quotes; a last comma has nothing behind it."""
    begins, quoted, escaped = 0, False, False
    for at, character in enumerate(text):
        if character == ",":
            if not quoted:
                yield text[begins:at]
                begins = at + 1
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = character == "\\" and not escaped
    if last := text[begins:].strip():
        yield last


def _matcher(text: str) -> Matcher:
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise MatcherError(f"expected a label name, an operator and a value, found {text!r}")
    name, operator, value = found.groups()
    return Matcher(name, operator, _unescaped(value))  # type: ignore[arg-type]  # the pattern has no others


def _unescaped(value: str) -> str:
    """Without the quotes around it; a backslash before anything that needs none is a backslash."""
    inner = value
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise MatcherError("a quote that does not end")
        inner = value[1:-1]
    made = []
    characters = iter(inner)
    for character in characters:
        if character == '"':
            raise MatcherError("a quote within a value")
        if character == "\\":
            following = next(characters, "")
            if not following and inner is not value:
                # It is what was taken for the last quote that it escapes.
                raise MatcherError("a quote that does not end")
            character = _ESCAPES.get(following, f"\\{following}")
        made.append(character)
    return "".join(made)
