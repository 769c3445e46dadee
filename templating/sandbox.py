"""Jinja2 in a sandbox: what a template may do, and how much it may write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

_MOST_CHARACTERS = 200_000


class TemplateError(ValueError):
    """A template that cannot be read or rendered; the message says where and what to write instead."""


class Template:
    """A text that is rendered for each message.

    Args:
        source: as the user wrote it.

    Attributes:
        source: the same.

    Raises:
        TemplateError: it cannot be read.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            self._template = _ENVIRONMENT.from_string(source)
        except TemplateSyntaxError as error:
            raise TemplateError(f"line {error.lineno}: {error.message}") from None

    def render(self, context: Mapping[str, Any]) -> str:
        """Render it.

        Args:
            context: what it may name.

        Raises:
            TemplateError: it names what there is not, or fails otherwise.
        """
        try:
            text = self._template.render(context)
        except Exception as error:
            raise TemplateError(f"{type(error).__name__}: {error}") from None
        return text[:_MOST_CHARACTERS]

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
