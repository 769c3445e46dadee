"""The alert's own expression: what it is worth now, beyond what it fires, and how it was within the hour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import promql_parser

import units
from alerts.model import Alert
from alerts.notification import Finding, Gap, Reading
from enrich._base import Answers, NoAnswer
from enrich._parsing import PromQLError, parsed
from enrich._promql import only
from enrich._syntax import Writer
from enrich._vector import Sample

# A rule's expression is the same for all its alerts: so many rules are asked about in a run, the most heard of first.
_MOST = 10
_LONGEST = 8_000
# And about so many, how they were: each is evaluated thirteen times.
_MOST_WITHIN = 5
_WITHIN = "within the hour: "
_EXTREME = "alert_manager_extreme"
_COMPARING = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "at", "!=": "off"}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_SETS = ("and", "unless", "or")


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
        """Each rule's expression once, without what it is compared with."""
        found = Counter(compared.promql for alert in alerts if (compared := _compared_of(alert)))
        chosen = sorted(found, key=lambda promql: (-found[promql], promql))[:_MOST]
        return {
            **{promql: promql for promql in chosen},
            **{f"{_WITHIN}{promql}": _extremes(promql) for promql in chosen[:_MOST_WITHIN]},
        }

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """The value of the series that the alert is about; nothing where no expression is known."""
        compared = _compared_of(alert)
        if compared is None:
            return ()
        if not answers.asked(compared.promql):
            raise NoAnswer(f"more than {_MOST} rules fire at once; this one was not asked about")
        found = _own(answers[compared.promql].samples, alert)
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
            answers.at(compared.promql),
            only(compared.promql, found[0].stored),
            note=f"fires {compared.fires}" if compared.fires else "",
            threshold=compared.threshold,
            drawn=True,
        )
        if not answers.asked(f"{_WITHIN}{compared.promql}"):
            return (reading,)
        try:
            within = _within(_own(answers[f"{_WITHIN}{compared.promql}"].samples, alert), value)
        except NoAnswer as reason:
            return (reading, Gap(self.name, f"{self.title} within the hour", str(reason)))
        return (replace(reading, note="; ".join(filter(None, (reading.note, within)))),)


def _extremes(promql: str) -> str:
    """The least and the greatest value of each series within the hour, told apart by a label."""
    return " or ".join(
        f'label_replace({each}_over_time(({promql})[1h:5m]), "{_EXTREME}", "{each}", "", "")' for each in ("min", "max")
    )


def _within(extremes: Iterable[Sample], now: float) -> str:
    """Between which values a series was: "between 0.41 and 0.97 within the hour"; "" where it was always the same."""
    values = [now, *(each.value for each in extremes if math.isfinite(each.value))]
    least, most = units.count(min(values)), units.count(max(values))
    return f"between {least} and {most} within the hour" if least != most else ""


def _own(samples: Iterable[Sample], alert: Alert) -> list[Sample]:
    """The samples that an alert is about.

    A rule's aggregation may leave series that an alert's labels fit, too: those that agree in most are its own.
    """
    found = [each for each in samples if _is_of(each, alert)]
    most = max((len(each.labels) for each in found), default=0)
    return [each for each in found if len(each.labels) == most]


def _compared_of(alert: Alert) -> Compared | None:
    given = _expression(alert.generator_url)
    return read_expression(given) if given and len(given) <= _LONGEST else None


# All alerts of a rule have the same.
@lru_cache(maxsize=200)
def _expression(generator_url: str) -> str:
    try:
        return parse_qs(urlsplit(generator_url).query, max_num_fields=100).get("g0.expr", [""])[0]
    except ValueError:
        return ""


@lru_cache(maxsize=1_000)
def read_expression(text: str) -> Compared | None:
    """What an expression compares, and with what; None where it is no PromQL.

    Of `a > 1 and b` it is `a`: the left side is the one whose values an alert has.
    """
    try:
        node: Any = parsed(text)
    except PromQLError:
        return None
    while True:
        if isinstance(node, promql_parser.ParenExpr):
            node = node.expr
        elif isinstance(node, promql_parser.BinaryExpr) and str(node.op) in _SETS:
            node = node.lhs
        else:
            break
    if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) not in _COMPARING:
        return Compared(_written(node, text))
    op, value, bound = str(node.op), node.lhs, _number(node.rhs)
    if bound is None and (bound := _number(node.lhs)) is not None:
        op, value = _MIRRORED[op], node.rhs
    if bound is None or getattr(node.modifier, "return_bool", False):
        # Compared with another series, or worth 0 or 1: the left side is what there is to tell.
        return Compared(_written(node.lhs if bound is None else node, text))
    return Compared(_written(value, text), f"{_COMPARING[op]} {units.count(bound)}", bound)


def _written(node: Any, text: str) -> str:
    """A part of an expression as PromQL; or the whole, which has the same values as long as it fires."""
    try:
        return Writer().write(node)
    except (ValueError, RecursionError):
        return text


def _number(node: Any) -> float | None:
    while isinstance(node, promql_parser.ParenExpr):
        node = node.expr
    if isinstance(node, promql_parser.UnaryExpr):
        inner = _number(node.expr)
        return None if inner is None else -inner
    if isinstance(node, promql_parser.NumberLiteral):
        value = float(node.val)
        return value if math.isfinite(value) else None
    return None


def _is_of(sample: Sample, alert: Alert) -> bool:
    """Whether an alert is about a series: it has its labels, unless its rule gives them other values."""
    return all(
        value in (alert.labels.get(name), alert.labels.get(f"exported_{name}"))
        for name, value in sample.labels.items()
        if name not in ("__name__", _EXTREME)
    )
