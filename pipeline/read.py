"""Events as groups: what each payload says, and which groups its alerts are in that came without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from alerts import payload
from alerts.model import Alert, AlertGroup
from outbox.records import Event
from outbox.store import Store
from routing import Rules, regrouped

_log = structlog.get_logger("plan")


@dataclass(frozen=True, slots=True)
class Read:
    """An event's groups, or why it cannot be read."""

    event: Event
    groups: tuple[AlertGroup, ...] = ()
    error: str | None = None


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
    if not ended:
        return found
    known = store.bare_groups(ended)
    return [replace(each, groups=(*each.groups, *_elsewhere(each, known))) for each in found]


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
