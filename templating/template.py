"""A text that a user wrote, read once and rendered for each message."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from templating.dialect import is_go
from templating.errors import TemplateError
from templating.go_parser import parse
from templating.library import Library, alertmanagers
from templating.sandbox import rendered
from templating.translation import translated


class Template:
    """A text that is rendered for each message.

    Args:
        source: as the user wrote it, in Jinja2 or as a Go template.
        library: what it may call; Alertmanager's own templates unless given.
        html: escape what is put in.

    Attributes:
        source: the same.
        jinja: the same in Jinja2.

    Raises:
        TemplateError: it cannot be read.
    """

    __slots__ = ("_compiled", "_known_by", "jinja", "source")

    def __init__(self, source: str, library: Library | None = None, *, html: bool = False) -> None:
        library = library or alertmanagers()
        self.source = source
        self.jinja = _in_jinja(source, library)
        self._known_by = (source, html, library.digest)
        self._compiled = library.environment(html).compiled(self.jinja)

    def render(self, context: Mapping[str, Any]) -> str:
        """Render it.

        Args:
            context: what it may name.

        Returns:
            At most 200,000 characters, the rest being cut.

        Raises:
            TemplateError: it names what there is not, does too much, or fails otherwise.
        """
        return rendered(self._compiled, context)

    def __eq__(self, other: object) -> bool:
        """Whether it renders the same: what it calls may have changed."""
        return isinstance(other, Template) and self._known_by == other._known_by

    def __hash__(self) -> int:
        return hash(self._known_by)

    def __repr__(self) -> str:
        # What it says may be a secret.
        return f"Template({hashlib.sha256(repr(self._known_by).encode(errors='replace')).hexdigest()[:12]})"


def _in_jinja(source: str, library: Library) -> str:
    return from_go(source, library) if is_go(source) else source


def from_go(source: str, library: Library | None = None) -> str:
    """A Go template in Jinja2.

    Args:
        source: Go's, even where it could be Jinja2's.
        library: what it may call; Alertmanager's own templates unless given.

    Raises:
        TemplateError: it cannot be read, or not be said in Jinja2.
    """
    parsed = parse(source)
    if parsed.defines:
        raise TemplateError("defines a template; write that into a file that `templates` names")
    return translated(parsed, parsed.body, "data", (library or alertmanagers()).check)
