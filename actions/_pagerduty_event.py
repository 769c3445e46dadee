"""An event of PagerDuty's that triggers an incident, of what a notification says.

Source: https://developer.pagerduty.com/docs/send-alert-event and `reference/events-v2` of
https://github.com/PagerDuty/api-schema
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actions._base import briefs, cut, leading, link, notes, subject, title
from actions._digest import level, numbers
from actions._pagerduty_own import EventSettings, details, images, links
from actions._plain import plain
from actions._texts import Texts
from alerts.model import Alert
from alerts.notification import Notification
from alerts.severity import Severity, severity, worst_first
from templating import Template

_MAX_SUMMARY = 1024
_MAX_NOTES = 600
_MAX_NOTES_ALOUD = 120
_MAX_LABEL = 255
_MAX_TEXT = 4_000
_MAX_LIST = 40_000
_MAX_ALT = 500
_LABELS = ("cluster", "namespace", "pod", "severity")
_ANNOTATIONS = ("summary", "description", "runbook_url")
_CLIENT = "alert-manager"
_NOTHING = EventSettings()


def severity_of(notification: Notification, settings: EventSettings, texts: Texts) -> Severity:
    """How bad it is to be for PagerDuty: as the user's text says, or as bad as its worst alert."""
    wanted = None if notification.digest else settings.severity
    said = texts.render(wanted, "", "severity").strip()
    return severity(said) if said else level(notification)


def trigger(
    notification: Notification, how_bad: Severity, settings: EventSettings, texts: Texts, beside: Mapping[str, str]
) -> dict[str, Any]:
    """The event, but for whom and which incident it is about.

    Args:
        beside: details that stand there whatever the user's are.
    """
    group, alert = notification.group, leading(notification.group)
    # The texts of a user's own are written for one group, and a digest is many.
    wanted = _NOTHING if notification.digest else settings
    event = {
        "event_action": "trigger",
        "client": _own(wanted.client, _CLIENT, "client", texts),
        "client_url": link(texts.render(wanted.client_url, "", "client_url").strip())
        or link(notification.page_url)
        or link(group.external_url),
        "links": _links(notification, alert, links(wanted.links, texts)),
        "images": [*images(wanted.images, texts), *_images(notification)],
        "payload": _payload(notification, alert, how_bad, wanted, texts, beside),
    }
    return {key: value for key, value in event.items() if value or key == "links"}


def _payload(
    notification: Notification,
    alert: Alert,
    how_bad: Severity,
    wanted: EventSettings,
    texts: Texts,
    beside: Mapping[str, str],
) -> dict[str, Any]:
    labels = alert.labels
    component = labels.get("container") or labels.get("service") or labels.get("job") or ""
    told = {**_details(notification, alert), **details(wanted.details, texts), **beside}
    made = {
        "summary": _own(wanted.description, _summary(notification, alert), "description", texts, _MAX_SUMMARY),
        "source": _own(wanted.source, source_of(alert), "source", texts),
        "severity": how_bad,
        "timestamp": min(each.starts_at for each in notification.group.firing).isoformat(),
        "class": _own(wanted.class_, alert.name, "class", texts),
        "component": _own(wanted.component, component, "component", texts),
        "group": _own(wanted.group, labels.get("namespace") or labels.get("cluster") or "", "group", texts),
    }
    if texts.errors:
        told["template_errors"] = [cut(each, _MAX_LABEL) for each in texts.errors]
    return {key: value for key, value in made.items() if value} | {"custom_details": told}


def _own(template: Template | None, otherwise: str, key: str, texts: Texts, limit: int = _MAX_LABEL) -> str:
    """What the user's template gives on one line; ours where there is none, or nothing comes of it."""
    return plain(texts.render(template, "", key), limit).strip() or plain(otherwise, limit).strip()


def source_of(alert: Alert) -> str:
    """What the alert is about, or its cluster or name; a blank one would be refused with the whole event."""
    named = (subject(alert), alert.labels.get("cluster", ""), alert.name, "alert")
    return next(shown for each in named if (shown := plain(each, _MAX_LABEL).strip()))


def _summary(notification: Notification, alert: Alert) -> str:
    """What is read aloud on the phone: the state, the notes, the one sentence, and where."""
    said = ", ".join(briefs(notification.told(alert)))
    about = " · ".join(filter(None, (subject(alert), alert.labels.get("cluster", ""), said)))
    summary = f": {alert.summary}" if alert.summary else ""
    if notification.digest:
        summary = f". Worst: {alert.name}{summary}"
    head, tail = title(notification), cut(summary, 500) + (f" ({about})" if about else "")
    noted = notes(notification, _MAX_NOTES_ALOUD)
    noted = f" ({noted})" if noted else ""
    if len(head + noted + tail) > _MAX_SUMMARY:
        # The details have them; the rest is what is woken up for.
        noted = ""
    return plain(head + noted + tail, _MAX_SUMMARY)


def _links(notification: Notification, alert: Alert, own: list[dict[str, str]]) -> list[dict[str, str]]:
    targets = (
        (alert.annotations.get("runbook_url", ""), "Runbook"),
        (alert.generator_url, "Prometheus"),
        (notification.group.external_url, "Alertmanager"),
        (notification.page_url, "alert-manager"),
    )
    known = {each["href"] for each in own}
    ours = [{"href": link(href), "text": text} for href, text in targets if link(href)]
    return own + [each for each in ours if each["href"] not in known]


def _images(notification: Notification) -> list[dict[str, str]]:
    """Only what PagerDuty takes: it refuses the event for an image that is not served by https."""
    page = link(notification.page_url)
    fit = [each for each in notification.images if link(each.src) and each.src.startswith("https://")]
    images = [{"src": each.src, "href": page, "alt": plain(each.alt, _MAX_ALT)} for each in fit]
    return [{key: value for key, value in each.items() if value.strip()} for each in images]


def _details(notification: Notification, alert: Alert) -> dict[str, Any]:
    group = notification.group
    firing, resolved = numbers(notification)
    details: dict[str, Any] = {
        "firing": cut(_listed(group.firing, notification), _MAX_LIST),
        "resolved": cut(_listed(group.resolved, notification), _MAX_LIST),
        "num_firing": firing,
        "num_resolved": resolved,
        "readings": {cut(each.title, _MAX_LABEL): cut(each.text, _MAX_TEXT) for each in notification.shown(alert)},
    }
    if noted := notes(notification, _MAX_NOTES):
        details["notes"] = noted
    if group.truncated_alerts:
        details["num_truncated"] = group.truncated_alerts
    if taken := notification.acknowledged:
        by = cut(" ".join(taken.by[:_MAX_TEXT].split()) or "somebody", _MAX_LABEL)
        details["acknowledged"] = f"by {by} ({taken.via}) at {taken.at.isoformat(timespec='seconds')}"
    for said, keys in ((alert.labels, _LABELS), (alert.annotations, _ANNOTATIONS)):
        details |= {key: cut(said[key], _MAX_TEXT) for key in keys if said.get(key)}
    return details


def _listed(alerts: Iterable[Alert], notification: Notification) -> str:
    """One alert a paragraph, the worst first: name, what it is about, its sentence, what was found but for excerpts."""
    paragraphs = []
    for alert in worst_first(alerts):
        found = [f"  {each.title}: {each.text}" for each in notification.told(alert)]
        head = " ".join(filter(None, (alert.name, subject(alert))))
        sentence = f"{head}: {alert.summary}" if alert.summary else head
        paragraphs.append("\n".join([cut(sentence, 1_000), *(cut(line, 300) for line in found)]))
    return "\n".join(paragraphs)
