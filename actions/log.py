"""The log: a notification as one line. What is used where nothing else is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import structlog

from actions._base import leading, notes, subject, title
from actions._digest import level, numbers
from alerts.notification import Notification, Preview, Receipt, Thread
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
        self._log.info(title(notification), **_fields(notification))
        return Receipt("written to the log", thread)

    def preview(self, notification: Notification) -> Preview:
        """The line's fields."""
        return Preview({"event": title(notification), **_fields(notification)})


def _fields(notification: Notification) -> dict[str, Any]:
    firing, resolved = numbers(notification)
    told = {"severity": level(notification), "firing": firing, "resolved": resolved}
    noted = notes(notification, _MAX_NOTES)
    if notification.digest:
        return {**told, "groups": notification.digest.groups, "notes": noted, "page_url": notification.page_url}
    alert = leading(notification.group)
    description = alert.annotations.get("description", "")
    return {
        **told,
        "summary": alert.summary,
        "description": "" if description == alert.summary else description,
        "subject": subject(alert),
        "notes": noted,
        "runbook_url": alert.annotations.get("runbook_url", ""),
        "findings": {each.title: each.text for each in notification.shown(alert)},
    }
