"""What a picture shows of a reading."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.findings import Reading
from alerts.picture import picture
from tests.samples import NOW, model_alert

READING = Reading(
    "memory", "memory", 220.0, "bytes", NOW, "sum(x)", request=128.0, limit=256.0, note="growing", drawn=True
)
ALERT = model_alert("Crash", namespace="shop", pod="cart-1")


def test_says_all_that_is_to_be_known() -> None:
    """What is asked of whom, of what it is, what bounds it, and what it says in words."""
    shown = picture(ALERT, READING, "west")
    assert shown is not None
    assert ("west", "memory", "shop/cart-1 · Crash", "sum(x)") == (
        shown.prometheus,
        shown.title,
        shown.about,
        shown.query,
    )
    assert (("request", 128.0), ("limit", 256.0)) == shown.bounds
    expected = "memory (shop/cart-1 · Crash) over the 1h before 07:31 UTC: 220 B of 256 B (86%), request 128 B; growing"
    assert expected == shown.alt


@pytest.mark.parametrize("reading", [replace(READING, drawn=False), replace(READING, query="")])
def test_of_some_readings_there_is_none(reading: Reading) -> None:
    """A count tells as much as its picture would; and without a query there is nothing to ask."""
    assert picture(ALERT, reading, "") is None


@pytest.mark.parametrize(
    ("fired_for", "expected"),
    [
        (timedelta(), timedelta(hours=1)),
        (timedelta(minutes=20), timedelta(hours=1, minutes=20)),
        (timedelta(hours=5), timedelta(hours=6)),
        (timedelta(days=9), timedelta(hours=6)),
        (timedelta(minutes=-3), timedelta(hours=1)),
    ],
)
def test_begins_an_hour_before_the_alert(fired_for: timedelta, expected: timedelta) -> None:
    """And ends when the reading was taken; of what fires for long the last six hours are shown."""
    shown = picture(replace(ALERT, starts_at=NOW - fired_for), READING, "")
    assert shown is not None
    assert expected == shown.at - shown.start
