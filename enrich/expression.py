"""The alert's own expression: what it is worth now, beyond what it fires, and how it was within the hour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import promql_parser

import units
from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from enrich._base import Answers, NoAnswer
from enrich._parsing import PromQLError, parsed
from enrich._promql import only
from enrich._rule import EXTREME, LONGEST, expression, own
from enrich._syntax import Writer
from enrich._vector import Sample

# A rule's expression is the same for all its alerts: so many rules are asked about in a run, the most heard of first.
_MOST = 10
# Of so many different ones it is seen what they are.
_MOST_READ = 12
# And about so many it is asked how they were: each is evaluated thirteen times.
_MOST_WITHIN = 3
_WITHIN = "within the hour: "
_COMPARING = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "at", "!=": "off"}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
# What has the values and the labels of its left side alone.
_SETS = ("and", "unless")


@dataclass(frozen=True, slots=True)
class Compared:
    """An expression that compares a value with a number: `promql` is the value's, `fires` says beyond what it fires."""

    promql: str
    fires: str = ""
    threshold: float | None = None


class Enricher:
    """What Prometheus says of the expression in an alert's `generatorURL`; the URL itself is never called."""

    name = "expression"
    title = "value"

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Each rule's expression once, without what it is compared with, and how it was within the hour."""
        given = Counter(filter(None, (_given(alert) for alert in alerts)))
        asked: dict[str, str] = {}
        for text in sorted(given, key=lambda text: (-given[text], text))[:_MOST_READ]:
            if len(asked) < _MOST and (compared := read_expression(text)) is not None:
                asked[text] = compared.promql
        return asked | {f"{_WITHIN}{text}": _extremes(asked[text]) for text in list(asked)[:_MOST_WITHIN]}

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """The value of the series that the alert is about; nothing where no expression is known."""
        text = _given(alert)
        if not text:
            return ()
        if not answers.asked(text):
            if sum(not name.startswith(_WITHIN) for name in answers.names) < _MOST:
                # It is no PromQL that is known here, or was not read, as there were many.
                return ()
            raise NoAnswer(f"more than {_MOST} rules fire at once; this one was not asked about")
        compared = read_expression(text)
        assert compared is not None
        found = own(answers[text], alert)
        if not found:
            raise NoAnswer("no data: the alert's expression has no value for its labels any more")
        if len({each.value for each in found}) > 1:
            raise NoAnswer(f"the alert's expression has {len(found)} values for its labels")
        value = found[0].value
        if not math.isfinite(value):
            raise NoAnswer(f"no data: the alert's expression is {value}")
        reading = Reading(
            self.name,
            self.title,
            value,
            "",
            answers.at(text),
            only(compared.promql, found[0].stored),
            note=f"fires {compared.fires}" if compared.fires else "",
            threshold=compared.threshold,
            drawn=True,
        )
        if not answers.asked(f"{_WITHIN}{text}"):
            return (reading,)
        try:
            within = _within(own(answers[f"{_WITHIN}{text}"], alert), value)
        except NoAnswer as reason:
            return (reading, Gap(self.name, f"{self.title} within the hour", str(reason)))
        return (replace(reading, note="; ".join(filter(None, (reading.note, within)))),)


def _extremes(promql: str) -> str:
    """The least and the greatest value of each series within the hour, told apart by a label."""
    return " or ".join(
        f'label_replace({each}_over_time(({promql})[1h:5m]), "{EXTREME}", "{each}", "", "")' for each in ("min", "max")
    )


def _within(extremes: Iterable[Sample], now: float) -> str:
    """Between which values a series was: "between 0.41 and 0.97 within the hour"; "" where it was always the same."""
    values = [now, *(each.value for each in extremes if math.isfinite(each.value))]
    least, most = units.count(min(values)), units.count(max(values))
    return f"between {least} and {most} within the hour" if least != most else ""


def _given(alert: Alert) -> str:
    """The text of the alert's expression, "" where there is none."""
    given = expression(alert.generator_url)
    return given if len(given) <= LONGEST else ""


@lru_cache(maxsize=1_000)
def read_expression(text: str) -> Compared | None:
    """What an expression compares, and with what; None where it is no PromQL.

    Of `a > 1 and b` it is `a`: the left side is the one whose values an alert has.
    """
    try:
        node = _inside(parsed(text))
    except PromQLError:
        return None
    while isinstance(node, promql_parser.BinaryExpr) and str(node.op) in _SETS:
        node = _inside(node.lhs)
    fires: list[str] = []
    threshold: float | None = None
    while (found := _comparison(node)) is not None:
        op, value, threshold = found
        fires.insert(0, f"{_COMPARING[op]} {units.count(threshold)}")
        node = _inside(value)
    return Compared(_written(node, text), " and ".join(fires), threshold)


def _comparison(node: Any) -> tuple[str, Any, float] | None:
    """How, what and with which number an expression compares; None where it is nothing that there is more to tell of.

    Compared with other series, or worth 0 or 1, it is told as it is: what is left of it has other labels.
    """
    if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) not in _COMPARING:
        return None
    if getattr(node.modifier, "return_bool", False):
        return None
    if (bound := _number(node.rhs)) is not None:
        return str(node.op), node.lhs, bound
    if (bound := _number(node.lhs)) is not None:
        return _MIRRORED[str(node.op)], node.rhs, bound
    return None


def _written(node: Any, text: str) -> str:
    """A part of an expression as PromQL; or the whole, which has the same values as long as it fires."""
    try:
        return Writer().write(node)
    except (ValueError, RecursionError):
        return text


def _inside(node: Any) -> Any:
    """What stands in parentheses."""
    while isinstance(node, promql_parser.ParenExpr):
        node = node.expr
    return node


def _number(node: Any) -> float | None:
    node = _inside(node)
    if isinstance(node, promql_parser.UnaryExpr):
        inner = _number(node.expr)
        return None if inner is None else -inner
    if isinstance(node, promql_parser.NumberLiteral):
        value = float(node.val)
        return value if math.isfinite(value) else None
    return None
