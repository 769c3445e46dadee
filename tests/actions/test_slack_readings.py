"""Readings in a Slack message: bars for what has a limit, marks for what has a threshold, a table of both."""

import math
from dataclasses import replace
from typing import Any

import pytest

from actions._slack_readings import bar, briefest, mark, sentences, table
from alerts.findings import Gap, Reading
from tests.actions.notifications import CPU, MEMORY, NO_MEMORY, START

VALUE = Reading("expression", "value", 2.11, "", START, "q", note="fires > 0.5", threshold=0.5)
NEIGHBOURS = Reading(
    "neighbours",
    "also firing",
    3,
    "alerts",
    START,
    "",
    note="this pod: HighMemory (critical); node n-1: DiskFull, Slow",
)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "▱▱▱▱▱▱▱▱▱▱"),
        (0.001, "▰▱▱▱▱▱▱▱▱▱"),
        (0.5, "▰▰▰▰▰▱▱▱▱▱"),
        (0.84, "▰▰▰▰▰▰▰▰▱▱"),
        (0.999, "▰▰▰▰▰▰▰▰▰▱"),
        (1.0, "▰▰▰▰▰▰▰▰▰▰"),
        (1e300, "▰▰▰▰▰▰▰▰▰▰"),
        (-1.0, "▱▱▱▱▱▱▱▱▱▱"),
        (math.nan, ""),
        (math.inf, ""),
    ],
)
def test_a_bar_is_full_only_at_the_limit(share: float, expected: str) -> None:
    """And empty only where nothing is used; of what is no number there is none."""
    assert expected == bar(share)


@pytest.mark.parametrize(
    ("value", "threshold", "expected"),
    [(2.0, 1.0, "▲"), (1.0, 2.0, "▼"), (1.0, 1.0, "="), (1.0, None, ""), (math.nan, 1.0, ""), (1.0, math.nan, "▼")],
)
def test_marks_how_a_value_stands_to_its_threshold(value: float, threshold: float | None, expected: str) -> None:
    """Above, below or at it; without a threshold there is no mark."""
    assert expected == mark(replace(VALUE, value=value, threshold=threshold))


def fields(made: list[dict[str, Any]]) -> list[str]:
    """Returns the fields of a table."""
    return [each["text"] for block in made for each in block["fields"]]


def test_a_table_has_a_cell_for_each_short_reading() -> None:
    """Its name, its bar or mark, its value, and what else is known of it; gaps and long ones stand elsewhere."""
    expected = [
        "*value*\n▲ 2.11\nfires &gt; 0.5",
        "*CPU* ▰▰▰▰▰▰▰▰▱▱ 84%\n0.42 of 0.50 cores, request 0.25 cores\nthrottled 12% of the time",
        "*memory* ▰▰▰▰▰▰▰▰▰▱ 86%\n220 MiB of 256 MiB",
    ]
    found: list[Reading | Gap] = [VALUE, replace(CPU, note="throttled 12% of the time"), NO_MEMORY, MEMORY, NEIGHBOURS]
    assert expected == fields(table(found))
    assert ["*also firing* 3 alerts; this pod: HighMemory (critical); node n-1: DiskFull, Slow"] == sentences(found)


def test_a_table_says_whose_it_is() -> None:
    """Where that is not plain."""
    (block,) = table([CPU], "*shop/cart-1*")
    assert "*shop/cart-1*" == block["text"]["text"]
    assert "text" not in table([CPU])[0]


def test_nothing_short_makes_no_table() -> None:
    """Slack refuses one without cells."""
    assert [] == table([NO_MEMORY, NEIGHBOURS], "*x*")
    assert [] == sentences([CPU, NO_MEMORY])


def test_a_table_has_ten_cells_at_most() -> None:
    """More Slack refuses."""
    assert 10 == len(fields(table([CPU] * 30)))


def test_a_nameless_reading_has_a_name() -> None:
    """A cell of nothing but marks would be none."""
    assert fields(table([replace(CPU, title="\u202e\x00")]))[0].startswith("*value* ▰")


def test_the_fewest_words_are_shares() -> None:
    """Else the value with its mark; what is unknown is not told there."""
    assert "CPU 84%, value ▲ 2.11" == briefest([CPU, VALUE, NO_MEMORY])
    assert "" == briefest([NO_MEMORY])


def test_what_is_over_its_limit_says_so() -> None:
    """The bar is full, the number tells by how much."""
    assert ["*CPU* ▰▰▰▰▰▰▰▰▰▰ 130%\n0.65 of 0.50 cores, request 0.25 cores"] == fields(
        table([replace(CPU, value=0.65)])
    )
