"""PromQL with `{{ labels.pod }}` in it, as a user writes it: what stands in the braces is a Jinja2 expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateError, UndefinedError, meta
from jinja2.sandbox import SandboxedEnvironment

from alerts.model import Alert
from enrich._base import NoAnswer

_JINJA = SandboxedEnvironment(undefined=StrictUndefined)
_KNOWN = frozenset(("labels", "annotations"))
_BRACES = re.compile(r"\{\{[-+]?(.*?)[-+]?\}\}", re.DOTALL)
_REFUSED = {"block_begin": "{% %}", "comment_begin": "{# #}", "raw_begin": "{% raw %}"}


class PlaceholderError(ValueError):
    """A placeholder that cannot be one; the message shows it and says why."""


class _Given:
    """An alert's labels or annotations for Jinja2, which would take a mapping's methods (`items`) for its keys."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.__values = values

    def __getitem__(self, name: str) -> str:
        # An empty label is none, as Prometheus has it.
        if value := self.__values.get(name):
            return value
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders.

    Attributes:
        text: the text, with a mark (letters and digits) for each of them, the same for the same expression.
        sources: what stood in their places, each once.
    """

    text: str
    sources: tuple[str, ...]
    _prefix: str
    _expressions: tuple[Callable[..., Any], ...]

    def values(self, alert: Alert) -> tuple[str, ...] | None:
        """What an alert has for each placeholder; None where it lacks one.

        Raises:
            NoAnswer: an expression fails, or is no text.
        """
        given = {"labels": _Given(alert.labels), "annotations": _Given(alert.annotations)}
        found = []
        for source, expression in zip(self.sources, self._expressions, strict=True):
            try:
                value = expression(**given)
                text = str(value)
            except UndefinedError:
                return None
            except Exception as error:
                raise NoAnswer(f"{source} failed: {type(error).__name__}: {error}"[:200]) from None
            if not isinstance(value, str | int | float):
                raise NoAnswer(f"{source} is no text")
            if not text:
                return None
            found.append(text)
        return tuple(found)

    def mark(self, number: int) -> str:
        """What stands for the placeholder of that number; there are more than there are placeholders."""
        return f"{self._prefix}{number}z"

    def split(self, text: str) -> Iterator[str | int]:
        """A part of the text by its marks: what stands between them, and of each the number of its placeholder."""
        for at, each in enumerate(re.split(rf"{self._prefix}(\d+)z", text)):
            if each:
                yield int(each) if at % 2 else each


def read_template(text: str) -> Template:
    """Find the placeholders.

    Raises:
        PlaceholderError: one of them is wrong.
    """
    prefix = "placeholder"
    while prefix in text:
        prefix += "x"
    pieces: list[str] = []
    found: dict[str, str] = {}
    for is_data, piece in _pieces(text):
        if not is_data:
            inner = _inner(piece)
            found.setdefault(inner, piece)
            piece = f"{prefix}{list(found).index(inner)}z"
        pieces.append(piece)
    expressions = tuple(_expression(inner, source) for inner, source in found.items())
    return Template("".join(pieces), tuple(found.values()), prefix, expressions)


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """The text's pieces in order, and whether each is none of Jinja2's."""
    inside = ""
    try:
        for _, token, piece in _JINJA.lex(text):
            if token in _REFUSED:
                raise PlaceholderError(f"takes values, as in {{{{ labels.pod }}}}, and no {_REFUSED[token]}")
            inside += piece if inside or token == "variable_begin" else ""
            if token == "variable_end":
                yield False, inside
                inside = ""
            elif not inside:
                yield True, piece
    except TemplateError as error:
        raise PlaceholderError(f"{inside or 'a placeholder'}: {error.message}") from None
    if inside:
        raise PlaceholderError(f"{inside}: does not end")


def _inner(source: str) -> str:
    braced = _BRACES.fullmatch(source)
    assert braced is not None
    return braced[1].strip()


def _expression(inner: str, source: str) -> Callable[..., Any]:
    try:
        unknown = meta.find_undeclared_variables(_JINJA.parse(f"{{{{ {inner} }}}}")) - _KNOWN
        expression = _JINJA.compile_expression(inner, undefined_to_none=False)
    except TemplateError as error:
        raise PlaceholderError(f"{source}: {error.message}") from None
    if unknown:
        raise PlaceholderError(f"{source}: there are labels and annotations, and no {min(unknown)}")
    return expression
