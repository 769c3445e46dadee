"""The log: a notification as one line. What is used where nothing else is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import structlog

from actions._base import leading, notes, subject, title
from alerts.notification import Notification, Receipt, Thread
from alerts.severity import worst
from config.base import ActionSettings
from outbound import Http

_MAX_NOTES = 600


class Settings(ActionSettings):
    """An element of `log_configs`."""

    example: ClassVar[Mapping[str, Any]] = {}


class Action:
    """Writes to the service's own log."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._log = structlog.get_logger("notification")

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Write one line; it cannot fail."""
        group = notification.group
        alert = leading(group)
        self._log.info(
            title(group),
            severity=worst(group.firing or group.alerts),
            summary=alert.summary,
            subject=subject(alert),
            firing=len(group.firing),
            resolved=len(group.resolved),
            runbook_url=alert.annotations.get("runbook_url", ""),
            notes=notes(notification, _MAX_NOTES),
            findings={each.title: each.text for each in notification.findings.get(alert.fingerprint, ())},
        )
        return Receipt("written to the log", thread)
