"""When it is told that payloads were lost, and in what words."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from outbox.losses import LossKind, LossSaid, loss_step, loss_summary
from tests.samples import NOW

NONE = LossSaid(NOW)
SAID = LossSaid(NOW, before=2, newest=5, told=("root/log/0",), over=False)


def ago(seconds: float) -> datetime:
    """A moment before now."""
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("said", "newest", "said_at", "expected"),
    [
        (NONE, 0, None, None),
        (NONE, 1, None, "begin"),
        (SAID, 6, ago(599), None),
        (SAID, 6, ago(600), "update"),
        (SAID, 6, ago(-600), "update"),
        (SAID, 5, ago(3_599), None),
        (SAID, 5, ago(3_600), "end"),
        (SAID, 6, ago(3_600), "update"),
        (SAID, 0, ago(3_600), "end"),
        (replace(SAID, over=True), 5, ago(3_600), None),
        (replace(SAID, over=True), 6, ago(599), None),
        (replace(SAID, over=True), 6, ago(600), "begin"),
    ],
)
def test_says_it_now_and_then(said: LossSaid, newest: int, said_at: datetime | None, expected: str | None) -> None:
    """At most once in ten minutes, and that it is over after an hour."""
    assert expected == loss_step(said, newest, said_at, NOW)


@pytest.mark.parametrize(
    ("kind", "count", "expected"),
    [
        ("rejected", 1, "alert-manager rejected 1 webhook body: is not JSON"),
        ("rejected", 3, "alert-manager rejected 3 webhook bodies: is not JSON"),
        ("unplanned", 2, "alert-manager could not plan 2 accepted payloads, and told nobody: is not JSON"),
    ],
)
def test_counts_them(kind: LossKind, count: int, expected: str) -> None:
    """How many, and the last one's error."""
    assert expected == loss_summary(kind, count, "is not JSON")
