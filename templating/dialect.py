"""Whether a text is a template of Go's or of Jinja2's.

A text is Go's when one of its `{{ }}` can only be: it begins with a word of Go's (`range`, `if`, `with`, `end`, `else`,
`template`, `define`, `block`, `break`, `continue`), names something by `.Name`, `.` or `$name`, has `:=`, a backquote
or a comment `/* */`, or calls a function in Go's way. Whatever is not Go's is Jinja2's. One that is both is refused.
"""

from __future__ import annotations

import re

from templating.errors import TemplateError
from templating.filters import FILTERS_HERE
from templating.go_functions import FUNCTIONS, REFUSED
from templating.go_lexer import place_of

_STRING = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\''
_TAG = re.compile(r"\{\{-?(?P<inside>(?:" + _STRING + r"|`[^`]*`|(?!\}\}).)*)", re.DOTALL)
_STRINGS = re.compile(_STRING)
_WORD = re.compile(r"\s*(?:range|if|with|end|else|template|define|block|break|continue)(?![\w(.])")
_GO = re.compile(r"(?:^|[\s(|,=])\.(?=[^\W\d]|[\s)|]|-?$)|\$|:=|`|^\s*/\*")
# What means the same in both.
_EITHER = re.compile(r'[\s-]*(?:not\s+)?(?:""|[+-]?\d[\w.+-]*|true|false)?\s*(?:\|\s*title)?[\s-]*')
# Of Jinja2 no name stands before a value with but a space between.
_CALLED = re.compile(r"(?:^|[(|])[\s-]*([^\W\d]\w*)(?=\s+([^\W\d]\w*)|\s+(\"\"|\d|\()|)")
_JINJA_WORDS = frozenset(("if", "else", "in", "is", "and", "or", "not"))
_FUNCTIONS = frozenset({**FUNCTIONS, **REFUSED})
_ONLY_GO = _FUNCTIONS - frozenset(
    ("and", "or", "not", "print", "printf", "println", "title", "join", "date", "tz", "since", "now", "list", "dict")
)


def is_go(source: str) -> bool:
    """Whether a text is a template of Go's.

    Raises:
        TemplateError: it has both, with the place of the second.
    """
    first: tuple[bool, int] | None = None
    for at, go in _marks(source):
        if first is None:
            first = (go, at)
        elif go != first[0]:
            ours, theirs = ("Jinja2's", "Go's") if first[0] else ("Go's", "Jinja2's")
            message = f"this is {ours}, and what stands before it is {theirs}; write all of it in one of them"
            raise TemplateError(message, *place_of(source, at))
    return first is not None and first[0]


def _marks(source: str) -> list[tuple[int, bool]]:
    """Each place that can only be of one of them, and whether that is Go."""
    marks = []
    for match in _TAG.finditer(source):
        inside = _STRINGS.sub('""', match["inside"])
        if _goes(inside):
            marks.append((match.start(), True))
        elif not _EITHER.fullmatch(inside):
            marks.append((match.start(), False))
    marks += [(at.start(), False) for at in re.finditer(r"\{%[-+]?\s*[a-z]", source)]
    return sorted(marks)


def _goes(inside: str) -> bool:
    if _WORD.match(inside) or _GO.search(inside):
        return True
    for match in _CALLED.finditer(inside):
        name, word, value = match.groups()
        if name == "not":
            continue
        if name in _FUNCTIONS and (value or (word and word not in _JINJA_WORDS)):
            return True
        if name in _FUNCTIONS and inside.startswith("|", match.start()) and name not in FILTERS_HERE:
            return True
        if name in _ONLY_GO and not inside.startswith("(", match.end()):
            return True
    return False
