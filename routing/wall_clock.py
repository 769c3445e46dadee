"""An interval of time against what a clock and a calendar show, wherever they hang."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from config.intervals import Span, TimeInterval

_DAY = timedelta(days=1)


def contains_wall(interval: TimeInterval, wall: datetime) -> bool:
    """Say whether what a clock at the interval's location shows is in it."""
    minute = _minute(wall)
    timely = interval.times is None or any(each.start_time <= minute < each.end_time for each in interval.times)
    return timely and _has_day(interval, wall.date())


def steady_until(interval: TimeInterval, wall: datetime, horizon: datetime) -> datetime:
    """A later time until which an interval contains all, or nothing, of what a clock shows that is never set.

    Returns:
        Not always the last such time; the horizon where there is none before it.
    """
    day, minute = wall.date(), _minute(wall)
    if interval.times is None:
        return _at(_next_day(interval, day, horizon.date(), wanted=not _has_day(interval, day)), 0, horizon)
    if not interval.times:
        return horizon
    if _has_day(interval, day):
        inside = [each.end_time for each in interval.times if each.start_time <= minute < each.end_time]
        later = [each.start_time for each in interval.times if each.start_time > minute]
        if inside or later:
            return _at(day, max(inside) if inside else min(later), horizon)
    first = min(each.start_time for each in interval.times)
    return _at(_next_day(interval, day, horizon.date(), wanted=True), first, horizon)


def _minute(wall: datetime) -> int:
    return wall.hour * 60 + wall.minute


def _at(day: date | None, minute: int, horizon: datetime) -> datetime:
    return horizon if day is None else datetime.combine(day, time()) + timedelta(minutes=minute)


def _next_day(interval: TimeInterval, day: date, last: date, *, wanted: bool) -> date | None:
    """The first day after one that is in the interval, or is not; whole months and years are stepped over."""
    any_day = interval.weekdays is None and interval.days_of_month is None
    day += _DAY
    while day <= last:
        if _has_day(interval, day) == wanted:
            return day
        if not _holds(interval.years, day.year):
            day = date(day.year + 1, 1, 1)
        elif any_day or not _holds(interval.months, day.month):
            day = day.replace(day=_days_in_month(day)) + _DAY
        else:
            day += _DAY
    return None


def _has_day(interval: TimeInterval, day: date) -> bool:
    return (
        _holds(interval.years, day.year)
        and _holds(interval.months, day.month)
        and _holds(interval.weekdays, day.isoweekday() % 7)
        and (interval.days_of_month is None or _has_day_of_month(interval.days_of_month, day))
    )


def _holds(spans: Sequence[Span] | None, number: int) -> bool:
    return spans is None or any(first <= number <= last for first, last in spans)


def _has_day_of_month(spans: Sequence[Span], day: date) -> bool:
    """Negative days count from the month's end; what a month does not have is cut off."""
    beyond = _days_in_month(day) + 1
    return any(_from_start(first, beyond) <= day.day <= _from_start(last, beyond) for first, last in spans)


def _from_start(day_of_month: int, beyond: int) -> int:
    return day_of_month if day_of_month > 0 else beyond + day_of_month


def _days_in_month(day: date) -> int:
    return monthrange(day.year, day.month)[1]
