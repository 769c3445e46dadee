"""Which incidents a group is at PagerDuty, and what each of them is to be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from actions._digest import level
from alerts.model import Alert, common
from alerts.notification import Notification, Thread
from alerts.severity import SEVERITIES

EventAction = Literal["trigger", "acknowledge", "resolve"]


def _dedup(value: object) -> object:
    if value in ("group", "alert"):
        return value
    labels = tuple(value) if isinstance(value, list | tuple) else ()
    if not labels or not all(isinstance(each, str) and each for each in labels):
        raise ValueError("should be group, alert, or a list of labels")
    if len(set(labels)) < len(labels):
        raise ValueError("names a label twice")
    return labels


Dedup = Annotated[Literal["group", "alert"] | tuple[str, ...], PlainValidator(_dedup)]
"""What makes one incident: the group, each alert, or the alerts that share the values of some labels."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One of a group's incidents.

    Attributes:
        key: its dedup_key.
        about: the notification with its alerts alone.
        event: what it is to be told; None where it holds nothing new.
        holds: the alerts in it that are not over, by their fingerprints.
        known: it is open there already.
        fires: one of its alerts is named, and fires.
        news: of what fires in it something is not told yet.
    """

    key: str
    about: Notification
    event: EventAction | None
    holds: tuple[str, ...] = ()
    known: bool = False
    fires: bool = False
    news: bool = True


def base_key(notification: Notification, thread: Thread) -> str:
    """The group's own key, which those of its incidents begin with; whatever the receiver is called by now."""
    return thread.key or notification.key


def open_incidents(notification: Notification, thread: Thread) -> Mapping[str, tuple[str, ...]]:
    """What is open there, by dedup_key the fingerprints in it."""
    if thread.incidents:
        return thread.incidents
    return {base_key(notification, thread): thread.open_fingerprints} if thread.open_fingerprints else {}


def incidents(notification: Notification, thread: Thread, dedup: Dedup) -> list[Incident]:
    """Divide a group; what is new first, then what is told again, each the worst first, and then what is over.

    An alert stays in the incident in which it was told, whatever makes one by now: so each is resolved that was
    opened. Where nothing is new, and nothing over, somebody is to be reminded: then all that fires is told again.
    """
    if notification.digest:
        key = base_key(notification, thread)
        return [Incident(key, notification, "resolve" if notification.group.status == "resolved" else "trigger")]
    found = list(_incidents(notification, thread, dedup))
    if not any(each.event for each in found):
        found = [replace(each, event="trigger") if each.fires else each for each in found]
    return sorted(found, key=_order)


def acknowledged(notification: Notification, thread: Thread, dedup: Dedup) -> list[Incident]:
    """What is to hear that somebody has taken it over: all that is open, or may be."""
    held = open_incidents(notification, thread)
    keys = dict.fromkeys(held)
    if thread.attempted:
        base = base_key(notification, thread)
        keys |= dict.fromkeys(_key(base, alert, dedup) for alert in notification.group.firing)
    return [Incident(key, notification, "acknowledge", held.get(key, ()), key in held) for key in keys]


def kept(found: list[Incident], notification: Notification, thread: Thread, dedup: Dedup) -> Mapping[str, Any]:
    """What is open once these are told, for the thread; none where one that is the group's own says it all."""
    if notification.digest or not notification.send_resolved:
        return {}
    left = {each.key: each.holds for each in found if each.holds}
    return {} if dedup == "group" and left.keys() <= {base_key(notification, thread)} else left


def _incidents(notification: Notification, thread: Thread, dedup: Dedup) -> Iterator[Incident]:
    group, base = notification.group, base_key(notification, thread)
    held = open_incidents(notification, thread)
    place = {each: key for key, fingerprints in held.items() for each in fingerprints}
    alerts: dict[str, list[Alert]] = {key: [] for key in held}
    for alert in group.alerts:
        alerts.setdefault(place.get(alert.fingerprint) or _key(base, alert, dedup), []).append(alert)
    over = not group.firing and not group.truncated_alerts
    if over and thread.attempted:
        # What was attempted may have been told by the group's own key, before another one was wanted.
        alerts.setdefault(base, [])
    for key, own in alerts.items():
        named = {alert.fingerprint for alert in own}
        rest = () if over else tuple(each for each in held.get(key, ()) if each not in named)
        firing = tuple(alert.fingerprint for alert in own if alert.firing)
        news = not set(firing) <= set(held.get(key, ()))
        event: EventAction | None = None
        if not firing:
            # What is over and not held was resolved by the attempt before, where that is known.
            told = bool(rest) or (thread.heard != (0, 0) and not thread.attempted and key not in held)
            event = None if told else "resolve"
        elif news or thread.attempted or set(firing) & set(thread.again) or (dedup == "group" and key == base):
            event = "trigger"
        yield Incident(key, _about(notification, own), event, (*rest, *firing), key in held, bool(firing), news)


def _key(base: str, alert: Alert, dedup: Dedup) -> str:
    """The key of an incident of its own; the same as long as what distinguishes it is."""
    if dedup == "group":
        return base
    of = alert.fingerprint if dedup == "alert" else [[name, alert.labels.get(name, "")] for name in sorted(dedup)]
    return f"{base}:{hashlib.sha256(json.dumps(of).encode()).hexdigest()[:32]}"


def _about(notification: Notification, alerts: list[Alert]) -> Notification:
    group = notification.group
    if not alerts or len(alerts) == len(group.alerts):
        return notification
    own = {alert.fingerprint for alert in alerts}
    page, hash_, anchor = notification.page_url.rpartition("#")
    if anchor == group.alerts[0].fingerprint:
        anchor = alerts[0].fingerprint
    return replace(
        notification,
        group=replace(
            group,
            alerts=tuple(alerts),
            common_labels=common(alert.labels for alert in alerts),
            common_annotations=common(alert.annotations for alert in alerts),
            truncated_alerts=0,
        ),
        findings={each: found for each, found in notification.findings.items() if each in own},
        page_url=f"{page}{hash_}{anchor}",
        images=tuple(each for each in notification.images if each.fingerprint in own),
    )


def _order(incident: Incident) -> tuple[bool, bool, int]:
    return incident.event != "trigger", not incident.news, SEVERITIES.index(level(incident.about))
