"""Jinja2 in a sandbox: what a template may do, and how much it may make."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from jinja2 import (
    BaseLoader,
    StrictUndefined,
    nodes,
    pass_context,
)
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from templating.errors import TemplateError
from templating.failures import TranslatedErrors
from templating.filters import FILTERS_HERE, FUNCTIONS, HIDDEN
from templating.meter import MOST_CHARACTERS, Meter, fits, kept, meter, metered
from templating.text_filters import formatted
from templating.values import text

_LONGEST_SOURCE = 200_000
_TEXT = frozenset(
    (
        "upper",
        "lower",
        "title",
        "capitalize",
        "casefold",
        "swapcase",
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "rsplit",
        "splitlines",
        "partition",
        "rpartition",
        "startswith",
        "endswith",
        "find",
        "rfind",
        "index",
        "count",
        "removeprefix",
        "removesuffix",
        "isdigit",
        "isnumeric",
        "isdecimal",
        "isalpha",
        "isalnum",
        "isupper",
        "islower",
        "isspace",
    )
)
# Of Python's own types nothing else may be named: `to_bytes(10**9)` is a method of numbers.
_ALLOWED: tuple[tuple[type, frozenset[str]], ...] = (
    (str, _TEXT),
    (bool, frozenset()),
    (int, frozenset()),
    (float, frozenset({"is_integer"})),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (list, frozenset({"index", "count"})),
    (
        datetime,
        frozenset(
            ("year", "month", "day", "hour", "minute", "second", "microsecond", "isoformat", "weekday", "timestamp")
        ),
    ),
    (timedelta, frozenset({"days", "seconds", "total_seconds"})),
    (range, frozenset({"start", "stop", "step"})),
)


class Missing(StrictUndefined):
    """What a template names and there is not."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name = str(self._undefined_name)[:100]
        if self._undefined_obj is not missing:
            kind = getattr(type(self._undefined_obj), "template_kind", type(self._undefined_obj).__name__)
            return f"there is no {name!r} in a value of the kind {kind}"
        near = difflib.get_close_matches(name, map(str, meter().context), n=1)
        return f"there is no {name!r} here" + (f"; did you mean {near[0]}?" if near else "")


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2's environment with everything counted.

    Args:
        loader: where `{% import %}` and `{% include %}` look.
        html: whether what is put in is escaped.
    """

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "**", "%"))

    def __init__(self, loader: BaseLoader | None = None, *, html: bool = False) -> None:
        super().__init__(
            loader=loader,
            autoescape=html,
            undefined=Missing,
            finalize=_finalized,
            optimized=False,
            keep_trailing_newline=True,
            extensions=["jinja2.ext.loopcontrols"],
        )
        self.filters = {**FILTERS_HERE, **HIDDEN}
        self.globals = dict(FUNCTIONS) | {"namespace": self.globals["namespace"]}

    def compiled(self, source: str, name: str = "") -> Compiled:
        """A text of Jinja2, read.

        Raises:
            TemplateError: it cannot be.
        """
        with TranslatedErrors(name):
            if len(source) > _LONGEST_SOURCE:
                raise TemplateError(f"is longer than {_LONGEST_SOURCE:,} characters")
            return self.from_string(source)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        counted: nodes.Template = _Counting().visit(tree)
        counted.set_environment(self)
        return counted

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may name it."""
        if getattr(type(obj), "template_kind", "") == "" and not isinstance(obj, tuple):
            for kind, allowed in _ALLOWED:
                if isinstance(obj, kind):
                    return attr in allowed
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Jinja2's own way to let `"...".format()` be called; here it may not be."""
        return None

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """What stands for what may not be named."""
        hint = f"{str(attribute)[:100]!r} of a {type(obj).__name__} may not be used in a template; look for a filter"
        return self.undefined(hint, exc=SecurityError)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a macro or a function."""
        meter().spend()
        if isinstance(__obj, Macro):
            with meter().deeper():
                return kept(super().call(__context, __obj, *args, **kwargs))
        return kept(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate."""
        meter().spend()
        if operator == "%" and isinstance(left, str):
            values = right if isinstance(right, tuple) else (right,)
            return kept(formatted(left, **right) if isinstance(right, dict) else formatted(left, *values))
        if operator == "*":
            _multipliable(left, right)
        if operator == "**" and not (_small(left, 10**15) and _small(right, 64)):
            raise TemplateError("has a power of numbers that are too large")
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            fits(len(left) + len(right))
        return kept(super().call_binop(context, operator, left, right))


class _Counting(NodeTransformer):
    """Puts what counts around what loops, joins or holds."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Each step of a loop."""
        self.generic_visit(node)
        if node.recursive:
            raise TemplateError("has a recursive loop; write a macro that calls itself", node.lineno)
        node.iter = _filtered(node.iter, " steps")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """What `~` makes."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), " joined")

    def visit_List(self, node: nodes.List) -> nodes.Node:
        """What a list holds."""
        self.generic_visit(node)
        return _filtered(node, " made")

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        """What a mapping holds."""
        self.generic_visit(node)
        return _filtered(node, " made")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        """What a tuple holds; not one that names are set by."""
        self.generic_visit(node)
        return _filtered(node, " made") if node.ctx == "load" else node

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Node:
        """Text, which a loop may write again and again."""
        if len(node.data) < 80:
            return node
        return nodes.MarkSafeIfAutoescape(nodes.Const(node.data, lineno=node.lineno), lineno=node.lineno)


def _filtered(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


@pass_context
def _finalized(context: Context, value: Any) -> Any:
    """What is written, counted; the context keeps Jinja2 from doing so while it compiles."""
    shown = value if hasattr(value, "__html__") else text(value)
    meter().spend(len(shown))
    return shown


def _small(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and abs(value) <= most


def _multipliable(left: Any, right: Any) -> None:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            fits(len(one) * max(0, other) * (1 if isinstance(one, str) else 10))


def rendered(compiled: Compiled, context: Mapping[str, Any]) -> str:
    """A template with what it names filled in, as far as a text may be long.

    Raises:
        TemplateError: it fails, or does too much.
    """
    with metered(Meter(context)), TranslatedErrors():
        return "".join(_up_to(compiled.generate(context), MOST_CHARACTERS))


def _up_to(pieces: Iterator[str], most: int) -> Iterator[str]:
    for piece in pieces:
        meter().spend()
        yield piece[:most]
        most -= len(piece)
        if most <= 0:
            return
