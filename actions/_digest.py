"""A digest's counts in words, and how bad it is: its group holds the worst alerts only and cannot say."""

from __future__ import annotations

from alerts.notification import Digest, Notification
from alerts.severity import SEVERITIES, Severity, severity, worst


def counted(digest: Digest) -> str:
    """What it tells of: "4,812 alerts in 4,800 groups: 1,204 critical, 3,000 warning firing; 608 resolved"."""
    total = f"{_number(digest.alerts, 'alert')} in {_number(digest.groups, 'group')}"
    by_severity = ", ".join(f"{count:,} {level}" for level, count in firing(digest).items())
    if not by_severity:
        return f"{total}, all resolved" if digest.alerts > 1 else f"{total}, resolved"
    return f"{total}: {by_severity} firing" + (f"; {digest.resolved:,} resolved" if digest.resolved else "")


def firing(digest: Digest) -> dict[Severity, int]:
    """How many alerts fire, the worst severity first; those of which there are none are left out."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for label, count in digest.firing.items():
        counts[severity(label)] += count
    return {level: count for level, count in counts.items() if count > 0}


def over(notification: Notification) -> bool:
    """Whether nothing of what it tells fires."""
    if notification.digest:
        return not firing(notification.digest)
    return notification.group.status == "resolved"


def level(notification: Notification) -> Severity:
    """How bad the worst is that fires; where nothing does, how bad it was."""
    if notification.digest and not over(notification):
        return next(iter(firing(notification.digest)))
    group = notification.group
    return worst(group.firing or group.alerts)


def numbers(notification: Notification) -> tuple[int, int]:
    """How many of its alerts fire and how many are over."""
    digest, group = notification.digest, notification.group
    if digest:
        return sum(firing(digest).values()), digest.resolved
    return len(group.firing), len(group.resolved)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
