"""The parts of the service's own Slack message, as blocks.

Source: https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from actions._base import leading, link, notes, subject
from actions._changes import lasted
from actions._mrkdwn import AGO, context, line, moment, paragraphs, preformatted, section, whole_lines
from actions._silence_link import silence_link
from actions._slack_readings import briefest
from actions._slack_state import sign
from alerts.findings import Gap
from alerts.model import Alert
from alerts.notification import Notification
from alerts.severity import worst_first

Blocks = list[dict[str, Any]]

# Slack's own limits are 3000 a section, 2000 a field, 75 a button, 10 fields, 50 blocks, 13,200 in all; what is too
# much together gives way (`_slack_fitting.py`).
_MAX_SECTION = 1_500
MAX_LINE = 250
_MAX_EXCERPT = 1_300
_MAX_EXCERPTS = 3
_MAX_NOTES = 600
MAX_BUTTON_URLS = 3_000
_LISTED_ALERTS = 10
_AT_ONCE = timedelta(minutes=1)


def digest(notification: Notification) -> Blocks:
    """Of many groups: the worst ten alerts, one a line, how many more there are, and where all of them are."""
    lines = []
    for alert in worst_first(notification.group.alerts)[:_LISTED_ALERTS]:
        # Ten times a name alone tells nothing: where there is no subject, such as of a node, the sentence stands in.
        name, about = line(alert.name, MAX_LINE // 2), line(subject(alert) or alert.summary, MAX_LINE // 3)
        lines.append(f"{sign(alert)} *{name}* {about}".rstrip())
    lines += _more(notification, len(lines))
    return [
        section("\n".join(lines)),
        *buttons([("All of them", notification.page_url)]),
        *small_print(notification, footer(notification)),
    ]


def description(notification: Notification, alert: Alert) -> Blocks:
    """What a group's one alert says of itself, where it fires and says more than one sentence."""
    description = alert.annotations.get("description", "")
    if not alert.firing or len(notification.group.alerts) > 1 or not description.strip():
        return []
    return [] if description == alert.summary else [section(paragraphs(description, _MAX_SECTION))]


def told_alerts(notification: Notification) -> int:
    """How many alerts the group has, or the digest tells of."""
    group = notification.group
    return notification.digest.alerts if notification.digest else len(group.alerts) + group.truncated_alerts


def _more(notification: Notification, listed: int) -> list[str]:
    others = told_alerts(notification) - listed
    return [f"… and {others:,} more"] if others > 0 else []


