"""What people are told of what is done about alerts: lines of timelines, and messages to who is asked to see to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from datetime import datetime
from typing import Literal

from alerts.model import AlertGroup
from alerts.notification import Notification
from alerts.severity import alert_severity
from alerts.timeline import Entry
from config.base import ActionSettings
from config.schema import Configuration, Receiver
from outbox import beside
from outbox.announcing import own_group, planned, told_address
from outbox.records import Planned, Remediation
from outbox.remediation_rows import group_of
from outbox.remediations import Ending
from pipeline.addresses import addresses
from pipeline.running import Running, destinations

Need = Literal["RemediationNeedsAttention", "RemediationStorm"]
"""What a person is asked about, as the name of an alert of this service's own: one alert, or too many at once."""

_TOLD_LABELS = ("cluster", "namespace", "pod", "deployment", "statefulset", "daemonset", "node", "instance", "service")


def lines(
    running: Running,
    remediation: Remediation,
    hearers: Iterable[str],
    entry: Entry,
    quiet: Set[str] = frozenset(),
) -> tuple[Planned, ...]:
    """A line in the timeline of each destination that has one and holds something of the group.

    Args:
        hearers: the destinations that hold something of it.
        quiet: those where nobody is to be called by the line, for they are by something else.
    """
    settings = _settings(running.configuration)
    found: list[Planned] = []
    for name in hearers:
        known = settings.get(name)
        if known is None or name not in running.actions:
            continue
        if known.timeline or (known.hears_remediations and entry.done):
            receiver, action, index = name.rsplit("/", 2)
            notification = Notification(
                receiver,
                action,
                int(index),
                group_of(remediation.alert, remediation.group_key),
                page_url=page(running, remediation),
            )
            found += beside.planned(notification, [replace(entry, loud=False) if name in quiet else entry])
    return tuple(found)


def page(running: Running, remediation: Remediation) -> str:
    """Where it is shown; "" where nobody knows where this service is."""
    url = running.configuration.file.external_url
    return f"{url.rstrip('/')}/remediations/{remediation.id}" if url else ""


def asks(
    running: Running, remediation: Remediation, need: Need, summary: str, description: str, now: datetime
) -> tuple[Planned, ...]:
    """A message to who is told where something did not help, or somebody is to decide.

    It is an alert of this service's own, and ends when what it is about does.
    """
    group = _group(remediation, need, {"summary": summary, "description": description}, now, None)
    url = page(running, remediation)
    return tuple(planned(each, group, url) for each in addresses(asked(running, remediation.destination)))


def ends(running: Running, ending: Ending, now: datetime) -> tuple[Planned, ...]:
    """The end of such a message, for those who were told."""
    remediation = ending.remediation
    need: Need = "RemediationStorm" if ending.storm else "RemediationNeedsAttention"
    annotations = {"summary": "what it was to be done about is over"}
    group = _group(remediation, need, annotations, remediation.proposed_at, now)
    known = [address for receiver in running.configuration.receivers for address in addresses(receiver)]
    return tuple(planned(told_address(each, known), group, page(running, remediation)) for each in ending.told)


def asked(running: Running, destination: str) -> Receiver | None:
    """Who is asked about a rule: the receiver named in `otherwise`, else the root route's; None for nobody."""
    rule = running.rule(destination)
    configuration = running.configuration
    name = (rule.settings.otherwise if rule is not None else None) or configuration.file.route.receiver or ""
    return configuration.receiver(name)


def _group(
    remediation: Remediation, need: Need, annotations: Mapping[str, str], starts_at: datetime, ends_at: datetime | None
) -> AlertGroup:
    alert, labels = remediation.alert, {"rule": remediation.rule, "verb": remediation.verb}
    key = f"remediation:storm:{remediation.destination}"
    if need != "RemediationStorm":
        key = f"remediation:{remediation.token}"
        labels |= {"alert": alert.name} | {name: alert.labels[name] for name in _TOLD_LABELS if alert.labels.get(name)}
    return own_group(key, need, labels, alert_severity(alert), annotations, starts_at, ends_at)


def _settings(configuration: Configuration) -> Mapping[str, ActionSettings]:
    return {name: each.settings for name, each in destinations(configuration)}
