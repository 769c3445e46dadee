"""Whether one query may answer for many alerts: the proof that its series are told apart by the alerts' labels.

Of `sum(rate(a{pod="x"}[5m])) / sum(b{pod="x"})` every alert has its own pod. Asked about all pods at once, with each
sum `by (pod)`, it has the same values, one for each pod, if no operator on the way mixes one pod's series with
another's or loses whose they are. What is not known to be so is asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from enrich._syntax import LabelMatcher, kind, matchers, parts, selectors

# They make of each series one with the same labels (of a histogram's buckets one without `le`).
_OF_EACH_SERIES = frozenset(
    (
        *("abs", "ceil", "clamp", "clamp_max", "clamp_min", "exp", "floor", "ln", "log10", "log2", "round", "sgn"),
        *("sqrt", "timestamp", "changes", "delta", "deriv", "idelta", "increase", "irate", "predict_linear", "rate"),
        *("resets", "histogram_avg", "histogram_count", "histogram_quantile", "histogram_sum", "avg_over_time"),
        *("count_over_time", "last_over_time", "mad_over_time", "max_over_time", "min_over_time", "present_over_time"),
        *("quantile_over_time", "stddev_over_time", "stdvar_over_time", "sum_over_time"),
    )
)
_AGGREGATIONS = frozenset(("avg", "count", "group", "max", "min", "quantile", "stddev", "stdvar", "sum"))
_NAME = "__name__"

Own = Callable[[LabelMatcher], bool]
AlsoBy = Callable[[AggregateExpr], tuple[str, ...]]
_Values = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Together:
    """How a query is asked about many alerts at once.

    Attributes:
        values: by label, what is an alert's own in it, with marks.
        also_by: the labels by which an aggregation must tell series apart as well.
    """

    values: dict[str, str]
    also_by: AlsoBy


def together(node: Any, own: Own) -> Together | None:
    """How to ask about many alerts at once; None where that is not known to give the same.

    Args:
        node: an expression whose worth is a vector.
        own: whether a matcher holds what differs between alerts.
    """
    chosen = {_values(each, own) for each in selectors(node) if _is_own(each, own)}
    if len(chosen) != 1 or None in chosen:
        return None
    (values,) = chosen
    assert values is not None
    labels = tuple(label for label, _ in values)
    if _carried(node, _Question(own, values, frozenset(labels))) is None:
        return None
    return Together(
        dict(values), lambda aggregation: labels if any(_is_own(each, own) for each in selectors(aggregation)) else ()
    )


def _is_own(selector: VectorSelector, own: Own) -> bool:
    return any(own(each) for some in matchers(selector) for each in some)


def _values(selector: VectorSelector, own: Own) -> _Values | None:
    """What a selector holds of an alert, by label; None where a series would not say whose it is."""
    alternatives = matchers(selector)
    found = [each for some in alternatives for each in some if own(each)]
    values = {each.label: each.value for each in found}
    if len(alternatives) > 1 or any(each.operator != "=" for each in found) or len(values) < len(found):
        return None
    return tuple(sorted(values.items()))


@dataclass(frozen=True, slots=True)
class _Question:
    own: Own
    values: _Values
    labels: frozenset[str]


def _carried(node: Any, question: _Question) -> frozenset[str] | None:
    """Which of the alert's labels the series of an expression about it alone have.

    About many alerts each has all of them, and is the series of the alert that they name. None where that is not known.
    """
    match node:
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return _carried(node.expr, question)
        case MatrixSelector():
            return _carried(node.vector_selector, question)
        case VectorSelector():
            # Series of several metrics may differ in nothing else: an error where one is wanted, and then for all.
            return question.labels if node.name and _values(node, question.own) == question.values else None
        case Call():
            return _of_call(node, question)
        case AggregateExpr():
            return _of_aggregation(node, question)
        case BinaryExpr():
            return _of_operation(node, question)
    return None


def _of_call(node: Call, question: _Question) -> frozenset[str] | None:
    vectors = [each for each in node.args if not _same_for_all(each, question.own)]
    if node.func.name not in _OF_EACH_SERIES or len(vectors) != 1:
        return None
    if node.func.name == "histogram_quantile" and "le" in question.labels:
        return None
    return _carried(vectors[0], question)


def _of_aggregation(node: AggregateExpr, question: _Question) -> frozenset[str] | None:
    if str(node.op) not in _AGGREGATIONS:
        return None
    if node.param is not None and not _same_for_all(node.param, question.own):
        return None
    if node.modifier is not None and node.modifier.type != promql_parser.AggModifierType.By:
        return None
    by = frozenset(node.modifier.labels if node.modifier is not None else ())
    inner = _carried(node.expr, question)
    return None if inner is None or _NAME in by else inner & by


def _of_operation(node: BinaryExpr, question: _Question) -> frozenset[str] | None:
    sides = [each for each in parts(node) if not _same_for_all(each, question.own)]
    carried = [_carried(each, question) for each in sides]
    if len(sides) == 1:
        return carried[0]
    if node.modifier is not None and (node.modifier.matching is not None or _fills(node.modifier)):
        return None
    # Series that match when all their labels do. Alone, those that one side lacks would hold them apart.
    return carried[0] if carried[0] == carried[1] else None


def _fills(modifier: Any) -> bool:
    return modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None


def _same_for_all(node: Any, own: Own) -> bool:
    """Whether an expression is one number, whichever alert is asked about."""
    return kind(node) == "scalar" and not any(_is_own(each, own) for each in selectors(node))
