"""Values that a template names, and values as text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from templating.errors import TemplateError
from templating.meter import fits, kept
from templating.times import duration_text, nano_text, time_text

# Beyond it Go writes an exponent.
_EXPONENT = 6


class Pair(NamedTuple):
    """One label: a name and a value."""

    name: str
    value: str


class Labels:
    """Labels or annotations: a mapping in which a missing name is "".

    Its names and pairs are sorted, `alertname` first; what is walked over is sorted without that exception, as in Go.
    """

    template_kind: ClassVar[str] = "kv"
    __slots__ = ("_pairs",)

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._pairs = pairs

    def __getitem__(self, name: object) -> str:
        return self._pairs.get(name, "") if isinstance(name, str) else ""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._pairs))

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, name: object) -> bool:
        return name in self._pairs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and dict(self._pairs) == dict(other._pairs)

    def __hash__(self) -> int:
        return hash(tuple(self.items()))

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.sorted_pairs)

    def get(self, name: str, otherwise: str = "") -> str:
        """The value of a name, or another where it is missing."""
        return self._pairs.get(name, otherwise)

    def items(self) -> list[Pair]:
        """The pairs, by name."""
        return [Pair(name, self._pairs[name]) for name in self]

    def keys(self) -> list[str]:
        """The names, sorted."""
        return list(self)

    @property
    def sorted_pairs(self) -> list[Pair]:
        """The pairs, `alertname` first, the rest by name."""
        return sorted(self.items(), key=lambda pair: pair.name != "alertname")

    @property
    def names(self) -> list[str]:
        """Their names, in that order."""
        return [pair.name for pair in self.sorted_pairs]

    @property
    def values(self) -> list[str]:
        """Their values, in that order."""
        return [pair.value for pair in self.sorted_pairs]

    def remove(self, names: Iterable[str]) -> Labels:
        """Those that are not named."""
        without = frozenset((names,) if isinstance(names, str) else names)
        return Labels({name: value for name, value in self._pairs.items() if name not in without})


def kind_of(value: Any) -> str:
    """What Alertmanager calls such a value; see `shapes.py`."""
    named = getattr(type(value), "template_kind", "")
    if named:
        return str(named)
    kinds: dict[type, str] = {bool: "bool", int: "int", float: "float", datetime: "time", timedelta: "duration"}
    if isinstance(value, str):
        return "string"
    return "pair" if isinstance(value, Pair) else kinds.get(type(value), "any")


def text(value: Any) -> str:
    """A value as it stands in the output: None as nothing, a time to the second, lists with their elements.

    Raises:
        TemplateError: it is nothing that can be shown, such as a function.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} {value.tzname()}"
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, list | tuple | dict):
        return _nested(value, text, "[", ", ", "]", ": ")
    return _named(value)


def printed(value: Any) -> str:
    """A value as Go prints it.

    Raises:
        TemplateError: as for `text`.
    """
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, list) and value and all(isinstance(each, Pair) for each in value):
        return ", ".join(f"{each.name}={each.value}" for each in value)
    if isinstance(value, dict):
        return _nested(dict(sorted(value.items(), key=str)), printed, "map[", " ", "]", ":")
    if isinstance(value, list | tuple):
        return _nested(
            value, printed, "{" if isinstance(value, Pair) else "[", " ", "}" if isinstance(value, Pair) else "]"
        )
    return text(value)


def float_text(value: float) -> str:
    """A number as Go's %v writes it: "1.5", "1e+06", "NaN"."""
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    shortest = Decimal(repr(value)).normalize()
    if not value or -4 <= shortest.adjusted() < _EXPONENT:
        return f"{shortest:f}"
    digits, exponent = "".join(map(str, shortest.as_tuple().digits)), shortest.adjusted()
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{'-' if value < 0 else ''}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def json_text(value: Any) -> str:
    """A value as JSON, as Go writes it: without spaces, sorted, with what HTML could misread escaped.

    Raises:
        TemplateError: JSON has no such value.
    """
    written = json.dumps(_document(value, 0), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def _document(value: Any, depth: int) -> Any:
    if depth > 20:
        raise TemplateError("is nested too deeply for JSON")
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, datetime):
        return nano_text(value)
    if isinstance(value, timedelta):
        return round(value.total_seconds() * 1e9)
    if isinstance(value, Labels):
        return dict(value.items())
    if isinstance(value, Pair):
        return {"Name": value.name, "Value": value.value}
    if isinstance(value, dict):
        return {text(key): _document(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_document(each, depth + 1) for each in value]
    if getattr(type(value), "template_kind", ""):
        return _document(value.document, depth + 1)
    raise TemplateError(f"JSON has no {type(value).__name__}")


def _named(value: Any) -> str:
    if not getattr(type(value), "template_kind", ""):
        # The message of a name that there is not is its own.
        missing = type(value).__name__ == "Missing"
        if missing:
            return str(value)
        raise TemplateError("shows something that is no text, such as a function; call it with ()")
    return str(value)


def _nested(
    value: Any, write: Callable[[Any], str], opening: str, between: str, closing: str, colon: str = ": "
) -> str:
    kept(value)
    if isinstance(value, dict):
        parts = [f"{write(key)}{colon}{write(each)}" for key, each in value.items()]
        opening, closing = (opening, closing) if opening != "[" else ("{", "}")
    else:
        parts = [write(each) for each in value]
    fits(sum(map(len, parts)) + len(parts) * len(between))
    return f"{opening}{between.join(parts)}{closing}"
