"""Conditions on readings: `memory.share > 0.9`, for those who want to hear of an alert only where it is so."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import units
from alerts.findings import Finding, Reading
from alerts.model import Alert

Field = Literal["value", "share", "request", "limit"]

_CONDITION = re.compile(r"\s*([a-z_][a-z0-9_]*)(?:\.(\w+))?\s*(>=|<=|==|!=|>|<)\s*(\S+(?: \S+)?)\s*")
# Beyond its limit nothing is by more; who writes 90 means percent.
_LARGEST_SHARE = 2.0
_FIELDS = ("value", "share", "request", "limit")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a reading is to be.

    Attributes:
        reading: the enricher's name.
        text: as it was written.
    """

    reading: str
    field: Field
    operator: str
    bound: float
    text: str

    def failing(self, findings: Iterable[Finding]) -> str | None:
        """Why it does not hold; None when it does, or when there is nothing to judge it by.

        What is missing silences nobody.
        """
        values = []
        for each in findings:
            if each.name == self.reading:
                value = getattr(each, self.field) if isinstance(each, Reading) else None
                if value is None or _OPERATORS[self.operator](value, self.bound):
                    return None
                values.append(units.number(value))
        return f"{self.text}: it is {', '.join(values)}" if values else None


def parse_condition(text: str) -> Condition:
    """Read a condition: a reading's name, one of its numbers (its value unless another is named), and what to compare.

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is no condition such as "memory.share > 0.9" or "restarts >= 3"')
    reading, field, compared, bound = match.groups()
    if field is not None and field not in _FIELDS:
        raise ValueError(f"{text!r}: a reading has {', '.join(_FIELDS)}, and no {field}")
    number = _number(bound, text)
    if field == "share" and number > _LARGEST_SHARE:
        raise ValueError(f"{text!r}: a share is from 0 to 1; write {number:g}%")
    return Condition(reading, cast(Field, field or "value"), compared, number, " ".join(text.split()))


def _number(bound: str, text: str) -> float:
    compact = bound.replace(" ", "")
    for read in (float, _percent, units.size_bytes, units.duration_seconds):
        try:
            value = float(read(compact))
        except ValueError:
            continue
        if value == value and abs(value) != float("inf"):
            return value
    raise ValueError(f'{text!r}: {bound!r} is no number such as 0.9, "90%", 512MiB or 5m')


def _percent(text: str) -> float:
    if not text.endswith("%"):
        raise ValueError
    return float(text[:-1]) / 100


def unwanted(
    conditions: Iterable[Condition], alerts: Iterable[Alert], findings: Mapping[str, Iterable[Finding]]
) -> str | None:
    """Why nobody is to hear of alerts; None when all conditions hold for one of them, or there are none of either."""
    conditions, reason = list(conditions), None
    for alert in alerts:
        found = list(findings.get(alert.fingerprint, ()))
        failing = next(filter(None, (each.failing(found) for each in conditions)), None)
        if failing is None:
            return None
        reason = reason or failing
    return reason
