"""Severities in whatever way a team spells them."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.model import Alert, Status
from alerts.severity import Severity, alert_severity, severity, worst, worst_first

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def alert(level: str | None, status: Status = "firing", minutes: int = 0) -> Alert:
    """Returns an alert of that severity that began so many minutes after noon."""
    labels = {} if level is None else {"severity": level}
    return Alert(labels, {}, status, NOON + timedelta(minutes=minutes), None, "", f"{level}{status}{minutes}")


@pytest.mark.parametrize(
    ("expected", "spellings"),
    [
        ("critical", ("critical", "page", "p0", "p1")),
        ("error", ("error", "high", "p2")),
        ("warning", ("warning", "p3")),
        ("info", ("info", "none")),
        ("error", ("", "warn", "fatal", "p4", "критический", "criticality")),
    ],
    ids=["critical", "error", "warning", "info", "anything else"],
)
def test_reads_every_spelling(expected: Severity, spellings: tuple[str, ...]) -> None:
    """Each spelling is read in any letter case, with space around it."""
    cased = [each for text in spellings for each in (text, text.upper(), text.title(), f" {text}\n")]

    assert dict.fromkeys(cased, expected) == {each: severity(each) for each in cased}


def test_missing_severity_is_an_error() -> None:
    """An alert that does not say how bad it is is not taken lightly, nor for the worst."""
    assert "error" == alert_severity(alert(None))


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((), "info"), (("p3", "INFO"), "warning"), (("info", "Page", "error"), "critical"), (("none", "?"), "error")],
    ids=["none", "warning", "critical", "unknown"],
)
def test_worst_of_several(levels: tuple[str, ...], expected: Severity) -> None:
    """The worst severity wins, whatever its spelling and place."""
    assert expected == worst(map(alert, levels))


def test_worst_first_for_a_reader_with_little_room() -> None:
    """Firing alerts come before those that are over, then the worst, then the oldest; equals keep their order."""
    ordered = [
        alert("critical", minutes=1),
        alert("P0", minutes=2),
        alert("page", minutes=2),
        alert("warning"),
        alert("info"),
        alert("critical", "resolved"),
        alert("none", "resolved"),
    ]

    assert ordered == worst_first([ordered[i] for i in (6, 3, 1, 2, 5, 4, 0)])
