"""What has changed of a group since a destination was told of it last, in words."""

from __future__ import annotations

from collections.abc import Sequence

import units
from actions._base import subject
from actions._digest import level
from alerts.model import Alert
from alerts.notification import Notification, Thread
from alerts.severity import SEVERITIES, severity, worst_first

_NAMED = 10


def changes(notification: Notification, thread: Thread) -> tuple[str, bool]:
    """Say what is new, worse or over, plain and one a line; and whether that is to be heard.

    Returns:
        "" where nothing is.
    """
    group = notification.group
    held = set(thread.open_fingerprints)
    new = [alert for alert in group.firing if alert.fingerprint not in held]
    over = [alert for alert in group.resolved if alert.fingerprint in held]
    now = level(notification)
    grew = bool(group.firing and thread.level) and SEVERITIES.index(now) < SEVERITIES.index(severity(thread.level))
    lines = []
    if new:
        lines.append(f"🔴 {len(new)} new: {_names(new)}")
    if grew:
        lines.append(f"worse: {thread.level} → {now}")
    if over:
        lines.append(f"✅ {len(over)} resolved{_lasted(over)}: {_names(over)}")
    return "\n".join(lines), bool(new) or grew


def _names(alerts: Sequence[Alert]) -> str:
    names = [subject(alert) or alert.name for alert in worst_first(alerts)[:_NAMED]]
    more = f" and {len(alerts) - len(names)} more" if len(alerts) > len(names) else ""
    return ", ".join(names) + more


def _lasted(alerts: Sequence[Alert]) -> str:
    ends = [alert.ends_at for alert in alerts if alert.ends_at]
    if not ends:
        return ""
    return f" after {units.duration(max(0.0, (max(ends) - min(a.starts_at for a in alerts)).total_seconds()))}"
