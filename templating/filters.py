"""What stands behind a `|` in a template, and the functions that it may call.

Of Jinja2's own filters only those are here that cannot make much out of little, or that are bounded here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from jinja2.filters import FILTERS
from jinja2.runtime import Undefined

from templating import times
from templating.errors import TemplateError
from templating.meter import MOST_ELEMENTS, elements, kept, meter
from templating.patterns import compiled, replaced
from templating.printing import sprint, sprintf, sprintln
from templating.text_filters import (
    base64_decoded,
    batch,
    center,
    escape,
    formatted,
    indent,
    join,
    joined,
    js_escaped,
    lower,
    replace,
    rounded,
    safe,
    title,
    truncate,
    upper,
    url_unescaped,
)
from templating.values import Labels, Pair, json_text, kind_of, printed, text

_HARMLESS = (
    "abs",
    "capitalize",
    "dictsort",
    "first",
    "float",
    "groupby",
    "int",
    "last",
    "length",
    "count",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "sort",
    "striptags",
    "sum",
    "trim",
    "unique",
    "urlencode",
    "wordcount",
)
_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def date(value: datetime | None, layout: str = "2006-01-02 15:04:05 MST") -> str:
    """A time as a layout shows it: "2006-01-02 15:04", or as strftime does: "%Y-%m-%d %H:%M"."""
    if "%" not in layout:
        return times.date(value, layout)
    if not re.fullmatch(r"(?:[^%]|%[aAbBdHIjmMpSuwyYzZfF%T])*", layout) or len(layout) > 200:
        raise TemplateError("has a date with a % that is not known; write the layout as 2006-01-02 15:04")
    return times.known(value).strftime(layout.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S"))


def timezone(value: datetime | None, name: str) -> datetime:
    """A time as clocks show it elsewhere: "Europe/Berlin"."""
    try:
        return times.known(value).astimezone(ZoneInfo(name))
    except (ValueError, OSError, KeyError):
        raise TemplateError("knows no time zone of that name; they are called as in Europe/Berlin") from None
    except OverflowError:
        return times.known(value)


def later(value: datetime | None, seconds: float) -> datetime:
    """A time so many seconds later."""
    try:
        return times.known(value) + timedelta(seconds=seconds)
    except OverflowError:
        raise TemplateError("has a time beyond the year 9999") from None


def default(value: Any, otherwise: Any = "", false_too: bool = False) -> Any:
    """What there is, or something else: a label that is missing is an empty text, and no other than one that is empty.

    Args:
        false_too: also instead of 0, false and what is empty, as Jinja2 has it.
    """
    missing = isinstance(value, Undefined) or value is None or value == ""
    return otherwise if missing or (false_too and not value) else value


def seconds_of(value: Any) -> float:
    """A length of time in seconds; a number is one already."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def field(value: Any, name: str) -> Any:
    """What Go calls `.Name` of a value of which only the rendering tells what it is."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name in ("Names", "Values") and all(isinstance(each, Pair) for each in value):
        return [each.name if name == "Names" else each.value for each in value]
    snake = _SNAKE.sub("_", name).lower()
    if kind_of(value) != "any" and not name.startswith("_") and hasattr(type(value), snake):
        return getattr(value, snake)
    if isinstance(value, Labels):
        return value[name]
    raise TemplateError(f"finds no .{name} in what stands before it")


def steps(values: Any) -> Iterable[Any]:
    """What a loop walks over, counted."""
    one = meter()
    for each in values:
        one.spend()
        yield each


def bounded_range(*numbers: int) -> range:
    """So many numbers, at most as many as a list may have."""
    made = range(*numbers)
    if len(made) > MOST_ELEMENTS:
        raise TemplateError(f"has a range of more than {MOST_ELEMENTS:,} numbers")
    return made


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        one = meter()
        one.spend(sum(len(each) for each in args if isinstance(each, str | list)))
        return kept(function(*args, **kwargs))

    return counted


def _made(value: Any) -> Any:
    elements(value)
    return value


OWN: Mapping[str, Callable[..., Any]] = {
    "base64_decode": base64_decoded,
    "base64_encode": lambda value: base64.urlsafe_b64encode(text(value).encode()).decode(),
    "batch": batch,
    "byte_length": lambda value: len(text(value).encode(errors="replace")),
    "center": center,
    "d": default,
    "date": date,
    "default": default,
    "e": escape,
    "escape": escape,
    "format": formatted,
    "humanize_duration": lambda value: times.humanized(seconds_of(value)),
    "indent": indent,
    "items": lambda value: list(value.items()),
    "join": join,
    "js_escape": js_escaped,
    "lower": lower,
    "upper": upper,
    "later": later,
    "matches": lambda value, pattern: compiled(pattern).search(text(value)) is not None,
    "printed": printed,
    "printed_time": lambda value: times.time_text(times.known(value)),
    "re_replace": lambda value, pattern, by: replaced(text(value), pattern, text(by)),
    "replace": replace,
    "round": rounded,
    "safe": safe,
    "seconds": seconds_of,
    "since": lambda value: times.between(meter().now, value),
    "string": text,
    "title": title,
    "tojson": json_text,
    "truncate": truncate,
    "tz": timezone,
    "until": lambda value, later_: times.between(later_, value),
    "unix": lambda value: int((times.known(value) - times.ZERO).total_seconds()) - 62_135_596_800,
    "url_escape": lambda value: quote_plus(text(value), errors="replace"),
    "url_unescape": url_unescaped,
    "is_zero": lambda value: times.known(value) == times.ZERO,
}
FILTERS_HERE = {name: _counted(FILTERS[name]) for name in _HARMLESS} | {
    name: _counted(each) for name, each in OWN.items()
}
# A space stands before what no template can name: they are put where Jinja2 would do something unbounded.
HIDDEN = {" steps": steps, " joined": _counted(joined), " made": _counted(_made)}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "dict": dict,
    "field": field,
    "now": lambda: meter().now,
    "print": sprint,
    "printf": sprintf,
    "println": sprintln,
    "range": bounded_range,
}
