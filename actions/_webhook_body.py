"""A webhook's body: Alertmanager's, version 4, with what was found beside each alert under a key of its own.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and Data in
https://github.com/prometheus/alertmanager/blob/main/template/template.go
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from actions._digest import over
from alerts.findings import Excerpt, Finding, Gap
from alerts.model import Alert
from alerts.notification import Notification
from alerts.severity import worst_first

# What Go writes of a time that is none: the end of what fires.
_NO_TIME = "0001-01-01T00:00:00Z"


def truncated(notification: Notification, most: int) -> Notification:
    """With no more than so many alerts, the worst of them in their order; the others are counted. 0 is all."""
    group = notification.group
    if not most or len(group.alerts) <= most:
        return notification
    kept = set(map(id, worst_first(group.alerts)[:most]))
    cut = group.truncated_alerts + len(group.alerts) - most
    alerts = tuple(each for each in group.alerts if id(each) in kept)
    return replace(notification, group=replace(group, alerts=alerts, truncated_alerts=cut))


def body(notification: Notification) -> dict[str, Any]:
    """The whole of it."""
    group, digest = notification.group, notification.digest
    enrichment: dict[str, Any] = {"page_url": notification.page_url, "notes": list(notification.notes)}
    if notification.images:
        enrichment["images"] = [{"src": each.src, "alt": each.alt} for each in notification.images]
    if digest:
        told = {"groups": digest.groups, "firing": dict(digest.firing), "resolved": digest.resolved}
        enrichment["digest"] = told
    return {
        "version": "4",
        "groupKey": group.group_key,
        "truncatedAlerts": max(0, digest.alerts - len(group.alerts)) if digest else group.truncated_alerts,
        "receiver": _quoted(notification.receiver),
        "status": "resolved" if over(notification) else "firing",
        "notification_reason": group.notification_reason,
        "groupLabels": dict(group.group_labels),
        "commonLabels": dict(group.common_labels),
        "commonAnnotations": dict(group.common_annotations),
        "externalURL": group.external_url,
        "alerts": [_alert(each, notification) for each in group.alerts],
        "enrichment": enrichment,
    }


def _alert(alert: Alert, notification: Notification) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": _time(alert.starts_at),
        "endsAt": _time(alert.ends_at) if alert.ends_at else _NO_TIME,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
        "enrichment": {"findings": [_finding(each) for each in notification.findings.get(alert.fingerprint, ())]},
    }


def _finding(found: Finding) -> dict[str, Any]:
    """What kind it is, its names, itself, and itself in words."""
    told = {"name": found.name, "title": found.title, "text": found.text}
    if isinstance(found, Gap):
        return {"kind": "gap", **told, "reason": found.reason}
    if isinstance(found, Excerpt):
        at, source = _time(found.at), found.source
        return {"kind": "excerpt", **told, "lines": list(found.lines), "at": at, "source": source}
    numbers: Mapping[str, float | None] = {
        "value": found.value,
        "request": found.request,
        "limit": found.limit,
        "share": found.share,
        "threshold": found.threshold,
    }
    known = {key: each if each is not None and math.isfinite(each) else None for key, each in numbers.items()}
    return {
        "kind": "reading",
        **told,
        "unit": found.unit,
        **known,
        "note": found.note,
        "at": _time(found.at),
        "query": found.query,
    }


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _quoted(name: str) -> str:
    """A receiver's name as Alertmanager writes it: as Go's regexp.QuoteMeta."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", name)
