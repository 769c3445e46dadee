"""Scales: which values are to be seen, and at which there is a line."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charts import scale

MIB = 1024.0**2
NUMBERS = st.floats(-1e300, 1e300)


@pytest.mark.parametrize(
    ("values", "bounds", "from_zero", "expected"),
    [
        ([100.0, 200.0], [], True, (0, 216)),
        ([100.0, 200.0], [250.0], True, (0, 270)),
        ([100.0, 200.0], [1e6], True, (0, 216)),
        ([-100.0, 100.0], [], True, (-116, 116)),
        # The share that a change is of all is not what an expression is about.
        ([1e9, 1e9 + 100], [], False, (1e9 - 8, 1e9 + 108)),
        ([0.0, 0.0], [], True, (0, 1.08)),
        ([], [256.0], True, (0, 276.48)),
        ([], [], True, (0, 1.08)),
        ([5.0], [], False, (4.536, 5.464)),
    ],
)
def test_shows_what_is_to_be_seen(
    values: list[float], bounds: list[float], from_zero: bool, expected: tuple[float, float]
) -> None:
    """The values, the bounds that are near, and the ground where a share is shown."""
    assert pytest.approx(expected) == scale.span(values, bounds, from_zero)


@pytest.mark.parametrize(
    ("low", "high", "unit", "expected"),
    [
        (0, 276 * MIB, "bytes", [0, 64 * MIB, 128 * MIB, 192 * MIB, 256 * MIB]),
        (0, 0.54, "cores", [0, 0.2, 0.4]),
        (0, 1.08, "share", [0, 0.5, 1.0]),
        (0, 400, "seconds", [0, 120, 240, 360]),
        (-0.6, 0.6, "", [-0.5, 0, 0.5]),
        (0, 3e6, "seconds", [0, 1e6, 2e6, 3e6]),
    ],
)
def test_ticks_are_round(low: float, high: float, unit: str, expected: list[float]) -> None:
    """As people count: bytes by powers of two, seconds by minutes and hours."""
    assert pytest.approx(expected) == scale.ticks(low, high, unit)


def test_marks_have_as_many_decimals_as_tell_them_apart() -> None:
    """The unit stands beside the value, unless it is part of how a number is written."""
    assert ["0.00", "0.05", "0.10"] == scale.marks([0, 0.05, 0.1], "cores", str)
    assert ["0", "1,000"] == scale.marks([0, 1000], "", str)
    assert ["<0>", "<1>"] == scale.marks([0, 1], "bytes", lambda value: f"<{value:g}>")
    assert ["<0>", "<1e+12>"] == scale.marks([0, 1e12], "", lambda value: f"<{value:g}>")
    assert ["<7>"] == scale.marks([7], "", lambda value: f"<{value:g}>")


@given(st.lists(NUMBERS, max_size=5), st.lists(NUMBERS, max_size=3), st.booleans(), st.sampled_from(("", "bytes")))
def test_there_is_a_scale_for_any_values(values: list[float], bounds: list[float], zero: bool, unit: str) -> None:
    """The ends are apart and hold all values; the ticks are few and between them."""
    low, high = scale.span(values, bounds, zero)
    assert math.isfinite(high - low)
    assert low < high
    assert all(low <= each <= high for each in values)
    assert len(scale.ticks(low, high, unit)) <= 7


@pytest.mark.parametrize(("hours", "expected"), [(1, "07:00 07:10"), (6, "02:00 03:00"), (24, "12:00 18:00")])
def test_moments_are_round(hours: int, expected: str) -> None:
    """Of an hour each ten minutes, of a day each six hours: as many as there is room for."""
    end = datetime(2026, 3, 2, 7, 46, 13, tzinfo=UTC)
    found = list(scale.moments(end - timedelta(hours=hours), end, 6.5))
    assert expected in " ".join(f"{each:%H:%M}" for each in found)
    assert len(found) <= 8


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([10.0, 12.0, 50.0], [10, 25, 50]),
        ([95.0, 96.0, 97.0], [70, 85, 100]),
        ([0.0, 100.0], [0, 100]),
        ([], []),
    ],
)
def test_labels_do_not_cover_each_other(places: list[float], expected: list[float]) -> None:
    """They are moved apart, and not beyond the ends."""
    assert expected == scale.apart(places, 15, 0, 100)
