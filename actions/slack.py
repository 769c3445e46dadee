"""Slack, through an incoming webhook: one message for each state of a group.

Source: https://api.slack.com/messaging/webhooks and https://api.slack.com/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

import units
from actions._base import briefs, leading, link, notes, post_json, said, secret, subject, title
from actions._digest import level, over
from actions._mrkdwn import escaped, paragraphs, preformatted, section, whole_lines
from alerts.model import Alert
from alerts.notification import Gap, Notification, Receipt, SendError, Thread
from alerts.severity import Severity, alert_severity, worst_first
from config.base import PaceSettings, SecretUrl, require_one
from config.http_config import HttpActionSettings
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
_MAX_EXCERPT = 1_300
_MAX_EXCERPTS = 3
_MAX_NOTES = 600
# Beside the headline, where a phone shows them.
_MAX_NOTES_BESIDE = 150
_MAX_BUTTON_URLS = 3_000
_LISTED_ALERTS = 10
_DETAIL_LABELS = ("namespace", "pod", "container", "instance", "cluster", "severity")


class Settings(HttpActionSettings):
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
        **HttpActionSettings.from_global,
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
            self._http,
            url,
            message,
            deadline_seconds=self._settings.within(deadline_seconds),
            secrets=secrets,
            far_side=_FAR_SIDE,
        )
        if answer.text.strip() != "ok":
            # The Web API's errors come with status 200, and so may a proxy's page.
            raise SendError(f'{_FAR_SIDE}: answered "{said(answer, secrets)}" instead of "ok"')
        return Receipt("posted", thread)


def _message(notification: Notification) -> dict[str, Any]:
    colour = _RESOLVED_COLOUR if over(notification) else _COLOURS[level(notification)]
    sign = "✅" if over(notification) else _SIGNS[level(notification)]
    named, about = title(notification), _about(notification)
    headline = f"*{escaped(named, _MAX_LINE)}* {escaped(about, 2 * _MAX_LINE)}".rstrip()
    noted = escaped(notes(notification, _MAX_NOTES_BESIDE), _MAX_NOTES_BESIDE)
    attachment = {
        "color": colour,
        "fallback": escaped(f"{named} {about}", 2 * _MAX_LINE),
        "blocks": _digest(notification) if notification.digest else _group(notification),
    }
    return {"text": f"{sign} {headline}" + (f" _({noted})_" if noted else ""), "attachments": [attachment]}


def _group(notification: Notification) -> list[dict[str, Any]]:
    group = notification.group
    alert = leading(group)
    return [
        *_description(notification, alert),
        *(_alerts(notification) if _told_alerts(notification) > 1 else _findings(notification, alert)),
        *_excerpts(notification, alert),
        *_fields(notification, alert),
        *_buttons(_targets(notification, alert)),
        *_context(notification, f"{len(group.firing)} firing, {len(group.resolved)} resolved"),
    ]


def _digest(notification: Notification) -> list[dict[str, Any]]:
    """Of many groups: the worst ten alerts, one a line, how many more there are, and where all of them are."""
    lines = []
    for alert in worst_first(notification.group.alerts)[:_LISTED_ALERTS]:
        # Ten times a name alone tells nothing: where there is no subject, such as of a node, the sentence stands in.
        name, about = escaped(alert.name, _MAX_LINE // 2), escaped(subject(alert) or alert.summary, _MAX_LINE // 3)
        lines.append(f"{_sign(alert)} *{name}* {about}".rstrip())
    lines += _more(notification, len(lines))
    return [
        section("\n".join(lines)),
        *_buttons([("All of them", notification.page_url)]),
        *_context(notification, "more came than can be told one by one"),
    ]


def _description(notification: Notification, alert: Alert) -> list[dict[str, Any]]:
    description = alert.annotations.get("description", "")
    if len(notification.group.alerts) > 1 or not description or description == alert.summary:
        return []
    return [section(paragraphs(description, _MAX_SECTION))]


def _about(notification: Notification) -> str:
    """What a phone shows behind the title: "customer/a-1 and 2 more — Pod is crash looping."."""
    group = notification.group
    alert = leading(group)
    if notification.digest:
        which = "worst: " if notification.digest.alerts > 1 else ""
        return "" if over(notification) else f"— {which}{alert.name} {subject(alert)}".rstrip()
    others = len(group.firing or group.alerts) - 1
    about = subject(alert) + (f" and {others} more" if others and subject(alert) else "")
    return " — ".join(filter(None, (about, alert.summary)))


def _told_alerts(notification: Notification) -> int:
    group = notification.group
    return notification.digest.alerts if notification.digest else len(group.alerts) + group.truncated_alerts


def _more(notification: Notification, listed: int) -> list[str]:
    others = _told_alerts(notification) - listed
    return [f"… and {others:,} more"] if others > 0 else []


def _sign(alert: Alert) -> str:
    return _SIGNS[alert_severity(alert)] if alert.firing else "✅"


def _alerts(notification: Notification) -> list[dict[str, Any]]:
    """Of a larger group: the worst ten, one a line, how many more there are, and what could not be found."""
    group = notification.group
    names = {alert.name for alert in group.alerts}
    lines = []
    for alert in worst_first(group.alerts)[:_LISTED_ALERTS]:
        name = alert.name if len(names) > 1 or not subject(alert) else ""
        # The readings first: a long sentence is cut, not they.
        found = ", ".join(briefs(notification.told(alert)))
        text = " — ".join(filter(None, (name, subject(alert), found, alert.summary)))
        lines.append(f"{_sign(alert)} {escaped(text, _MAX_LINE - 70)}")
    lines += _more(notification, len(lines))
    return [section("\n".join(lines)), *_gaps(notification)]


def _gaps(notification: Notification) -> list[dict[str, Any]]:
    """Each reason for a gap once, with the alert it is about, or how many."""
    about: dict[tuple[str, str], list[Alert]] = {}
    for alert in worst_first(notification.group.alerts):
        for each in notification.shown(alert):
            if isinstance(each, Gap):
                about.setdefault((each.title, each.reason), []).append(alert)
    lines = []
    for (name, reason), alerts in sorted(about.items(), key=lambda item: -len(item[1])):
        of = subject(alerts[0]) or alerts[0].name if len(alerts) == 1 else f"{len(alerts)} alerts"
        lines.append(f"_{escaped(name, 80)} of {escaped(of, 100)}: {escaped(reason, _MAX_LINE)}_")
    return [section(whole_lines(lines, _MAX_SECTION))] if lines else []


def _findings(notification: Notification, alert: Alert) -> list[dict[str, Any]]:
    lines = []
    for each in notification.told(alert):
        text = escaped(each.text, _MAX_LINE)
        name = escaped(each.title, 80)
        lines.append(f"_{name}: {text}_" if isinstance(each, Gap) else f"*{name}* {text}")
    return [section(whole_lines(lines, _MAX_SECTION))] if lines else []


def _excerpts(notification: Notification, alert: Alert) -> list[dict[str, Any]]:
    """What others say of the one alert that stands for all."""
    of = f" of {escaped(subject(alert) or alert.name, 100)}" if _told_alerts(notification) > 1 else ""
    found = notification.excerpts(alert)[:_MAX_EXCERPTS]
    return [section(f"*{escaped(each.title, 80)}*{of}\n{preformatted(each.lines, _MAX_EXCERPT)}") for each in found]


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


def _targets(notification: Notification, alert: Alert) -> list[tuple[str, str]]:
    return [
        ("Runbook", alert.annotations.get("runbook_url", "")),
        ("Prometheus", alert.generator_url),
        ("Alertmanager", notification.group.external_url),
        ("Details", notification.page_url),
    ]


def _buttons(targets: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    buttons: list[dict[str, Any]] = []
    length = 0
    for text, target in targets:
        url = link(target)
        if url and length + len(url) <= _MAX_BUTTON_URLS:
            length += len(url)
            label = {"type": "plain_text", "text": text}
            buttons.append({"type": "button", "text": label, "url": url, "action_id": text.lower()})
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _context(notification: Notification, said: str) -> list[dict[str, Any]]:
    noted = escaped(notes(notification, _MAX_NOTES), _MAX_NOTES)
    texts = [f"_{noted}_"] * bool(noted) + [f"alert-manager · {escaped(notification.receiver, 100)} · {said}"]
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": each} for each in texts]}]