def alerts(notification: Notification, new: Container[str]) -> Blocks:
    """Of a larger group: the worst ten, one a line, and how many more there are.

    Args:
        new: the fingerprints of those that the reader has not heard of.
    """
    group = notification.group
    listed = worst_first(group.alerts)[:_LISTED_ALERTS]
    namespace = group.common_labels.get("namespace", "")
    starts = [each.starts_at for each in listed if each.firing]
    told = _Told(
        names=len({each.name for each in group.alerts}) > 1,
        ages=bool(starts) and max(starts) - min(starts) > _AT_ONCE,
        said=leading(group).summary,
        namespace=f"{namespace}/" if namespace else "",
        new=new,
    )
    lines = [_line(notification, each, told) for each in listed]
    return [section("\n".join([*lines, *_more(notification, len(lines))]))]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the lines of a list need not repeat, or must tell apart.

    Attributes:
        names: the alerts have several.
        ages: they did not begin at once.
        said: what the top line says already.
        namespace: what the subjects of all begin with, or "".
        new: the fingerprints of those that the reader has not heard of.
    """

    names: bool
    ages: bool
    said: str
    namespace: str
    new: Container[str]


def _line(notification: Notification, alert: Alert, told: _Told) -> str:
    """One alert: "🔴 🆕 shop/cart-1 · 12 minutes ago — CPU 84% — It is slow."."""
    # The namespace that all share is said above.
    about = subject(alert).removeprefix(told.namespace)
    called = line(f"{alert.name} {about}" if told.names and about else about or alert.name, 110)
    if not alert.firing:
        after = lasted([alert])
        return f"{sign(alert)} {called}" + (f" — over after {after}" if after else "")
    since = f" · {moment(alert.starts_at, AGO)}" if told.ages else ""
    mark = "🆕 " if alert.fingerprint in told.new else ""
    # The readings first: a long sentence is cut, not they.
    found = briefest(notification.told(alert))
    said = alert.summary if alert.summary != told.said else ""
    behind = line(" — ".join(filter(None, (found, said))), 120)
    return f"{sign(alert)} {mark}{called}{since}" + (f" — {behind}" if behind else "")


def readings(notification: Notification) -> Blocks:
    """Of a larger group what was found of the worst ten, one a line: what a list of its alerts would hold beside it."""
    lines = []
    for alert in worst_first(notification.group.firing)[:_LISTED_ALERTS]:
        if found := briefest(notification.told(alert)):
            lines.append(f"{sign(alert)} {line(f'{subject(alert) or alert.name} — {found}', MAX_LINE - 70)}")
    return [section("\n".join(lines))] if lines else []


def gaps(notification: Notification) -> Blocks:
    """Each reason for a gap once, with the alert it is about, or how many."""
    about: dict[tuple[str, str], list[Alert]] = {}
    for alert in worst_first(notification.group.firing):
        for each in notification.shown(alert):
            if isinstance(each, Gap):
                about.setdefault((each.title, each.reason), []).append(alert)
    lines = []
    alone = told_alerts(notification) == 1
    for (name, reason), alerts in sorted(about.items(), key=lambda item: -len(item[1])):
        of = subject(alerts[0]) or alerts[0].name if len(alerts) == 1 else f"{len(alerts)} alerts"
        whose = "" if alone else f" of {line(of, 100)}"
        lines.append(f"_{line(name, 80)}{whose}: {line(reason, MAX_LINE)}_")
    return context([whole_lines(lines, _MAX_SECTION)] if lines else [])


def excerpts(notification: Notification, alert: Alert) -> Blocks:
    """What others say of the one alert that stands for all, while it fires."""
    of = f" of {line(subject(alert) or alert.name, 100)}" if told_alerts(notification) > 1 else ""
    found = notification.excerpts(alert)[:_MAX_EXCERPTS] if alert.firing else []
    return [section(f"*{line(each.title, 80)}*{of}\n{preformatted(each.lines, _MAX_EXCERPT)}") for each in found]


def targets(notification: Notification, alert: Alert) -> list[tuple[str, str]]:
    """Where to go on: words and URLs, which may be none."""
    return [
        ("Runbook", alert.annotations.get("runbook_url", "")),
        # Where that can be done here there is a menu for it.
        ("Silence", "" if "silence" in notification.controls else silence_link(notification.group)),
        ("Prometheus", alert.generator_url),
        ("Alertmanager", notification.group.external_url),
        ("Details", notification.page_url),
    ]


def buttons(targets: Iterable[tuple[str, str]], controls: Sequence[dict[str, Any]] = ()) -> Blocks:
    """A row of buttons: what does something first, then the URLs that lead somewhere."""
    made: Blocks = list(controls)
    length = 0
    for text, target in targets:
        url = link(target)
        if url and length + len(url) <= MAX_BUTTON_URLS:
            length += len(url)
            label = {"type": "plain_text", "text": text}
            made.append({"type": "button", "text": label, "url": url, "action_id": f"open-{text.lower()}"})
    return [{"type": "actions", "elements": made}] if made else []


def small_print(notification: Notification, footer: str) -> Blocks:
    """The notes, and whose message it is."""
    noted = line(notes(notification, _MAX_NOTES), _MAX_NOTES)
    return context([f"_{noted}_"] * bool(noted) + [footer] * bool(footer.strip()))


def footer(notification: Notification) -> str:
    """Whose message it is: "alert-manager · on-call · 2 firing, 0 resolved"."""
    group = notification.group
    said = f"{len(group.firing)} firing, {len(group.resolved)} resolved"
    if notification.digest:
        said = "more came than can be told one by one"
    return f"alert-manager · {line(notification.receiver, 100)} · {said}"
