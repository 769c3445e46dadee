"""The end of alerts that were not heard of for too long, in the words of a payload."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from alerts.model import Alert, AlertGroup, common

# Go's zero time: what Alertmanager writes for "not yet".
_NEVER = "0001-01-01T00:00:00Z"


def lapsed(group_key: str, alerts: Sequence[Alert], at: datetime, *, others_firing: int = 0) -> AlertGroup:
    """Take alerts of one group for over.

    Args:
        group_key: their group's.
        alerts: at least one, as they were last heard of.
        at: when they are taken for over; aware.
        others_firing: how many other alerts of the group are known to fire. They are told as truncated, so that the
            group is not taken for over with these.
    """
    return AlertGroup(
        group_key,
        tuple(replace(alert, status="resolved", ends_at=at) for alert in alerts),
        common_labels=common(alert.labels for alert in alerts),
        common_annotations=common(alert.annotations for alert in alerts),
        truncated_alerts=others_firing,
    )


def rendered(group: AlertGroup) -> bytes:
    """Write a group as Alertmanager's webhook has it, so that it can be accepted as any payload is.

    Returns:
        A body that `alerts.payload.parse` reads as an equal group.
    """
    document = {
        "version": "4",
        "groupKey": group.group_key,
        "truncatedAlerts": group.truncated_alerts,
        "status": group.status,
        "receiver": group.receiver,
        "groupLabels": dict(group.group_labels),
        "commonLabels": dict(group.common_labels),
        "commonAnnotations": dict(group.common_annotations),
        "externalURL": group.external_url,
        "notification_reason": group.notification_reason,
        "alerts": [_wire(alert) for alert in group.alerts],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def rendered_bare(alerts: Sequence[Alert]) -> bytes:
    """Write alerts as they come without a group key; a body that `alerts.payload.parse` reads as equal ones."""
    return json.dumps([_wire(alert) for alert in alerts], separators=(",", ":")).encode()


def _wire(alert: Alert) -> dict[str, object]:
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": _time(alert.starts_at),
        "endsAt": _NEVER if alert.ends_at is None else _time(alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
