"""What was done about a group, as change events of PagerDuty's: they page nobody, and stand beside the incident.

Source: https://developer.pagerduty.com/docs/events-api-v2/send-change-events/
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from actions._base import link, subject
from actions._pagerduty_event import severity_of, source_of
from actions._pagerduty_incidents import open_incidents
from actions._pagerduty_keys import Keys
from actions._pagerduty_own import EventSettings
from actions._pagerduty_sending import FAR_SIDE, post_event
from actions._plain import paragraphs, plain
from actions._texts import Texts
from alerts.model import Alert
from alerts.notification import Notification, SendError, Thread
from alerts.timeline import Entry
from outbound import Http

_EVENTS = "/enqueue"
_CHANGES = "/change/enqueue"
_MAX_SUMMARY = 1024
_MAX_TEXT = 4_000
_MAX_NAME = 255
_MOST_ALERTS = 20
_OWN = "alert-manager"


def changes_url(events_url: str) -> str:
    """Where change events go, which is beside where events go; "" where that cannot be said."""
    parts = urlsplit(events_url)
    path = parts.path.rstrip("/")
    if not path.endswith(_EVENTS):
        return ""
    return urlunsplit(parts._replace(path=path.removesuffix(_EVENTS) + _CHANGES))


def done(entries: Iterable[Entry]) -> list[Entry]:
    """Those that tell of something that was done; a dry run, a refusal and a question change nothing."""
    return [entry for entry in entries if entry.kind == "remediation" and entry.done]


class Changes:
    """Tells of them.

    Args:
        url: where change events go.
        settings: how bad an alert is for PagerDuty, which may say by which key.
    """

    def __init__(self, http: Http, url: str, settings: EventSettings) -> None:
        self._http = http
        self._url = url
        self._settings = settings

    def tell(
        self, entries: Sequence[Entry], notification: Notification, thread: Thread, keys: Keys, deadline_seconds: float
    ) -> str:
        """Tell of each; what is told again after it was lost, or another was, may be there twice.

        Returns:
            What was taken, in words.

        Raises:
            SendError: one was not taken, or may not have been.
        """
        deadline = time.monotonic() + deadline_seconds
        for entry in entries:
            through = routing_key(entry, notification, thread, self._settings, keys)
            left = deadline - time.monotonic()
            if left <= 0:
                raise SendError(f"{FAR_SIDE}: no time was left")
            event = {"routing_key": through, **change(entry, notification)}
            post_event(self._http, self._url, event, deadline_seconds=left, secrets=keys.secrets)
        return "change event accepted" if len(entries) == 1 else f"{len(entries)} change events accepted"


def change(entry: Entry, notification: Notification) -> dict[str, Any]:
    """The change event, but for whom it is for."""
    alerts = _about(entry, notification)
    summary, text = plain(entry.text, _MAX_SUMMARY).strip(), paragraphs(entry.text, _MAX_TEXT)
    details: dict[str, Any] = {
        "alerts": [plain(f"{alert.name} {subject(alert)}", _MAX_NAME).strip() for alert in alerts[:_MOST_ALERTS]],
        "text": text if text != summary else "",
    }
    if len(alerts) > _MOST_ALERTS:
        details["more_alerts"] = len(alerts) - _MOST_ALERTS
    event: dict[str, Any] = {
        "payload": {
            "summary": summary or "something was done",
            "source": source_of(alerts[0]) if alerts else _OWN,
            "timestamp": entry.at.isoformat(),
            "custom_details": {key: value for key, value in details.items() if value},
        }
    }
    page = link(notification.page_url)
    return {**event, "links": [{"href": page, "text": _OWN}]} if page else event


def routing_key(entry: Entry, notification: Notification, thread: Thread, settings: EventSettings, keys: Keys) -> str:
    """The key that an incident of the alerts that it is about was triggered by, else the one that would trigger one.

    Raises:
        SendError: the file of a key cannot be read.
    """
    held = open_incidents(notification, thread)
    own = [key for key, fingerprints in held.items() if set(fingerprints) & set(entry.about)]
    for dedup_key in own or held:
        if known := keys.through(dedup_key, thread.credential):
            return known[0]
        if keys.unread is not None:
            raise keys.unread
    alerts = _about(entry, notification)
    if not alerts:
        return keys.new("")
    about = replace(notification, group=replace(notification.group, alerts=tuple(alerts)))
    return keys.new(severity_of(about, settings, Texts(about)))


def _about(entry: Entry, notification: Notification) -> list[Alert]:
    return [alert for alert in notification.group.alerts if not entry.about or alert.fingerprint in entry.about]
