"""Slack, through an incoming webhook: one message for each state of a group.

Source: https://api.slack.com/messaging/webhooks and https://api.slack.com/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

import units
from actions._base import briefs, leading, link, notes, post_json, said, secret, subject, title
from actions._mrkdwn import escaped, section, whole_lines
from alerts.model import Alert, AlertGroup
from alerts.notification import Gap, Notification, Receipt, SendError, Thread
from alerts.severity import Severity, alert_severity, worst, worst_first
from config.base import ActionSettings, PaceSettings, SecretUrl, require_one
from outbound import Http

_FAR_SIDE = "Slack"
_RESOLVED_COLOUR = "#2eb67d"
_COLOURS: dict[Severity, str] = {
    "critical": "#d40e0d",
    "error": "#e8590c",
    "warning": "#ecb22e",
    "info": "#3a7bd5",
}
_SIGNS: dict[Severity, str] = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}
# Slack's own limits are 3000 a section, 2000 a field, 75 a button, 10 fields, 50 blocks, 13,200 in all: what follows
# adds up to less, after escaping.
_MAX_SECTION = 1_500
_MAX_FIELD = 150
_MAX_LINE = 250
_MAX_NOTES = 600
# Beside the headline, where a phone shows them.
_MAX_NOTES_BESIDE = 150
_MAX_BUTTON_URLS = 3_000
_LISTED_ALERTS = 10
_DETAIL_LABELS = ("namespace", "pod", "container", "instance", "cluster", "severity")


class Settings(ActionSettings):
    """An element of `slack_configs`.

    Attributes:
        channel: only webhooks of the old kind obey it.
    """

    send_resolved: bool = False
    pace: PaceSettings | None = PaceSettings(rate=1.0)
    api_url: SecretUrl | None = None
    api_url_file: Path | None = None
    channel: str | None = None

    digestible: ClassVar[bool] = True
    from_global: ClassVar[Mapping[str, str]] = {
        "api_url": "slack_api_url",
        "api_url_file": "slack_api_url_file",
    }
    from_environment: ClassVar[Mapping[str, str]] = {"api_url": "SLACK_WEBHOOK_URL"}
    example: ClassVar[Mapping[str, Any]] = {"api_url": "https://hooks.slack.com/services/T000/B000/XXXX"}

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        require_one(self, "api_url", "api_url_file")
        return self


class Action:
    """Posts a message."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Post one message."""
        url = secret(self._settings.api_url, self._settings.api_url_file)
        message = _message(notification)
        if self._settings.channel:
            message["channel"] = self._settings.channel
        # The path is what makes the URL a secret; a far side may send back either.
        secrets = [url, url.partition("://")[2].partition("/")[2], url.rstrip("/").rpartition("/")[2]]
        answer = post_json(
            self._http, url, message, deadline_seconds=deadline_seconds, secrets=secrets, far_side=_FAR_SIDE
        )
        if answer.text.strip() != "ok":
            # The Web API's errors come with status 200, and so may a proxy's page.
            raise SendError(f'{_FAR_SIDE}: answered "{said(answer, secrets)}" instead of "ok"')
        return Receipt("posted", thread)


def _message(notification: Notification) -> dict[str, Any]:
    group = notification.group
    level = worst(group.firing or group.alerts)
    alert = leading(group)
    sign = "✅" if group.status == "resolved" else _SIGNS[level]
    headline = f"*{escaped(title(group), _MAX_LINE)}* {escaped(_subject_and_summary(group), 2 * _MAX_LINE)}".rstrip()
    noted = escaped(notes(notification, _MAX_NOTES_BESIDE), _MAX_NOTES_BESIDE)
    noted = f" _({noted})_" if noted else ""
    blocks = [
        *_description(notification, alert),
        *(_alerts(notification) if _told_alerts(group) > 1 else _findings(notification, alert)),
        *_fields(notification, alert),
        *_buttons(notification, alert),
        *_context(notification),
    ]
    return {
        "text": f"{sign} {headline}{noted}",
        "attachments": [
            {
                "color": _RESOLVED_COLOUR if group.status == "resolved" else _COLOURS[level],
                "fallback": escaped(f"{title(group)} {_subject_and_summary(group)}", 2 * _MAX_LINE),
                "blocks": blocks,
            }
        ],
    }


def _description(notification: Notification, alert: Alert) -> list[dict[str, Any]]:
    description = alert.annotations.get("description", "")
    if len(notification.group.alerts) > 1 or not description or description == alert.summary:
        return []
    return [section(escaped(description, _MAX_SECTION))]


