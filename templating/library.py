"""Templates that others call by name: Alertmanager's own and those of the files that `templates` names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import DictLoader
from jinja2 import Template as Compiled
from markupsafe import Markup

from templating.errors import TemplateError
from templating.failures import TranslatedErrors
from templating.go_parser import parse
from templating.go_tree import Comment, Define, Parsed, Text
from templating.meter import kept, meter
from templating.sandbox import Environment
from templating.translation import translated
from templating.values import kind_of

_ALERTMANAGERS = Path(__file__).with_name("alertmanager.tmpl")


@dataclass(frozen=True, slots=True)
class Named:
    """A template with a name: a part of a Go file."""

    parsed: Parsed
    define: Define

    @property
    def empty(self) -> bool:
        """Whether it writes nothing at all."""
        return all(
            isinstance(each, Comment) or (isinstance(each, Text) and not each.text.strip()) for each in self.define.body
        )


@dataclass(slots=True)
class Library:
    """What a text may call.

    Attributes:
        defines: Go's, by name.
        files: Jinja2's, by the file's name.
    """

    defines: Mapping[str, Named] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    _environments: dict[bool, Environment] = field(default_factory=dict)
    _translations: dict[tuple[str, str], str] = field(default_factory=dict)
    _compiled: dict[tuple[str, str, bool], Compiled] = field(default_factory=dict)
    _digest: str = ""

    @property
    def digest(self) -> str:
        """16 hex digits that are another library's only where it holds the same."""
        if not self._digest:
            held = (sorted(self.files.items()), [(name, repr(each)) for name, each in sorted(self.defines.items())])
            self._digest = hashlib.sha256(repr(held).encode(errors="replace")).hexdigest()[:16]
        return self._digest

    def environment(self, html: bool) -> Environment:
        """Jinja2 with what there is to be called."""
        made = self._environments.get(html)
        if made is None:
            made = Environment(DictLoader(dict(self.files)), html=html)

            def template(name: str, dot: Any = _ALL) -> str:
                return self._called(name, dot, html)

            made.globals["template"] = template
            made = self._environments.setdefault(html, made)
        return made

    def check(self, name: str, kind: str) -> None:
        """Whether a template can be called with a value of a kind.

        Raises:
            TemplateError: it cannot, or there is none.
        """
        self._translated(name, kind, frozenset())

    def check_any(self, name: str) -> None:
        """Whether a template, or a file of Jinja2's, can be read at all, whatever it is handed.

        Raises:
            TemplateError: it cannot; of what is wrong, that for a value of which nothing is known.
        """
        if name in self.files:
            self.environment(False).compiled(self.files[name], name)
            return
        for kind in ("data", "alert", "alerts", "kv", "pairs", "pair", "strings", "string", "time", "nil"):
            with suppress(TemplateError):
                self._translated(name, kind, frozenset())
                return
        self._translated(name, "any", frozenset())

    def _called(self, name: str, dot: Any, html: bool) -> str:
        one = meter()
        one.spend()
        kind = "data" if dot is _ALL else "nil" if dot is None else kind_of(dot)
        with one.deeper(), TranslatedErrors(name):
            compiled = self._made(name, kind, html)
            written = compiled.render(one.context if kind == "data" else {"dot": dot})
            kept(written)
        return Markup(written) if html else written

    def _made(self, name: str, kind: str, html: bool) -> Compiled:
        key = (name, kind, html)
        if key not in self._compiled:
            self._compiled[key] = self.environment(html).compiled(self._translated(name, kind, frozenset()), name)
        return self._compiled[key]

    def _translated(self, name: str, kind: str, within: frozenset[tuple[str, str]]) -> str:
        if (name, kind) in self._translations:
            return self._translations[name, kind]
        named = self.defines.get(name)
        if named is None:
            raise TemplateError(f"there is no template {name!r}; `templates` names the files that have them")
        if (name, kind) in within:
            return ""

        def known(other: str, of: str) -> None:
            self._translated(other, of, within | {(name, kind)})

        try:
            written = translated(named.parsed, named.define.body, kind, known)
        except TemplateError as error:
            if error.name:
                raise
            raise TemplateError(error.reason, error.line, error.column, name) from None
        self._translations[name, kind] = written
        return written


_ALL = object()


def defined(source: str) -> dict[str, Named]:
    """The templates that a Go file defines.

    Raises:
        TemplateError: it is no such file.
    """
    parsed = parse(source)
    return {each.name: Named(parsed, each) for each in parsed.defines}


@lru_cache(maxsize=1)
def alertmanagers() -> Library:
    """The library with Alertmanager's own templates alone."""
    return Library(defined(_ALERTMANAGERS.read_text(encoding="utf-8")))
