"""PagerDuty's incidents as events and persons make them, and as text that a person can read.

Source: https://github.com/PagerDuty/developer-docs, docs/events-API-v2/02-Trigger-Events.md
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

Event = dict[str, Any]

_STATES = {"acknowledge": "acknowledged", "resolve": "resolved"}


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person did to an incident in PagerDuty itself."""

    person: str
    state: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: its state, the events that made it so, and `entries`, which has persons' deeds as well.

    Oldest first; `number` counts the incidents as they open.
    """

    routing_key: str
    dedup_key: str
    state: str
    events: tuple[Event, ...]
    number: int = 1
    entries: tuple[Event | Deed, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """An event that was taken and did nothing, and why."""

    event: Event
    why: str


@dataclass(slots=True)
class Incidents:
    """All incidents in the order in which they opened, and the events that were dropped."""

    opened: list[Incident] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    _latest: dict[tuple[str, str], int] = field(default_factory=dict)

    def latest(self, key: tuple[str, str]) -> Incident | None:
        """Returns the last incident of a routing key and dedup key."""
        number = self._latest.get(key)
        return None if number is None else self.opened[number - 1]

    def apply(self, event: Event, key: tuple[str, str]) -> None:
        """Opens an incident, adds to an open one, or drops the event."""
        action, incident = event["event_action"], self.latest(key)
        if incident is not None and incident.state != "resolved":
            # A further trigger does not take back an acknowledgement.
            state = _STATES.get(action, incident.state)
            events = (*incident.events, event)
            self._put(replace(incident, state=state, events=events, entries=(*incident.entries, event)))
        elif action == "trigger":
            self._latest[key] = len(self.opened) + 1
            self.opened.append(Incident(*key, "triggered", (event,), self._latest[key], (event,)))
        else:
            self.dropped.append(Dropped(event, self._why(incident, key)))

    def act(self, incident: Incident, deed: Deed) -> Incident:
        """Lets a person acknowledge or resolve an open incident; AssertionError when it is not open."""
        if incident.state == "resolved":
            raise AssertionError(f"incident {incident.number} is resolved already")
        done = replace(incident, state=deed.state, entries=(*incident.entries, deed))
        self._put(done)
        return done

    def log(self, *, details: bool = False) -> str:
        """Returns each incident with what became of it, and what was dropped; no line holds a key or a time.

        Args:
            details: whether to show the custom details of each trigger too.
        """
        lines: list[str] = []
        for incident in self.opened:
            lines += [f"incident {incident.number} ({incident.state})"]
            lines += [f"    {line}" for entry in incident.entries for line in _entry(entry, details=details)]
        lines += [f"dropped {one.event['event_action']}: {one.why}" for one in self.dropped]
        return "".join(f"{line}\n" for line in lines)

    def _put(self, incident: Incident) -> None:
        self.opened[incident.number - 1] = incident

    def _why(self, incident: Incident | None, key: tuple[str, str]) -> str:
        if incident is not None:
            return f"incident {incident.number} is resolved already"
        elsewhere = any(dedup_key == key[1] for _, dedup_key in self._latest)
        return "it was triggered through another routing key" if elsewhere else "nothing was triggered"


def _entry(entry: Event | Deed, *, details: bool) -> Iterator[str]:
    if isinstance(entry, Deed):
        yield f"{entry.state} by {entry.person}"
        return
    payload = entry.get("payload") or {}
    if entry["event_action"] != "trigger":
        yield entry["event_action"]
        return
    yield f"trigger ({payload['severity']}) {payload['summary']}"
    shown = [*(each.get("text", each["href"]) for each in entry.get("links", []))]
    shown += [f"picture: {each.get('alt', '')}" for each in entry.get("images", [])]
    if shown:
        yield "    " + " ".join(f"[{each}]" for each in shown)
    if details:
        yield from (f"    {line}" for line in _details(payload.get("custom_details", {})))


def _details(node: Any) -> Iterator[str]:
    """Yields what is nested one step further in."""
    if not isinstance(node, dict):
        yield from (node if isinstance(node, str) else json.dumps(node, ensure_ascii=False)).split("\n")
        return
    for key, value in node.items():
        if isinstance(value, dict) or "\n" in str(value):
            yield f"{key}:"
            yield from (f"    {line}" for line in _details(value))
        else:
            yield f"{key}: {next(_details(value), '')}"
