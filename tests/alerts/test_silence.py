"""What a silence of a group hides, and for how long."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.silence import labels_key, shared_labels, silence_end
from tests.samples import NOW, model_alert

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("duration", "hours"), [("1h", 1), ("4h", 4)])
def test_lasts_for_hours(duration: str, hours: int) -> None:
    """From now on."""
    assert NOW + timedelta(hours=hours) == silence_end(duration, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-02T14:00", "2026-03-03T09:00"),
        ("2026-03-02T23:59", "2026-03-03T09:00"),
        ("2026-03-03T02:00", "2026-03-03T09:00"),
        ("2026-03-03T04:00", "2026-03-03T09:00"),
        ("2026-03-03T04:01", "2026-03-04T09:00"),
        ("2026-03-03T08:30", "2026-03-04T09:00"),
        ("2026-03-03T09:00", "2026-03-04T09:00"),
        # Clocks go forward, and back.
        ("2026-03-28T20:00", "2026-03-29T09:00"),
        ("2026-03-29T01:30", "2026-03-29T09:00"),
        ("2026-10-24T20:00", "2026-10-25T09:00"),
    ],
)
def test_lasts_until_the_morning(now: str, expected: str) -> None:
    """The first 9:00 on that zone's clocks that leaves a night, whatever the clocks do in it."""
    end = silence_end("tomorrow", datetime.fromisoformat(now).replace(tzinfo=BERLIN), BERLIN)
    assert (expected, timedelta(0)) == (end.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M"), end.utcoffset())


@pytest.fixture
def in_tokyo() -> Iterator[None]:
    """The machine's own time zone is Tokyo's."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def test_means_the_machines_morning(in_tokyo: None) -> None:
    """Where nothing else is said: 9:00 in Tokyo is midnight in Greenwich."""
    assert datetime(2026, 3, 3, tzinfo=UTC) == silence_end("tomorrow", datetime(2026, 3, 2, 10, tzinfo=UTC))


def test_shares_what_all_have() -> None:
    """A label of which one has another value, or none, is left out; an empty one is no label."""
    alerts = [model_alert("A", pod="a", team="x", zone=""), model_alert("A", pod="b", team="x", zone="")]
    assert {"alertname": "A", "team": "x"} == shared_labels(alerts)
    assert {} == shared_labels([model_alert("A", team="x"), model_alert("B", team="y")])
    assert {} == shared_labels([])


def test_knows_labels_again() -> None:
    """In whatever order they come; another value is another key, and no value passes for a name."""
    assert labels_key({"a": "1", "b": "2"}) == labels_key({"b": "2", "a": "1"})
    keys = [labels_key(each) for each in ({"a": "1"}, {"a": "2"}, {"1": "a"}, {"a": '1", "b'}, {})]
    assert 5 == len(set(keys))
    assert 16 == len(keys[0])