def _subject_and_summary(group: AlertGroup) -> str:
    """What a phone shows behind the title: "customer/a-1 and 2 more — Pod is crash looping."."""
    alert = leading(group)
    others = len(group.firing or group.alerts) - 1
    about = subject(alert) + (f" and {others} more" if others and subject(alert) else "")
    return " — ".join(filter(None, (about, alert.summary)))


def _told_alerts(group: AlertGroup) -> int:
    return len(group.alerts) + group.truncated_alerts


def _alerts(notification: Notification) -> list[dict[str, Any]]:
    """Of a larger group: the worst ten, one a line, how many more there are, and what could not be found."""
    group = notification.group
    names = {alert.name for alert in group.alerts}
    lines = []
    for alert in worst_first(group.alerts)[:_LISTED_ALERTS]:
        sign = _SIGNS[alert_severity(alert)] if alert.firing else "✅"
        name = alert.name if len(names) > 1 or not subject(alert) else ""
        # The readings first: a long sentence is cut, not they.
        found = ", ".join(briefs(notification.findings.get(alert.fingerprint, ())))
        text = " — ".join(filter(None, (name, subject(alert), found, alert.summary)))
        lines.append(f"{sign} {escaped(text, _MAX_LINE - 70)}")
    if _told_alerts(group) > len(lines):
        lines.append(f"… and {_told_alerts(group) - len(lines)} more")
    return [section("\n".join(lines)), *_gaps(notification)]


def _gaps(notification: Notification) -> list[dict[str, Any]]:
    """Each reason for a gap once, with the alert it is about, or how many."""
    about: dict[tuple[str, str], list[Alert]] = {}
    for alert in worst_first(notification.group.alerts):
        for each in notification.findings.get(alert.fingerprint, ()):
            if isinstance(each, Gap):
                about.setdefault((each.title, each.reason), []).append(alert)
    lines = []
    for (name, reason), alerts in sorted(about.items(), key=lambda item: -len(item[1])):
        of = subject(alerts[0]) or alerts[0].name if len(alerts) == 1 else f"{len(alerts)} alerts"
        lines.append(f"_{escaped(name, 80)} of {escaped(of, 100)}: {escaped(reason, _MAX_LINE)}_")
    return [section(whole_lines(lines, _MAX_SECTION))] if lines else []


def _findings(notification: Notification, alert: Alert) -> list[dict[str, Any]]:
    lines = []
    for each in notification.findings.get(alert.fingerprint, ()):
        text = escaped(each.text, _MAX_LINE)
        name = escaped(each.title, 80)
        lines.append(f"_{name}: {text}_" if isinstance(each, Gap) else f"*{name}* {text}")
    return [section(whole_lines(lines, _MAX_SECTION))] if lines else []


def _fields(notification: Notification, alert: Alert) -> list[dict[str, Any]]:
    group = notification.group
    labels = alert.labels if len(group.alerts) == 1 else group.common_labels
    named = [(name, labels[name]) for name in _DETAIL_LABELS if labels.get(name)]
    start = min(each.starts_at for each in group.firing or group.alerts)
    named.append(("since", start.strftime("%Y-%m-%d %H:%M:%S UTC")))
    ends = [each.ends_at for each in group.alerts if each.ends_at]
    if group.status == "resolved" and ends:
        named.append(("resolved after", units.duration((max(ends) - start).total_seconds())))
    fields = [{"type": "mrkdwn", "text": f"*{name}*\n{escaped(value, _MAX_FIELD)}"} for name, value in named]
    return [{"type": "section", "fields": fields}]


def _buttons(notification: Notification, alert: Alert) -> list[dict[str, Any]]:
    targets = (
        ("Runbook", alert.annotations.get("runbook_url", "")),
        ("Prometheus", alert.generator_url),
        ("Alertmanager", notification.group.external_url),
        ("Details", notification.page_url),
    )
    buttons: list[dict[str, Any]] = []
    length = 0
    for text, target in targets:
        url = link(target)
        if url and length + len(url) <= _MAX_BUTTON_URLS:
            length += len(url)
            label = {"type": "plain_text", "text": text}
            buttons.append({"type": "button", "text": label, "url": url, "action_id": text.lower()})
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _context(notification: Notification) -> list[dict[str, Any]]:
    group = notification.group
    noted = escaped(notes(notification, _MAX_NOTES), _MAX_NOTES)
    counted = f"{len(group.firing)} firing, {len(group.resolved)} resolved"
    texts = [f"_{noted}_"] * bool(noted) + [f"alert-manager · {escaped(notification.receiver, 100)} · {counted}"]
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": each} for each in texts]}]
