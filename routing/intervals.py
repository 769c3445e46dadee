"""When a route is muted, and when that ends.

Source: https://prometheus.io/docs/alerting/latest/configuration/#time_interval and `timeinterval/timeinterval.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from config.intervals import NamedInterval, TimeInterval
from config.schema import Route
from routing.wall_clock import contains_wall, steady_until

_HORIZON = timedelta(days=5 * 366)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)

Intervals = Mapping[str, NamedInterval]


def contains(interval: NamedInterval, now: datetime) -> bool:
    """Say whether a moment is in an interval of time."""
    return any(contains_wall(each, _wall(each.location, now)) for each in interval.time_intervals)


def muted(route: Route, intervals: Intervals, now: datetime) -> str:
    """Say why a route tells nobody at a moment; children have intervals of their own.

    Args:
        intervals: by their names, all that the route names among them.
        now: aware.

    Returns:
        The key and the names, as in "in mute_time_intervals: nights"; "" for a route that is not muted.
    """
    reasons = []
    mutes = [name for name in route.mute_time_intervals if contains(intervals[name], now)]
    if mutes:
        reasons.append(f"in mute_time_intervals: {', '.join(mutes)}")
    actives = route.active_time_intervals
    if actives and not any(contains(intervals[name], now) for name in actives):
        reasons.append(f"not in active_time_intervals: {', '.join(actives)}")
    return "; ".join(reasons)


def changes_at(route: Route, intervals: Intervals, now: datetime) -> datetime | None:
    """Find when a route that is muted will not be any more.

    Returns:
        The first such minute after now, in UTC; None for a route that is not muted, or is for five years and more.
    """
    if not muted(route, intervals, now):
        return None
    moment = now.astimezone(UTC).replace(second=0, microsecond=0)
    horizon = moment + _HORIZON
    while moment < horizon:
        bounds = list(_muted_until(route, intervals, moment, horizon))
        if not bounds:
            # At `now` itself it is muted: this is a later minute.
            return moment
        moment = max(bounds)
    return None


def _muted_until(route: Route, intervals: Intervals, moment: datetime, horizon: datetime) -> Iterator[datetime]:
    """For each reason why it is muted, how long that holds at least."""
    for each in _elements(route.mute_time_intervals, intervals):
        if contains_wall(each, _wall(each.location, moment)):
            yield _steady_until(each, moment, horizon)
    if route.active_time_intervals:
        actives = list(_elements(route.active_time_intervals, intervals))
        if not any(contains_wall(each, _wall(each.location, moment)) for each in actives):
            yield min((_steady_until(each, moment, horizon) for each in actives), default=horizon)


def _elements(names: Iterable[str], intervals: Intervals) -> Iterator[TimeInterval]:
    return (each for name in names for each in intervals[name].time_intervals)


def _steady_until(interval: TimeInterval, moment: datetime, horizon: datetime) -> datetime:
    """A later moment until which an interval contains every minute, or none, as it does this one."""
    zone = interval.location
    wall, last = _wall(zone, moment), _wall(zone, horizon)
    until = steady_until(interval, wall, last)
    end = horizon if until >= last else _next_at(zone, until, moment)
    if zone is UTC:
        return end
    # Clocks that are put back show anew what was before: within a day that may be other than now.
    return _shift(zone, moment, min(moment + _DAY, end)) or end


def _wall(zone: tzinfo, moment: datetime) -> datetime:
    """What clocks there show."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _next_at(zone: tzinfo, wall: datetime, moment: datetime) -> datetime:
    """The next minute at which clocks there show this, or more because they are put forward over it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        return _shift(zone, second, first) or first
    return first if first > moment else second


def _shift(zone: tzinfo, before: datetime, after: datetime) -> datetime | None:
    """The minute at which clocks there are set between two; None when they are as far from UTC at both."""
    if _offset(zone, before) == _offset(zone, after):
        return None
    while after - before > _MINUTE:
        between = before + (after - before) // _MINUTE // 2 * _MINUTE
        if _offset(zone, between) == _offset(zone, before):
            before = between
        else:
            after = between
    return after


def _offset(zone: tzinfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
