"""Pieces of Jinja2's language, written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of Jinja2.

    Attributes:
        text: the expression; "" is all that a template may name.
        kind: of its value; see `shapes.py`.
        level: how tightly it holds together.
    """

    text: str
    kind: str
    level: Literal["atom", "filter", "operation"] = "atom"

    @property
    def atom(self) -> str:
        """As `.name` may stand behind it."""
        return self.text if self.level == "atom" else f"({self.text})"

    @property
    def filtered(self) -> str:
        """As a `|` may stand behind it."""
        return f"({self.text})" if self.level == "operation" else self.text

    @property
    def operand(self) -> str:
        """As it may stand beside an operator."""
        return f"({self.text})" if self.level == "operation" else self.text

    def through(self, name: str, *arguments: Expression, kind: str) -> Expression:
        """Put through a filter."""
        called = f"({', '.join(each.text for each in arguments)})" if arguments else ""
        return Expression(f"{self.filtered} | {name}{called}", kind, "filter")


def literal(text: str) -> str:
    """A text in quotes."""

    def escaped(match: re.Match[str]) -> str:
        character = match[0]
        named = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"'}
        return named.get(character) or f"\\x{ord(character):02x}"

    return '"' + re.sub(r'[\x00-\x1f\x7f"\\]', escaped, text) + '"'


def plain(text: str) -> str:
    """Text that Jinja2 writes as it is: what would begin something, or with the `{{` behind it would, is in quotes."""
    return re.sub(r"\{(?=[%#{])|\{\Z", '{{ "{" }}', text)
