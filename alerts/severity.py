"""How bad an alert is, from its `severity` label in whatever way a team spells it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from alerts.model import Alert

Severity = Literal["critical", "error", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning", "info")
"""Worst first."""

_SPELLINGS: dict[str, Severity] = {
    **dict.fromkeys(("critical", "page", "p0", "p1"), "critical"),
    **dict.fromkeys(("error", "high", "p2"), "error"),
    **dict.fromkeys(("warning", "p3"), "warning"),
    **dict.fromkeys(("info", "none"), "info"),
}


def severity(label: str) -> Severity:
    """Read a severity label in any letter case; what is unknown, or missing, is an error."""
    return _SPELLINGS.get(label.strip().lower(), "error")


def alert_severity(alert: Alert) -> Severity:
    """The severity of one alert."""
    return severity(alert.labels.get("severity", ""))


def worst(alerts: Iterable[Alert]) -> Severity:
    """The worst severity among alerts; "info" when there are none."""
    return min(map(alert_severity, alerts), key=SEVERITIES.index, default="info")


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Order alerts for a reader with little room: firing before resolved, worst before better, old before new."""
    return sorted(alerts, key=lambda a: (not a.firing, SEVERITIES.index(alert_severity(a)), a.starts_at))
