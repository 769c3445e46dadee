"""A tree of PromQL as text again: what the parser itself writes loses escapes in strings and the `:` of `[1h:]`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from enrich._promql import quoted

Operator = Literal["=", "!=", "=~", "!~"]
Kind = Literal["scalar", "string", "vector", "range"]

_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATORS: tuple[tuple[Any, Operator], ...] = (
    (promql_parser.MatchOp.Equal, "="),
    (promql_parser.MatchOp.NotEqual, "!="),
    (promql_parser.MatchOp.Re, "=~"),
    (promql_parser.MatchOp.NotRe, "!~"),
)
_KINDS: tuple[tuple[type[Any], Kind], ...] = (
    (NumberLiteral, "scalar"),
    (StringLiteral, "string"),
    (MatrixSelector, "range"),
    (SubqueryExpr, "range"),
)


@dataclass(frozen=True, slots=True)
class LabelMatcher:
    """A matcher as it stands in a selector, its value without quotes and escapes."""

    label: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        """As PromQL."""
        return f"{_name(self.label)}{self.operator}{quoted(self.value)}"


def matchers(selector: VectorSelector) -> list[list[LabelMatcher]]:
    """A selector's matchers; several lists where any of them will do (`or`, VictoriaMetrics')."""
    lists = [selector.matchers.matchers, *selector.matchers.or_matchers]
    return [[LabelMatcher(each.name, _operator(each.op), each.value) for each in some] for some in lists if some]


def _operator(op: Any) -> Operator:
    return next(text for known, text in _OPERATORS if known == op)


def _name(name: str) -> str:
    """A label's name, in quotes where it needs them."""
    return name if _PLAIN_LABEL.fullmatch(name) else quoted(name)


def parts(node: Any) -> list[Any]:
    """What a node is made of: the expressions in it."""
    if isinstance(node, BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, Call):
        return list(node.args)
    if isinstance(node, MatrixSelector):
        return [node.vector_selector]
    if isinstance(node, AggregateExpr):
        return [node.expr] if node.param is None else [node.param, node.expr]
    return [node.expr] if isinstance(node, ParenExpr | UnaryExpr | SubqueryExpr) else []


def selectors(node: Any) -> list[VectorSelector]:
    """All selectors in an expression."""
    own = [node] if isinstance(node, VectorSelector) else []
    return [*own, *(each for part in parts(node) for each in selectors(part))]


def depth(node: Any) -> int:
    """How many expressions are within one another, where that is most."""
    return 1 + max(map(depth, parts(node)), default=0)


def kind(node: Any) -> Kind:
    """What an expression is worth."""
    for known, name in _KINDS:
        if isinstance(node, known):
            return name
    if isinstance(node, Call):
        return "scalar" if node.func.return_type == promql_parser.ValueType.Scalar else "vector"
    if isinstance(node, ParenExpr | UnaryExpr):
        return kind(node.expr)
    if isinstance(node, BinaryExpr):
        return "scalar" if {kind(node.lhs), kind(node.rhs)} == {"scalar"} else "vector"
    return "vector"


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes expressions.

    Attributes:
        matcher: writes a matcher.
        also_by: labels by which an aggregation is to be told apart as well.
    """

    matcher: Callable[[LabelMatcher], str] = str
    also_by: Callable[[AggregateExpr], Iterable[str]] = lambda aggregation: ()

    def write(self, node: Any) -> str:
        """An expression as PromQL.

        Raises:
            ValueError: there is something in it that is not known here.
        """
        match node:
            case ParenExpr():
                return f"({self.write(node.expr)})"
            case UnaryExpr():
                return f"-{self.write(node.expr)}"
            case NumberLiteral():
                return _number(node.val)
            case StringLiteral():
                return quoted(node.val)
            case VectorSelector():
                return f"{self._selection(node)}{_moved(node)}"
            case MatrixSelector():
                selector = node.vector_selector
                return f"{self._selection(selector)}[{_duration(node.range)}]{_moved(selector)}"
            case SubqueryExpr():
                assert node.range is not None
                step = "" if node.step is None else _duration(node.step)
                return f"{self.write(node.expr)}[{_duration(node.range)}:{step}]{_moved(node)}"
            case Call():
                return f"{node.func.name}({', '.join(map(self.write, node.args))})"
            case AggregateExpr():
                return f"{node.op}{self._grouping(node)}({', '.join(map(self.write, parts(node)))})"
            case BinaryExpr():
                return f"{self.write(node.lhs)} {node.op}{_matching(node.modifier)} {self.write(node.rhs)}"
        raise ValueError(f"{type(node).__name__} is not known here")

    def _selection(self, selector: VectorSelector) -> str:
        chosen = " or ".join(",".join(map(self.matcher, some)) for some in matchers(selector))
        return f"{selector.name or ''}{{{chosen}}}" if chosen or not selector.name else selector.name

    def _grouping(self, aggregation: AggregateExpr) -> str:
        modifier, more = aggregation.modifier, list(self.also_by(aggregation))
        if modifier is None and not more:
            return ""
        labels = [] if modifier is None else list(modifier.labels)
        word = "by" if modifier is None or modifier.type == promql_parser.AggModifierType.By else "without"
        return f" {word} ({_names(dict.fromkeys((*labels, *more)))}) "


def _names(labels: Iterable[str]) -> str:
    return ", ".join(map(_name, labels))


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Inf"
    return repr(value).removesuffix(".0")


def _duration(length: timedelta) -> str:
    return promql_parser.display_duration(length)


def _moved(node: Any) -> str:
    """`@` and `offset` of a selector or a subquery."""
    offset = ""
    if node.offset is not None:
        sign = "-" if node.offset < timedelta(0) else ""
        offset = f" offset {sign}{_duration(abs(node.offset))}"
    return f"{_at(node.at)}{offset}"


def _at(modifier: Any) -> str:
    if modifier is None:
        return ""
    kinds = promql_parser.AtModifierType
    if modifier.type == kinds.At:
        return f" @ {modifier.at.timestamp():.3f}"
    return " @ start()" if modifier.type == kinds.Start else " @ end()"


def _matching(modifier: Any) -> str:
    """What stands behind a binary operator."""
    if modifier is None:
        return ""
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise ValueError("fill is not known here")
    words = " bool" if modifier.return_bool else ""
    if modifier.matching is not None:
        included = modifier.matching.type == promql_parser.LabelModifierType.Include
        words += f" {'on' if included else 'ignoring'} ({_names(modifier.matching.labels)})"
    cards = promql_parser.VectorMatchCardinality
    for card, word in ((cards.ManyToOne, "group_left"), (cards.OneToMany, "group_right")):
        if modifier.card == card:
            words += f" {word} ({_names(modifier.group_labels or ())})"
    return words
