"""PagerDuty, through its Events API v2: one incident for a group's life.

Source: https://developer.pagerduty.com/docs/send-alert-event and `reference/events-v2` of
https://github.com/PagerDuty/api-schema
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

from actions._base import briefs, cut, json_bytes, leading, link, notes, post_json, secret, subject, title
from actions._digest import level, numbers
from actions._pagerduty_own import EventSettings, ImageSettings, LinkSettings, details, images, links
from actions._texts import Texts
from alerts.model import Alert
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from alerts.severity import severity, worst_first
from config.base import HttpUrl, SecretText, require_one
from config.http_config import HttpActionSettings
from outbound import Http
from templating import Template

__all__ = ["Action", "ImageSettings", "LinkSettings", "Settings"]

_FAR_SIDE = "PagerDuty"
_MAX_SUMMARY = 1024
_MAX_NOTES = 600
_MAX_NOTES_ALOUD = 120
_MAX_LABEL = 255
_MAX_TEXT = 4_000
_MAX_LIST = 40_000
_MAX_ALT = 500
# 512 KB, and they do not say of which kind.
_MAX_EVENT_BYTES = 512_000
_LABELS = ("cluster", "namespace", "pod", "severity")
_ANNOTATIONS = ("summary", "description", "runbook_url")
# What goes first when an event is too large.
_EXPENDABLE = ("resolved", "readings", "description", "firing", "summary", "runbook_url")
_EVENTS_V1 = (
    "is of the Events API v1: add an integration of the Events API v2 to the service, and write its key as routing_key"
)
_CLIENT = "alert-manager"
_NOTHING = EventSettings()


class Settings(HttpActionSettings, EventSettings):
    """An element of `pagerduty_configs`."""

    routing_key: SecretText | None = None
    routing_key_file: Path | None = None
    url: HttpUrl = "https://events.pagerduty.com/v2/enqueue"

    wakes: ClassVar[bool] = True
    acknowledges: ClassVar[bool] = True
    shows_images: ClassVar[bool] = True
    from_global: ClassVar[Mapping[str, str]] = {**HttpActionSettings.from_global, "url": "pagerduty_url"}
    refused: ClassVar[Mapping[str, str]] = dict.fromkeys(("service_key", "service_key_file"), _EVENTS_V1)
    from_environment: ClassVar[Mapping[str, str]] = {"routing_key": "PAGERDUTY_ROUTING_KEY"}
    example: ClassVar[Mapping[str, Any]] = {"routing_key": "0123456789abcdef0123456789abcdef"}

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        require_one(self, "routing_key", "routing_key_file")
        return self


class Action:
    """Triggers an incident, updates it, and resolves it."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Send one event: a trigger while anything fires, else a resolve, always with the group's one key."""
        routing_key = secret(self._settings.routing_key, self._settings.routing_key_file)
        dedup_key = thread.key or notification.key
        texts = Texts(notification)
        event = {"routing_key": routing_key, "dedup_key": dedup_key, **self._event(notification, texts)}
        answer = post_json(
            self._http,
            self._settings.url,
            _fitted(event),
            deadline_seconds=self._settings.within(deadline_seconds),
            secrets=[routing_key],
            far_side=_FAR_SIDE,
        )
        if answer.status != 202:
            # 202 is the one answer that means the event was taken; a proxy's page is none.
            raise SendError(f"{_FAR_SIDE}: status {answer.status} instead of 202")
        return Receipt(f"{event['event_action']} accepted", replace(thread, key=dedup_key), tuple(texts.errors))

    def preview(self, notification: Notification) -> Preview:
        """The event, but for its routing key."""
        texts = Texts(notification)
        event = json.loads(_fitted({"dedup_key": notification.key, **self._event(notification, texts)}))
        return Preview(event, tuple(texts.errors))

    def _event(self, notification: Notification, texts: Texts) -> dict[str, Any]:
        group = notification.group
        if group.status == "resolved":
            return {"event_action": "resolve"}
        alert = leading(group)
        # The texts of a user's own are written for one group, and a digest is many.
        wanted = _NOTHING if notification.digest else self._settings
        event = {
            "event_action": "trigger",
            "client": _own(wanted.client, _CLIENT, "client", texts),
            "client_url": link(texts.render(wanted.client_url, "", "client_url").strip())
            or link(notification.page_url)
            or link(group.external_url),
            "links": _links(notification, alert, links(wanted.links, texts)),
            "images": [*images(wanted.images, texts), *_images(notification)],
            "payload": _payload(notification, alert, wanted, texts),
        }
        return {key: value for key, value in event.items() if value or key == "links"}


def _payload(notification: Notification, alert: Alert, wanted: EventSettings, texts: Texts) -> dict[str, Any]:
    labels = alert.labels
    component = labels.get("container") or labels.get("service") or labels.get("job") or ""
    said = texts.render(wanted.severity, "", "severity").strip()
    told = _details(notification, alert) | details(wanted.details, texts)
    made = {
        "summary": _own(wanted.description, _summary(notification, alert), "description", texts, _MAX_SUMMARY),
        "source": _own(wanted.source, _source(alert), "source", texts),
        "severity": severity(said) if said else level(notification),
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
    return cut(" ".join(texts.render(template, "", key).split()) or otherwise, limit)


def _source(alert: Alert) -> str:
    """What the alert is about, or its cluster or name; a blank one would be refused with the whole event."""
    named = (subject(alert), alert.labels.get("cluster", ""), alert.name, "alert")
    return cut(next(each for each in named if each.strip()), _MAX_LABEL)


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
    return cut(head + noted + tail, _MAX_SUMMARY)


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
    images = [{"src": each.src, "href": page, "alt": cut(each.alt, _MAX_ALT)} for each in fit]
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


def _fitted(event: dict[str, Any]) -> bytes:
    """The event as JSON, small enough: details are dropped, the least important first, and the event says so."""
    text = json_bytes(event)
    details = dict(event.get("payload", {}).get("custom_details", {}))
    dropped: list[str] = []
    rest = sorted(details.keys() - _EXPENDABLE, key=lambda key: (-len(json_bytes(details[key])), key))
    for key in (*_EXPENDABLE, *rest):
        if len(text) <= _MAX_EVENT_BYTES:
            break
        if details.pop(key, None) is None:
            continue
        dropped.append(key)
        told = {**details, "dropped_for_size": dropped}
        text = json_bytes({**event, "payload": {**event["payload"], "custom_details": told}})
    return text
