"""What is said of a watchdog that is silent, and of its return. Pure: the clock is an argument."""

from __future__ import annotations

from datetime import datetime

import units
from alerts.model import AlertGroup
from outbox import announcing

GROUP_KEY = "watchdog:"
"""What the keys of these groups begin with."""

_LOOK_AT = (
    "Alerts may not reach anybody meanwhile. Look, in this order: whether it fires in Prometheus (/alerts); whether"
    " Prometheus reaches Alertmanager (prometheus_notifications_errors_total, and Alertmanager's page); whether"
    " Alertmanager's route leads here, with a repeat_interval and a group_interval below the time allowed, and no"
    " silence hides it; whether its webhook gets through (alertmanager_notifications_failed_total, its log); whether"
    " this service takes it (alert_manager_events_total, its log, /status)."
)


def silent(
    key: str, name: str, within_seconds: float, since: datetime, heard_at: datetime | None, *, unbroken: bool
) -> AlertGroup:
    """The message that it is silent.

    Args:
        name: its matchers.
        since: when it was heard of last, or listening for it began.
        heard_at: when it came last, as the clock was then; None where it never did.
        unbroken: it has been listened for ever since.
    """
    allowed = units.duration(within_seconds)
    summary = f"{name} has not come for {allowed}"
    expected = f"It is expected at least every {allowed}, and was heard of last at {_shown(since)}."
    if heard_at is None:
        summary = f"{name} has never come, and is expected at least every {allowed}"
        expected = f"It is listened for since {_shown(since)}."
    elif not unbroken:
        expected = (
            f"It is expected at least every {allowed}. It came last at {_shown(heard_at)}; then nobody could listen,"
            f" until {_shown(since)}."
        )
    return _group(key, name, summary, since, None, f"{expected} {_LOOK_AT}")


def back(key: str, name: str, since: datetime, now: datetime, *, removed: bool) -> AlertGroup:
    """The message that this is over.

    Args:
        since: as it was said.
        removed: it has not come: it is expected no more.
    """
    ends_at = max(now, since)
    lasted = units.duration((ends_at - since).total_seconds())
    summary = f"{name} is not expected any more: no configuration names it"
    if not removed:
        summary = f"{name} is back after {lasted}"
    return _group(key, name, summary, since, ends_at)


def _group(
    key: str, name: str, summary: str, since: datetime, ends_at: datetime | None, description: str = ""
) -> AlertGroup:
    said = {"summary": summary} | ({"description": description} if description else {})
    return announcing.own_group(
        f"{GROUP_KEY}{key}", "WatchdogSilent", {"watchdog": name}, "critical", said, since, ends_at
    )


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
