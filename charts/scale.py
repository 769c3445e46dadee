"""Scales: where a value and a moment stand, and at which ones there is a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

_TICKS = 5
_MARGIN = 0.08
# A bound that is further away than so many times the largest value would leave of the series a line on the ground.
_FAR = 12.0
_NEARLY_CONSTANT = 0.1
# Units that are told by how a number is written.
_WRITTEN = frozenset(("bytes", "seconds", "share"))
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)


def span(values: Sequence[float], bounds: Sequence[float], from_zero: bool) -> tuple[float, float]:
    """The lowest and the highest value that are to be seen.

    Args:
        values: finite ones.
        bounds: those of them that are not too far away are to be seen, too.
        from_zero: whether a share of something is shown, which is to be seen as one.
    """
    largest = max(map(abs, values), default=0.0)
    seen = [*values, *(each for each in bounds if abs(each) <= _FAR * largest or not largest)]
    low, high = min(seen, default=0.0), max(seen, default=1.0)
    if from_zero or high - low > _NEARLY_CONSTANT * max(abs(low), abs(high)):
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)) or high == low:
        low, high = (low - abs(low) * _MARGIN, high + abs(high) * _MARGIN) if high else (0.0, 1.0)
    room = _MARGIN * (high - low)
    return (low - room if low else low), (high + room if high else high)


def ticks(low: float, high: float, unit: str) -> list[float]:
    """Round values from the one to the other."""
    step = _step((high - low) / _TICKS, unit)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def marks(ticks: Sequence[float], unit: str, write: Callable[[float], str]) -> list[str]:
    """What stands beside ticks: of bare numbers as many decimals as tell them apart, the unit beside the value only."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.0
    if unit in _WRITTEN or not 1e-6 < step < 1e9:
        return [write(tick) for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:,.{decimals}f}" for tick in ticks]


def _step(least: float, unit: str) -> float:
    """A round number that is not below this."""
    if unit == "bytes":
        return 2.0 ** math.ceil(math.log2(least))
    if unit == "seconds" and 1 <= least <= 86_400:
        return float(next(each for each in _SECONDS if each >= least))
    power = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in (1.0, 2.0, 5.0, 10.0) if each * power >= least * (1 - 1e-9))


def moments(start: datetime, end: datetime, most: float) -> Iterator[datetime]:
    """Round moments from the one to the other, in UTC, and not many more than for which there is room."""
    least = (end - start).total_seconds() / max(most, 1.0)
    step = next((each for each in _SECONDS if each >= least), 86_400)
    at = math.ceil(start.timestamp() / step) * step
    while at <= end.timestamp():
        yield datetime.fromtimestamp(0, UTC) + timedelta(seconds=at)
        at += step


def apart(places: Sequence[float], room: float, low: float, high: float) -> list[float]:
    """Moves places, which are in order, so far that there is room between each two, from the low to the high end."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, low if not moved else moved[-1] + room))
    top = high
    for at in range(len(moved) - 1, -1, -1):
        moved[at] = min(moved[at], top)
        top = moved[at] - room
    return moved
