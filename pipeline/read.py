"""Events as groups: what each payload says, and which groups its alerts are in that came without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from alerts import payload, taken
from alerts.model import TOGETHER, Alert, AlertGroup, common
from outbox.records import Event
from outbox.store import Store
from routing import Rules, regrouped

_log = structlog.get_logger("plan")


@dataclass(frozen=True, slots=True)
class Read:
    """An event's groups, or why it cannot be read.

    Attributes:
        told_with: an earlier event that tells all of it as well; None where it tells something itself.
    """

    event: Event
    groups: tuple[AlertGroup, ...] = ()
    error: str | None = None
    told_with: int | None = None


def read(events: Iterable[Event], rules: Rules, store: Store) -> list[Read]:
    """Read events.

    Raises:
        StoreError: what is known cannot be read.
    """
    found = [_read(event, rules) for event in events]
    ended = {
        alert.fingerprint
        for each in found
        for group in each.groups
        if group.bare and each.event.kind == "alert"
        for alert in group.resolved
    }
    if ended:
        known = store.bare_groups(ended)
        found = [replace(each, groups=(*each.groups, *_elsewhere(each, known))) for each in found]
    return _together(found)


def _together(events_read: Sequence[Read]) -> list[Read]:
    """What bare alerts of several events tell of one group is told by the first of these.

    Each would tell the whole group: of a storm of its members that is their square. Not by the last: were the first
    kept and the process to end before the last was, it would be lost.
    """
    carriers: dict[str, int] = {}
    found = list(events_read)
    for at, each in enumerate(events_read):
        own, told_with = [], None
        for group in each.groups:
            carrier = carriers.setdefault(group.group_key, at)
            if carrier == at or not _is_put_together(each, group):
                own.append(group)
                continue
            told_with = events_read[carrier].event.id
            found[carrier] = _with_group(found[carrier], _moved(group, each.event, found[carrier].event))
        if told_with is not None:
            found[at] = replace(found[at], groups=tuple(own), told_with=None if own else told_with)
    return found


def _is_put_together(event_read: Read, group: AlertGroup) -> bool:
    return event_read.event.kind == "alert" and group.bare and group.group_key.startswith(TOGETHER)


def _moved(group: AlertGroup, event: Event, carrier: Event) -> AlertGroup:
    """A group with starts that were left out as they would be read in the other event."""
    alerts = tuple(
        replace(alert, starts_at=carrier.received_at) if alert.starts_at == event.received_at else alert
        for alert in group.alerts
    )
    return replace(group, alerts=alerts)


def _with_group(event_read: Read, more: AlertGroup) -> Read:
    """An event that tells of one of its groups what another tells later, too: of one alert the last state."""

    def grown(group: AlertGroup) -> AlertGroup:
        if group.group_key != more.group_key:
            return group
        later = {alert.fingerprint for alert in more.alerts}
        alerts = (*(alert for alert in group.alerts if alert.fingerprint not in later), *more.alerts)
        return replace(
            group,
            alerts=alerts,
            common_labels=common(alert.labels for alert in alerts),
            common_annotations=common(alert.annotations for alert in alerts),
        )

    return replace(event_read, groups=tuple(map(grown, event_read.groups)))


def _read(event: Event, rules: Rules) -> Read:
    try:
        return Read(event, _grouped(event, rules))
    except payload.PayloadError as error:
        # It was taken once, by this version or an older one: no reason to look at it again and again.
        return Read(event, error=f"cannot be read any more: {error}")
    except Exception as error:
        _log.exception("an event cannot be read", event_id=event.id)
        return Read(event, error=f"cannot be read: {type(error).__name__}")


def _grouped(event: Event, rules: Rules) -> tuple[AlertGroup, ...]:
    if event.aside:
        # What fires in it is known.
        return (AlertGroup(taken.group_of(event.body), ()),)
    made_here = event.kind != "alert"
    groups = payload.parse(event.body, event.received_at, made_here=made_here)
    return groups if made_here else regrouped(rules.root, groups)


def _elsewhere(read_event: Read, known: Sequence[tuple[str, str]]) -> list[AlertGroup]:
    """The groups in which bare alerts that are over were told to fire when routes put them there."""
    if read_event.event.kind != "alert":
        return []
    ends: dict[str, tuple[AlertGroup, Alert]] = {
        alert.fingerprint: (group, alert) for group in read_event.groups if group.bare for alert in group.resolved
    }
    here = {group.group_key for group in read_event.groups}
    found: dict[str, AlertGroup] = {}
    for key, fingerprint in known:
        if key in here or fingerprint not in ends:
            continue
        group, alert = ends[fingerprint]
        alerts = (*(found[key].alerts if key in found else ()), alert)
        found[key] = replace(group, group_key=key, alerts=alerts)
    return list(found.values())
