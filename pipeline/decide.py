"""What is told of an event: pure, given who hears of it and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import units
from alerts.conditions import unwanted
from alerts.findings import Finding
from alerts.model import Alert
from alerts.notification import Notification
from alerts.timeline import Acknowledgement
from config.base import ActionSettings
from config.schema import Configuration
from outbox.records import AT_ONCE, Plan, Planned
from pipeline.asides import asides
from pipeline.cases import Case, Heard
from pipeline.parts import Part, Place
from pipeline.traces import written

Findings = Mapping[str, tuple[Finding, ...]]
"""What was found, by fingerprint."""


def decide(configuration: Configuration, case: Case, findings: Iterator[tuple[Finding, ...]]) -> Plan:
    """Make the plan of an event.

    Args:
        findings: of each alert of its news, in their order.
    """
    if case.error is not None:
        return Plan(case.event, error=case.error)
    if case.told_with is not None:
        return Plan(case.event, told_with=case.told_with, trace=written(case, configuration.routing_id))
    deliveries: list[Planned] = []
    alerts: list[tuple[str, Alert, tuple[Finding, ...]]] = []
    for heard in case.news:
        found = {alert.fingerprint: next(findings) for alert in heard.group.alerts}
        # Of what the payload hides, and of what goes on firing when others lapse, nothing was heard.
        named = [alert for alert in heard.group.alerts if alert.fingerprint in heard.named]
        alerts += [(heard.group.group_key, alert, found[alert.fingerprint]) for alert in named]
        for part in heard.verdict.parts:
            planned = _planned(configuration, case, heard, part, found)
            if heard.aside:
                deliveries += asides(
                    case.event, planned.notification, _settings(configuration, part.place), heard.found_before
                )
            else:
                deliveries.append(planned)
    duplicates = [heard for heard in case.groups if not heard.news]
    return Plan(
        case.event,
        tuple(deliveries),
        tuple(alerts),
        histories={heard.group.group_key: heard.history for heard in case.groups},
        withheld={
            (heard.group.group_key, fingerprint): why
            for heard in case.news
            for fingerprint, why in heard.verdict.withheld.items()
        },
        sources={name: scopes for heard in case.news for name, scopes in heard.verdict.inhibiting.items()},
        heard_again={heard.group.group_key: tuple(sorted(heard.named)) for heard in duplicates},
        duplicate_of=duplicates[0].duplicate_of if duplicates and not case.news else None,
        trace=written(case, configuration.routing_id),
    )


def _planned(configuration: Configuration, case: Case, heard: Heard, part: Part, found: Findings) -> Planned:
    place, group, suppressed, due_at = part.place, part.group, part.suppressed, AT_ONCE
    receiver, settings = configuration.receiver(place.receiver), _settings(configuration, place)
    notes = (*heard.judgement.notes, *part.notes)
    # Who was told by other settings hears of the end.
    send_resolved = settings is None or settings.send_resolved or part.holds
    if not send_resolved and suppressed is None:
        # As Alertmanager does: such a receiver hears only of what fires.
        if group.firing:
            group = replace(group, alerts=group.firing)
        else:
            suppressed = "send_resolved is false"
    if suppressed is None and settings is not None and settings.when and not part.holds:
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
        began_at=heard.judgement.began_at if part.group is heard.group else None,
        acknowledged=heard.history.acknowledged,
        silenced=_silenced(case, heard),
    )
    # The end in a message that is edited: nobody is called by it.
    quiet = settings is not None and settings.timeline and not group.firing
    return Planned(notification, suppressed, due_at, quiet=quiet)


def _silenced(case: Case, heard: Heard) -> Acknowledgement | None:
    """Who had it silenced, while that lasts."""
    silenced = heard.history.silenced
    until = silenced.silenced_until if silenced else None
    return silenced if until and until > case.event.received_at else None


def _settings(configuration: Configuration, place: Place) -> ActionSettings | None:
    """Those of a destination; None where the configuration does not know it any more."""
    receiver = configuration.receiver(place.receiver)
    actions = receiver.actions if receiver else ()
    return next((each.settings for each in actions if (each.kind, each.index) == (place.kind, place.index)), None)
