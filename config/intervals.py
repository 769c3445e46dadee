"""Intervals of time, as a file has them: on which days, and when on each.

Source: https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from __future__ import annotations

import os
import re
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, PlainValidator, model_validator

from config.base import Settings

MINUTES_A_DAY = 24 * 60
LOCAL = "Local"

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_SHORTEST_MONTH = 28
_LONGEST_NAME = 200
_LARGEST = 2**63 - 1
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_MACHINE_ZONE = Path("/etc/localtime")


class Span(NamedTuple):
    """From the first to the last, both included."""

    first: int
    last: int


def _ends(value: object) -> tuple[str, str]:
    if not isinstance(value, str):
        raise ValueError("should be text")
    first, colon, last = value.lower().partition(":")
    if ":" in last:
        raise ValueError("should be one, or two with one : between, as in 1:5")
    return first, last if colon else first


def _number(text: str) -> int | None:
    number = int(text) if _NUMBER.fullmatch(text) else None
    return None if number is None or abs(number) > _LARGEST else number


def _in_order(first: int, last: int) -> Span:
    if first > last:
        raise ValueError("ends before it starts; what goes over the end of the week or year is two of them")
    return Span(first, last)


def _weekday(text: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError(f"should be days' names, as in monday:friday; there are: {', '.join(_WEEKDAYS)}")
    return _WEEKDAYS.index(text)


def _weekdays(value: object) -> Span:
    first, last = _ends(value)
    return _in_order(_weekday(first), _weekday(last))


def _month(text: str) -> int:
    number = _MONTHS.index(text) + 1 if text in _MONTHS else _number(text)
    if number is None or not 1 <= number <= len(_MONTHS):
        raise ValueError("should be months' names or numbers from 1 to 12, as in january:march or 10:12")
    return number


def _months(value: object) -> Span:
    first, last = _ends(value)
    return _in_order(_month(first), _month(last))


def _year(text: str) -> int:
    number = _number(text)
    if number is None:
        raise ValueError("should be years, as in 2026 or 2026:2028")
    return number


def _years(value: object) -> Span:
    first, last = _ends(value)
    return _in_order(_year(first), _year(last))


def _day_of_month(text: str) -> int:
    number = _number(text)
    if not number or abs(number) > 31:
        raise ValueError("should be days from 1 to 31, or from -1, the last one, to -31, as in 1:5 or -3:-1")
    return number


def _days_of_month(value: object) -> Span:
    first, last = map(_day_of_month, _ends(value))
    if first < 0 < last:
        raise ValueError("starts counted from the month's end, and so should end, as in -3:-1")
    if _in_the_shortest(first) > _in_the_shortest(last):
        # Alertmanager's own bound: it refuses 28:-1, too.
        raise ValueError("ends before it starts in a short month")
    return Span(first, last)


def _in_the_shortest(day: int) -> int:
    return day if day > 0 else _SHORTEST_MONTH + day


def _minute_of_day(value: object) -> int:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("should be a time from 00:00 to 24:00 with two digits each, as in 09:30")
    hour, minute = match.groups()
    return MINUTES_A_DAY if hour is None else int(hour) * 60 + int(minute)


def _location(value: object) -> tzinfo:
    if not isinstance(value, str):
        raise ValueError("should be text")
    if value in ("", "UTC"):
        return UTC
    try:
        return _machine_zone() if value == LOCAL else ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone that is known here; should be one as Europe/Paris, or UTC") from None


def _machine_zone() -> tzinfo:
    """The zone that TZ names, or else that the machine is set to, as Go finds it."""
    name = os.environ.get("TZ")
    if name is not None:
        return ZoneInfo(name.removeprefix(":")) if name.removeprefix(":") else UTC
    try:
        with _MACHINE_ZONE.open("rb") as file:
            return ZoneInfo.from_file(file, LOCAL)
    except OSError:
        return UTC


def _name(name: str) -> str:
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ValueError(f"should be 1 to {_LONGEST_NAME} characters that can be printed")
    return name


TimeOfDay = Annotated[int, PlainValidator(_minute_of_day)]
"""Minutes since midnight."""


class TimeRange(Settings):
    """A part of each day, in minutes since midnight; the end is not in it."""

    start_time: TimeOfDay
    end_time: TimeOfDay

    @model_validator(mode="after")
    def _not_backwards(self) -> Self:
        if self.start_time >= self.end_time:
            raise ValueError("should start before it ends; what goes over midnight is two: until 24:00, and from 00:00")
        return self


class TimeInterval(Settings):
    """The minutes for which all that is set holds; nothing set is always, and an empty list never.

    Attributes:
        weekdays: from 0, Sunday.
        days_of_month: from 1, or from -1, the last one.
        location: whose clocks and calendar are meant.
    """

    times: tuple[TimeRange, ...] | None = None
    weekdays: tuple[Annotated[Span, PlainValidator(_weekdays)], ...] | None = None
    days_of_month: tuple[Annotated[Span, PlainValidator(_days_of_month)], ...] | None = None
    months: tuple[Annotated[Span, PlainValidator(_months)], ...] | None = None
    years: tuple[Annotated[Span, PlainValidator(_years)], ...] | None = None
    location: Annotated[tzinfo, PlainValidator(_location)] = UTC


class NamedInterval(Settings):
    """What routes call by its name: the minutes that are in any of these."""

    name: Annotated[str, AfterValidator(_name)]
    time_intervals: tuple[TimeInterval, ...] = ()
