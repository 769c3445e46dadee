"""The parts of the service's own Slack message, as blocks.

Source: https://api.slack.com/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import units
from actions._base import briefs, leading, link, notes, subject
from actions._digest import level, over
from actions._mrkdwn import escaped, paragraphs, preformatted, section, whole_lines
from alerts.model import Alert
from alerts.notification import Gap, Notification
from alerts.severity import Severity, alert_severity, worst_first

Blocks = list[dict[str, Any]]

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
MAX_LINE = 250
_MAX_EXCERPT = 1_300
_MAX_EXCERPTS = 3
_MAX_NOTES = 600
MAX_BUTTON_URLS = 3_000
_LISTED_ALERTS = 10
_DETAIL_LABELS = ("namespace", "pod", "container", "instance", "cluster", "severity")


def look(notification: Notification) -> tuple[str, str]:
    """The colour and the sign of the state, or of the severity while anything fires."""
    if over(notification):
        return _RESOLVED_COLOUR, "✅"
    return _COLOURS[level(notification)], _SIGNS[level(notification)]


def digest(notification: Notification) -> Blocks:
    """Of many groups: the worst ten alerts, one a line, how many more there are, and where all of them are."""
    lines = []
    for alert in worst_first(notification.group.alerts)[:_LISTED_ALERTS]:
        # Ten times a name alone tells nothing: where there is no subject, such as of a node, the sentence stands in.
        name, about = escaped(alert.name, MAX_LINE // 2), escaped(subject(alert) or alert.summary, MAX_LINE // 3)
        lines.append(f"{_sign(alert)} *{name}* {about}".rstrip())
    lines += _more(notification, len(lines))
    return [
        section("\n".join(lines)),
        *buttons([("All of them", notification.page_url)]),
        *context(notification, footer(notification)),
    ]


def description(notification: Notification, alert: Alert) -> Blocks:
    """What a group's one alert says of itself, where it says more than one sentence."""
    description = alert.annotations.get("description", "")
    if len(notification.group.alerts) > 1 or not description or description == alert.summary:
        return []
    return [section(paragraphs(description, _MAX_SECTION))]


def about(notification: Notification) -> str:
    """What a phone shows behind the title: "customer/a-1 and 2 more — Pod is crash looping."."""
    group = notification.group
    alert = leading(group)
    if notification.digest:
        which = "worst: " if notification.digest.alerts > 1 else ""
        return "" if over(notification) else f"— {which}{alert.name} {subject(alert)}".rstrip()
    others = len(group.firing or group.alerts) - 1
    about = subject(alert) + (f" and {others} more" if others and subject(alert) else "")
    return " — ".join(filter(None, (about, alert.summary)))


def told_alerts(notification: Notification) -> int:
    """How many alerts the group has, or the digest tells of."""
    group = notification.group
    return notification.digest.alerts if notification.digest else len(group.alerts) + group.truncated_alerts


def _more(notification: Notification, listed: int) -> list[str]:
    others = told_alerts(notification) - listed
    return [f"… and {others:,} more"] if others > 0 else []


def _sign(alert: Alert) -> str:
    return _SIGNS[alert_severity(alert)] if alert.firing else "✅"


def alerts(notification: Notification) -> Blocks:
    """Of a larger group: the worst ten, one a line, how many more there are, and what could not be found."""
    group = notification.group
    names = {alert.name for alert in group.alerts}
    lines = []
    for alert in worst_first(group.alerts)[:_LISTED_ALERTS]:
        name = alert.name if len(names) > 1 or not subject(alert) else ""
        # The readings first: a long sentence is cut, not they.
        found = ", ".join(briefs(notification.told(alert)))
        text = " — ".join(filter(None, (name, subject(alert), found, alert.summary)))
        lines.append(f"{_sign(alert)} {escaped(text, MAX_LINE - 70)}")
    lines += _more(notification, len(lines))
    return [section("\n".join(lines)), *gaps(notification)]


def readings(notification: Notification) -> Blocks:
    """Of a larger group what was found of the worst ten, one a line: what a list of its alerts would hold beside it."""
    lines = []
    for alert in worst_first(notification.group.alerts)[:_LISTED_ALERTS]:
        if found := ", ".join(briefs(notification.told(alert))):
            lines.append(f"{_sign(alert)} {escaped(f'{subject(alert) or alert.name} — {found}', MAX_LINE - 70)}")
    return ([section("\n".join(lines))] if lines else []) + gaps(notification)


