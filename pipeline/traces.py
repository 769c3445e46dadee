"""By what it was decided who is told of an event: kept in few words with its plan, and told later at length."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from alerts.model import Alert, AlertGroup, group_id
from config.schema import RoutingSettings
from outbox.records import Event
from outbox.store import Store
from pipeline.cases import Case
from pipeline.read import read
from routing import Rules, Sources, in_group, looked_at, trace

_MOST_ALERTS = 100


def written(case: Case, routing_id: str) -> str | None:
    """What cannot be found out later: the time, the routes then, and what inhibited others.

    Args:
        routing_id: of the configuration by which it was decided.
    """
    if case.decided_at is None:
        return None
    groups = {}
    for heard in case.groups:
        said: dict[str, Any] = {"duplicate_of": heard.duplicate_of, "sources": dict(heard.verdict.sources)}
        if heard.group.bare and heard.group.resolved:
            # An end is told in groups that routes no longer make of its alert.
            said |= {"key": heard.group.group_key, "named": sorted(heard.named)}
        groups[group_id(heard.group.group_key)] = {key: value for key, value in said.items() if value}
    return json.dumps({"at": case.decided_at.isoformat(), "routing": routing_id, "groups": groups})


def told(store: Store, event_id: int) -> dict[str, Any] | None:
    """Say of an event that was planned why its alerts went where they did, as JSON has it.

    Returns:
        Of each group each alert with every route that was tried; None where that is not known any more.

    Raises:
        StoreError: the database does not answer.
    """
    found = store.decided(event_id)
    if found is None or found.trace is None:
        return None
    kept = json.loads(found.trace)
    teller = store.decided(found.told_by) if found.told_by is not None else None
    if teller is not None and teller.trace is not None:
        # Of what is told with another event that one knows what inhibited it.
        kept["groups"] = {**json.loads(teller.trace)["groups"], **kept["groups"]}
    routing = store.routing(kept["routing"])
    if routing is None:
        return None
    rules, at = _rules(routing), datetime.fromisoformat(kept["at"])
    groups = []
    for group in _groups(found.event, kept["groups"], rules, store):
        said = kept["groups"].get(group_id(group.group_key), {})
        groups.append(
            {
                "key": group.group_key,
                "duplicate_of": said.get("duplicate_of"),
                **alerts_document(rules, group, said.get("sources", {}), at),
            }
        )
    return {"at": at.isoformat(), "groups": groups}


def _groups(event: Event, kept: Mapping[str, Mapping[str, Any]], rules: Rules, store: Store) -> Iterator[AlertGroup]:
    """An event's groups as its plan had them."""
    (event_read,) = read([event], rules, store)
    alerts: dict[str, tuple[AlertGroup, Alert]] = {}
    made = set()
    for group in event_read.groups:
        made.add(group_id(group.group_key))
        alerts |= {alert.fingerprint: (group, alert) for alert in group.alerts}
        yield group
    for known, said in kept.items():
        named = [alerts[each] for each in said.get("named", ()) if each in alerts]
        if known not in made and named:
            yield replace(named[0][0], group_key=said["key"], alerts=tuple(alert for _, alert in named))


def alerts_document(rules: Rules, group: AlertGroup, sources: Sources, now: datetime) -> Mapping[str, Any]:
    """Each alert of a group with every route that was tried, and each rule of inhibition that it is a target of."""
    alerts = []
    for at, alert in enumerate(group.alerts[:_MOST_ALERTS]):
        tried = trace(rules, alert.labels, now)
        inhibited = rules.inhibited(alert, sources)
        alerts.append(
            {
                "fingerprint": alert.fingerprint,
                "name": alert.name,
                "status": alert.status,
                "labels": dict(alert.labels),
                "receivers": list(dict.fromkeys(each.receiver for each in in_group(tried, group, at))),
                "inhibited": inhibited.reason if inhibited else None,
                "inhibit_rules": looked_at(rules, alert.labels, sources) if alert.firing else [],
                "routes": tried.document(),
            }
        )
    return {"alerts": alerts, "alerts_left_out": max(0, len(group.alerts) - _MOST_ALERTS)}


@lru_cache(maxsize=8)
def _rules(routing: str) -> Rules:
    return Rules.of(RoutingSettings.model_validate_json(routing))
