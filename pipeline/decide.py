"""Who is told what of an event: pure, given what was known and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import units
from alerts.conditions import unwanted
from alerts.model import Alert, AlertGroup, common
from alerts.notification import Finding, Notification
from config.schema import Configuration
from outbox.records import AT_ONCE, Plan, Planned
from pipeline.cases import Case, Heard
from routing import route

Findings = Mapping[str, tuple[Finding, ...]]
"""What was found, by fingerprint."""


def decide(configuration: Configuration, case: Case, findings: Iterator[tuple[Finding, ...]]) -> Plan:
    """Make the plan of an event.

    Args:
        findings: of each alert of its news, in their order.
    """
    if case.error is not None:
        return Plan(case.event, error=case.error)
    deliveries: list[Planned] = []
    alerts: list[tuple[str, Alert, tuple[Finding, ...]]] = []
    for heard in case.news:
        found = {alert.fingerprint: next(findings) for alert in heard.group.alerts}
        # Of what the payload hides, and of what goes on firing when others lapse, nothing was heard.
        named = [alert for alert in heard.group.alerts if alert.fingerprint in heard.named]
        alerts += [(heard.group.group_key, alert, found[alert.fingerprint]) for alert in named]
        deliveries += _told(configuration, case, heard, found)
    duplicates = [heard for heard in case.groups if heard.judgement.duplicate_of is not None]
    return Plan(
        case.event,
        tuple(deliveries),
        tuple(alerts),
        histories={heard.group.group_key: heard.judgement.history for heard in case.groups},
        heard_again={heard.group.group_key: tuple(sorted(heard.named)) for heard in duplicates},
        duplicate_of=duplicates[0].judgement.duplicate_of if duplicates and not case.news else None,
    )


def _told(configuration: Configuration, case: Case, heard: Heard, found: Findings) -> Iterator[Planned]:
    """Whoever the routes name, and whoever holds something of the group of which an end is told now."""
    routed = set()
    for hearing in route(configuration.file.route, heard.group):
        receiver = configuration.receiver(hearing.receiver)
        for action in receiver.actions if receiver else ():
            place = _Place(hearing.receiver, action.kind, action.index)
            routed.add(place.destination)
            yield _planned(configuration, case, heard, place, hearing.group, found)
    for destination, held in heard.holders.items():
        part = _held_part(heard.group, held)
        if destination not in routed and part is not None:
            name, kind, index = destination.rsplit("/", 2)
            yield _planned(configuration, case, heard, _Place(name, kind, int(index)), part, found)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a notification goes; the configuration may know it no more."""

    receiver: str
    kind: str
    index: int

    @property
    def destination(self) -> str:
        return f"{self.receiver}/{self.kind}/{self.index}"


def _planned(
    configuration: Configuration, case: Case, heard: Heard, place: _Place, group: AlertGroup, found: Findings
) -> Planned:
    receiver = configuration.receiver(place.receiver)
    actions = receiver.actions if receiver else ()
    settings = next((each.settings for each in actions if (each.kind, each.index) == (place.kind, place.index)), None)
    suppressed, due_at, notes = None, AT_ONCE, heard.judgement.notes
    send_resolved = settings is None or settings.send_resolved
    if not send_resolved:
        # As Alertmanager does: such a receiver hears only of what fires.
        if group.firing:
            group = replace(group, alerts=group.firing)
        else:
            suppressed = "send_resolved is false"
    if suppressed is None and settings is not None and settings.when and place.destination not in heard.holders:
        # Who holds something of it hears on, whatever the readings are by now.
        suppressed = unwanted(settings.when, group.firing, found) if group.firing else "it was not told that it fired"
    if receiver is not None and receiver.flap_hold_seconds and group.status == "resolved":
        due_at = case.event.received_at + timedelta(seconds=receiver.flap_hold_seconds)
        notes = (*notes, f"told {units.duration(receiver.flap_hold_seconds)} later: it was to stay quiet so long")
    url = configuration.file.external_url
    notification = Notification(
        receiver=place.receiver,
        action=place.kind,
        index=place.index,
        group=group,
        findings={alert.fingerprint: found[alert.fingerprint] for alert in group.alerts},
        page_url=f"{url.rstrip('/')}/#{group.alerts[0].fingerprint}" if url else "",
        notes=notes,
        send_resolved=send_resolved,
    )
    return Planned(notification, suppressed, due_at)


def _held_part(group: AlertGroup, held: frozenset[str]) -> AlertGroup | None:
    """What a destination is to hear of a group that is no more routed to it; None when nothing it holds has ended."""
    alerts = tuple(alert for alert in group.alerts if alert.fingerprint in held) if held else group.resolved
    if all(alert.firing for alert in alerts):
        return None
    return replace(
        group,
        alerts=alerts,
        common_labels=common(alert.labels for alert in alerts),
        common_annotations=common(alert.annotations for alert in alerts),
    )
