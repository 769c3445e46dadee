"""What a mail says, as far as it is the same for its HTML and its plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import units
from actions._base import briefs, leading, link, notes, subject, title
from actions._digest import level, numbers, over
from actions._plain import paragraphs, plain
from actions._silence_link import silence_link
from alerts.findings import Gap, Reading
from alerts.model import Alert
from alerts.notification import Notification
from alerts.severity import Severity, alert_severity, worst_first

_MAX_LINE = 300
_LISTED_ALERTS = 20
_FINDINGS = 20
_EXCERPTS = 3
_FACTS = 24
_NEARLY_FULL, _RATHER_FULL = 0.9, 0.75
_FIRST_LABELS = ("severity", "cluster", "namespace", "pod", "container", "instance")
# These stand elsewhere.
_TOLD_LABELS = frozenset({"alertname"})
_TOLD_ANNOTATIONS = frozenset({"summary", "description", "runbook_url"})


@dataclass(frozen=True, slots=True)
class Line:
    """A finding on one line.

    Attributes:
        share: of the limit, 0 to 1, where there is one.
        gap: it is a reason and no value.
    """

    title: str
    text: str
    share: float | None = None
    gap: bool = False

    @property
    def level(self) -> Severity | None:
        """How near the limit it is; None where there is none."""
        if self.share is None:
            return None
        return "critical" if self.share >= _NEARLY_FULL else "warning" if self.share >= _RATHER_FULL else "info"


@dataclass(frozen=True, slots=True)
class Row:
    """An alert of several.

    Attributes:
        name: what tells it from the others at a glance: its name, or what it is about where all have one name.
        about: what it is about beside its name.
        text: its sentence, where that is not the one above all of them.
    """

    level: Severity | None
    name: str
    about: str
    text: str
    found: str
    since: str


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of somebody else's."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """All of it, in plain text, cut where it would be too long.

    Attributes:
        level: how bad it is; None when it is over.
        digest: it tells of many groups.
        about: what the leading alert is about, and how many others.
        facts: names and values.
        links: words and URLs.
    """

    level: Severity | None
    digest: bool
    title: str
    about: str
    summary: str
    description: str
    notes: str
    lines: tuple[Line, ...]
    rows: tuple[Row, ...]
    more: int
    blocks: tuple[Block, ...]
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    footer: str


def mail(notification: Notification) -> Mail:
    """What is said of a notification."""
    group, alert = notification.group, leading(notification.group)
    told = notification.digest.alerts if notification.digest else len(group.alerts) + group.truncated_alerts
    several, ended = told > 1, over(notification)
    rows = _rows(notification, alert) if several else ()
    description = alert.annotations.get("description", "")
    firing, resolved = numbers(notification)
    return Mail(
        level=None if ended else level(notification),
        digest=notification.digest is not None,
        title=plain(title(notification)),
        about=_about(notification, alert),
        summary="" if notification.digest else plain(alert.summary, 500),
        # What is over shows nothing that was true before.
        description="" if several or ended or description == alert.summary else paragraphs(description),
        notes=plain(notes(notification, 600), 600),
        lines=() if ended else _lines(notification, alert, several=several),
        rows=rows,
        more=max(0, told - len(rows)) if several else 0,
        blocks=() if ended else _blocks(notification, alert, several=several),
        facts=() if notification.digest else _facts(notification, alert),
        links=_links(notification, alert),
        footer=f"alert-manager · {plain(notification.receiver, 100)} · {firing:,} firing, {resolved:,} resolved",
    )


def _about(notification: Notification, alert: Alert) -> str:
    if notification.digest:
        which = "worst: " if notification.digest.alerts > 1 else ""
        return "" if over(notification) else plain(f"{which}{alert.name} {subject(alert)}")
    others = len(notification.group.firing or notification.group.alerts) - 1
    return plain(subject(alert) + (f" and {others:,} more" if others and subject(alert) else ""))


def _line(found: Reading | Gap) -> Line:
    if isinstance(found, Gap):
        return Line(plain(found.title, 80), plain(found.reason), gap=True)
    share = None if found.share is None else min(1.0, max(0.0, found.share))
    return Line(plain(found.title, 80), plain(found.text), share)


def _lines(notification: Notification, alert: Alert, *, several: bool) -> tuple[Line, ...]:
    """What was found of the one alert; of several what could not be found, as their rows have the rest."""
    return _gaps(notification) if several else tuple(map(_line, notification.told(alert)[:_FINDINGS]))


def _gaps(notification: Notification) -> tuple[Line, ...]:
    """Of several alerts each reason for a gap once, with the alert that it is about, or how many."""
    about: dict[tuple[str, str], list[Alert]] = {}
    for alert in worst_first(notification.group.alerts):
        for each in notification.told(alert):
            if isinstance(each, Gap):
                about.setdefault((each.title, each.reason), []).append(alert)
    lines = []
    for (name, reason), alerts in sorted(about.items(), key=lambda item: -len(item[1]))[:_FINDINGS]:
        of = subject(alerts[0]) or alerts[0].name if len(alerts) == 1 else f"{len(alerts):,} alerts"
        lines.append(
            Line(plain(name, 80), plain(f"unknown of {plain(of, 100)}: {plain(reason)}", 2 * _MAX_LINE), gap=True)
        )
    return tuple(lines)


def _rows(notification: Notification, first: Alert) -> tuple[Row, ...]:
    """The worst of several; what is said above all of them is not said of each again."""
    alerts, above = notification.group.alerts, "" if notification.digest else first.summary
    one_name = notification.digest is None and all(each.name == first.name for each in alerts)
    return tuple(_row(each, notification, one_name, above) for each in worst_first(alerts)[:_LISTED_ALERTS])


def _row(alert: Alert, notification: Notification, one_name: bool, above: str) -> Row:
    name, about = plain(alert.name, 120), plain(subject(alert), 160)
    if one_name and about:
        name, about = about, ""
    return Row(
        level=alert_severity(alert) if alert.firing else None,
        name=name,
        about=about,
        text="" if alert.summary == above else plain(alert.summary, 240),
        found=plain(", ".join(briefs(notification.told(alert))), 240) if alert.firing else "",
        since=_time(alert.starts_at),
    )


def _blocks(notification: Notification, alert: Alert, *, several: bool) -> tuple[Block, ...]:
    """What others say of the one alert that stands for all."""
    of = f" of {plain(subject(alert) or alert.name, 100)}" if several else ""
    found = notification.excerpts(alert)[:_EXCERPTS]
    return tuple(Block(plain(each.title, 80) + of, paragraphs("\n".join(each.lines))) for each in found)


def _facts(notification: Notification, alert: Alert) -> tuple[tuple[str, str], ...]:
    group = notification.group
    alone = len(group.alerts) == 1
    labels = alert.labels if alone else group.common_labels
    annotations = alert.annotations if alone else group.common_annotations
    start = min(each.starts_at for each in group.firing or group.alerts)
    times = [("since", _time(start))]
    ends = [each.ends_at for each in group.alerts if each.ends_at]
    if group.status == "resolved" and ends:
        times.append(("resolved after", units.duration((max(ends) - start).total_seconds())))
    taken = notification.acknowledged
    if taken is not None:
        times.append(("closed by" if taken.resolved else "acknowledged by", f"{taken.by}, {_time(taken.at)}"))
    named = [
        *times,
        *_ordered(labels, _FIRST_LABELS, _TOLD_LABELS),
        *_ordered(annotations, (), _TOLD_ANNOTATIONS),
    ]
    shown = [(plain(name, 80), plain(value)) for name, value in named[:_FACTS]]
    return tuple((name, value) for name, value in shown if value)


def _ordered(given: Mapping[str, str], first: Sequence[str], but: Iterable[str]) -> list[tuple[str, str]]:
    names = [*(name for name in first if name in given), *sorted(given.keys() - {*first, *but})]
    return [(name, given[name]) for name in names]


def _links(notification: Notification, alert: Alert) -> tuple[tuple[str, str], ...]:
    if notification.digest:
        targets = [("All of them", notification.page_url)]
    else:
        targets = [
            ("Runbook", alert.annotations.get("runbook_url", "")),
            ("Prometheus", alert.generator_url),
            ("Alertmanager", notification.group.external_url),
            ("Details", notification.page_url),
            # The last one, for in plain text it is by far the longest.
            ("Silence", silence_link(notification.group)),
        ]
    return tuple((text, link(url)) for text, url in targets if link(url))


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