def gaps(notification: Notification) -> Blocks:
    """Each reason for a gap once, with the alert it is about, or how many."""
    about: dict[tuple[str, str], list[Alert]] = {}
    for alert in worst_first(notification.group.alerts):
        for each in notification.shown(alert):
            if isinstance(each, Gap):
                about.setdefault((each.title, each.reason), []).append(alert)
    lines = []
    for (name, reason), alerts in sorted(about.items(), key=lambda item: -len(item[1])):
        of = subject(alerts[0]) or alerts[0].name if len(alerts) == 1 else f"{len(alerts)} alerts"
        lines.append(f"_{escaped(name, 80)} of {escaped(of, 100)}: {escaped(reason, MAX_LINE)}_")
    return [section(whole_lines(lines, _MAX_SECTION))] if lines else []


def findings(notification: Notification, alert: Alert) -> Blocks:
    """What was found of the group's one alert, one a line."""
    lines = []
    for each in notification.told(alert):
        text = escaped(each.text, MAX_LINE)
        name = escaped(each.title, 80)
        lines.append(f"_{name}: {text}_" if isinstance(each, Gap) else f"*{name}* {text}")
    return [section(whole_lines(lines, _MAX_SECTION))] if lines else []


def excerpts(notification: Notification, alert: Alert) -> Blocks:
    """What others say of the one alert that stands for all."""
    of = f" of {escaped(subject(alert) or alert.name, 100)}" if told_alerts(notification) > 1 else ""
    found = notification.excerpts(alert)[:_MAX_EXCERPTS]
    return [section(f"*{escaped(each.title, 80)}*{of}\n{preformatted(each.lines, _MAX_EXCERPT)}") for each in found]


def fields(notification: Notification, alert: Alert) -> Blocks:
    """What it is about, since when, and for how long it was."""
    group = notification.group
    labels = alert.labels if len(group.alerts) == 1 else group.common_labels
    named = [(name, labels[name]) for name in _DETAIL_LABELS if labels.get(name)]
    start = min(each.starts_at for each in group.firing or group.alerts)
    named.append(("since", start.strftime("%Y-%m-%d %H:%M:%S UTC")))
    ends = [each.ends_at for each in group.alerts if each.ends_at]
    if group.status == "resolved" and ends:
        named.append(("resolved after", units.duration((max(ends) - start).total_seconds())))
    texts = [f"*{name}*\n{escaped(value, _MAX_FIELD)}" for name, value in named]
    return [{"type": "section", "fields": [{"type": "mrkdwn", "text": each} for each in texts]}]


def targets(notification: Notification, alert: Alert) -> list[tuple[str, str]]:
    """Where to go on: words and URLs, which may be none."""
    return [
        ("Runbook", alert.annotations.get("runbook_url", "")),
        ("Prometheus", alert.generator_url),
        ("Alertmanager", notification.group.external_url),
        ("Details", notification.page_url),
    ]


def buttons(targets: Iterable[tuple[str, str]]) -> Blocks:
    """A row of buttons for the URLs that lead somewhere."""
    made: Blocks = []
    length = 0
    for text, target in targets:
        url = link(target)
        if url and length + len(url) <= MAX_BUTTON_URLS:
            length += len(url)
            label = {"type": "plain_text", "text": text}
            made.append({"type": "button", "text": label, "url": url, "action_id": text.lower()})
    return [{"type": "actions", "elements": made}] if made else []


def context(notification: Notification, footer: str) -> Blocks:
    """The notes, and whose message it is."""
    noted = escaped(notes(notification, _MAX_NOTES), _MAX_NOTES)
    texts = [f"_{noted}_"] * bool(noted) + [footer] * bool(footer.strip())
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": each} for each in texts]}] if texts else []


def footer(notification: Notification) -> str:
    """Whose message it is: "alert-manager · on-call · 2 firing, 0 resolved"."""
    group = notification.group
    said = f"{len(group.firing)} firing, {len(group.resolved)} resolved"
    if notification.digest:
        said = "more came than can be told one by one"
    return f"alert-manager · {escaped(notification.receiver, 100)} · {said}"
