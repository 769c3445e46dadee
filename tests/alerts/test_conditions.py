"""Conditions on readings: how they are written, and what they make of what was found."""

from datetime import UTC, datetime

import pytest

from alerts.conditions import Condition, parse_condition, unwanted
from alerts.findings import Excerpt, Finding, Gap, Reading
from tests.samples import NOW, model_alert

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
A, B = model_alert("A"), model_alert("B")


def memory(value: float, limit: float | None = 100.0) -> Reading:
    """A reading of so many bytes."""
    return Reading("memory", "memory", value, "bytes", NOON, "up", limit=limit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("memory.share > 0.9", ("memory", "share", ">", 0.9)),
        (" memory.share>90% ", ("memory", "share", ">", 0.9)),
        ("memory.share > 90 %", ("memory", "share", ">", 0.9)),
        ("memory > 512 MiB", ("memory", "value", ">", 512 * 2**20)),
        ("memory >= 512MiB", ("memory", "value", ">=", 512 * 2**20)),
        ("restarts.value != 3", ("restarts", "value", "!=", 3)),
        ("age < 5m", ("age", "value", "<", 300)),
        ("cpu.limit <= -1e3", ("cpu", "limit", "<=", -1_000)),
        ("cpu.request == 0", ("cpu", "request", "==", 0)),
    ],
)
def test_reads_a_condition(text: str, expected: tuple[object, ...]) -> None:
    """A reading, one of its numbers, and what it is held against, in the units that people write."""
    found = parse_condition(text)
    assert expected == (found.reading, found.field, found.operator, found.bound)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no condition such as"),
        ("memory", "is no condition such as"),
        ("memory > ", "is no condition such as"),
        ("memory > 1 and cpu > 2", "is no condition such as"),
        ("memory.size > 1", "a reading has value, share, request, limit, and no size"),
        ("memory.share > 90", "a share is from 0 to 1; write 90%"),
        ("memory > 1 and", "'1 and' is no number such as"),
        ("memory > much", "'much' is no number such as"),
        ("memory > nan", "'nan' is no number such as"),
        ("memory > inf", "'inf' is no number such as"),
        ("memory > %", "'%' is no number such as"),
    ],
)
def test_says_what_is_no_condition(text: str, reason: str) -> None:
    """And what one looks like."""
    with pytest.raises(ValueError, match=reason):
        parse_condition(text)


SHARE = parse_condition("memory.share > 0.9")


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([memory(95)], None),
        ([memory(42)], "memory.share > 0.9: it is 0.42"),
        ([memory(42), memory(95)], None),
        # What is missing silences nobody: no answer, no such reading, no limit to have a share of.
        ([Gap("memory", "memory", "Prometheus timed out")], None),
        ([memory(42), Gap("memory", "memory limit", "Prometheus timed out")], None),
        ([], None),
        ([memory(42, None)], None),
        ([Excerpt("memory", "memory", ("42",), NOW)], None),
    ],
)
def test_judges_by_what_was_found(findings: list[Finding], expected: str | None) -> None:
    """The reason says what it is instead."""
    assert expected == SHARE.failing(findings)


def test_one_alert_of_a_group_is_enough() -> None:
    """Where all conditions hold for one alert all are told; where for none, the reason is the first one's."""
    both: tuple[Condition, ...] = (SHARE, parse_condition("memory < 99"))
    low, high, full = [memory(42)], [memory(95)], [memory(100)]
    assert None is unwanted(both, [A, B], {A.fingerprint: low, B.fingerprint: high})
    expected = "memory.share > 0.9: it is 0.42"
    assert expected == unwanted(both, [A, B], {A.fingerprint: low, B.fingerprint: full})
    assert "memory < 99: it is 100" == unwanted(both, [B], {B.fingerprint: full})
    assert None is unwanted((), [A], {A.fingerprint: low})
    assert None is unwanted(both, [A], {})
