"""A group with what is known of it beside what its payload names: alerts that it hides, and ends that are owed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from alerts.model import Alert, AlertGroup, common
from alerts.severity import SEVERITIES, alert_severity


def with_hidden(group: AlertGroup, known_firing: Iterable[Alert]) -> AlertGroup:
    """Add what a truncated group may hide: alerts known to fire in it that the payload does not name.

    Alertmanager cuts the alerts before it computes the status, so that a group may read as over while hidden alerts
    fire: it is over when each alert known in it has ended.

    Args:
        group: as the payload tells it.
        known_firing: the group's alerts that fired when they were last heard of, as they were then.

    Returns:
        The group with at most as many more as were cut, the worst and then the newest of them, behind its own; and
        with `truncated_alerts` less by as many. A group that is whole is returned as it is.

    Source: Notify in https://github.com/prometheus/alertmanager/blob/main/notify/webhook/webhook.go
    """
    hidden = _unnamed(group, (alert for alert in known_firing if alert.firing))
    newest_first = sorted(hidden.values(), key=lambda alert: alert.starts_at, reverse=True)
    worst_first = sorted(newest_first, key=lambda alert: SEVERITIES.index(alert_severity(alert)))
    added = worst_first[: group.truncated_alerts]
    return replace(_with(group, added), truncated_alerts=group.truncated_alerts - len(added))


def with_ends(group: AlertGroup, ended: Iterable[Alert]) -> AlertGroup:
    """Add ends that the payload no longer names, for a resolved alert is in one payload only.

    Args:
        group: as it is to be told; an alert that it names is what it says.
        ended: what may be over beside; what fires among it is left out, and of one alert the last counts.

    Returns:
        The group with the ends behind its own alerts.
    """
    ends = _unnamed(group, ended)
    return _with(group, [alert for alert in ends.values() if not alert.firing])


def _unnamed(group: AlertGroup, alerts: Iterable[Alert]) -> Mapping[str, Alert]:
    """The alerts that the group does not name, by fingerprint; of one alert the last."""
    named = {alert.fingerprint for alert in group.alerts}
    return {alert.fingerprint: alert for alert in alerts if alert.fingerprint not in named}


def _with(group: AlertGroup, added: list[Alert]) -> AlertGroup:
    if not added:
        return group
    alerts = (*group.alerts, *added)
    return replace(
        group,
        alerts=alerts,
        common_labels=common(alert.labels for alert in alerts),
        common_annotations=common(alert.annotations for alert in alerts),
    )
