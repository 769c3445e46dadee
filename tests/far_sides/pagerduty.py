"""PagerDuty on loopback: it judges each event by the contract and keeps the incidents it would open."""

import json
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.pagerduty_contract import LARGEST_EVENT_BYTES, event_errors

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not taken, and why."""

    status: int
    errors: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: triggered, acknowledged or resolved, and the events that made it so, oldest first."""

    routing_key: str
    dedup_key: str
    state: str
    events: tuple[Event, ...]


class PagerDuty(HttpServer):
    """Events API v2 at `url`; `known_keys` are taken although they are not 32 characters long."""

    def __init__(self, known_keys: Collection[str] = ()) -> None:
        """Starts with nothing open."""
        super().__init__()
        self.known_keys = frozenset(known_keys)
        self.events: list[Event] = []
        self.refused: list[Refusal] = []
        self.incidents: dict[tuple[str, str], Incident] = {}

    @property
    def url(self) -> str:
        """The URL of /v2/enqueue."""
        return f"{self.base_url}/v2/enqueue"

    def wait_for_event(
        self, predicate: Callable[[Event], bool] = lambda event: True, timeout_seconds: float = 5.0
    ) -> Event:
        """Waits until an accepted event fits and returns the first such event."""
        return self.wait_until(lambda: next(filter(predicate, self.events), None), timeout_seconds)

    def incident(self, dedup_key: str) -> Incident:
        """Returns the one incident with that key; AssertionError when there is none or there are several."""
        with self.changed:
            found = [incident for (_, key), incident in self.incidents.items() if key == dedup_key]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} incidents with dedup_key {dedup_key!r}; {self.described()}")
        return found[0]

    def answer(self, request: Request) -> Answer:
        """Answers as PagerDuty documents it: 202, or 400 with the reasons, or 413."""
        if request.path != "/v2/enqueue":
            return self._refuse(request, 404, [f"no such path: {request.path}"])
        if request.method != "POST":
            return self._refuse(request, 405, [f"no such method: {request.method}"])
        if len(request.body) > LARGEST_EVENT_BYTES:
            return self._refuse(request, 413, [f"{len(request.body)} bytes, at most {LARGEST_EVENT_BYTES}"])
        if request.headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/json":
            return self._refuse(request, 400, ["the content type is not application/json"])
        try:
            event = json.loads(request.body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return self._refuse(request, 400, ["JSON parse error"])
        errors = event_errors(event, self.known_keys)
        return self._refuse(request, 400, errors) if errors else self._accept(event)

    def described(self) -> str:
        """Tells what came so far, refusals with their reasons."""
        refusals = [f"\n  refused {refusal.status}: {'; '.join(refusal.errors)}" for refusal in self.refused]
        return super().described() + "".join(refusals)

    def _accept(self, event: Event) -> Answer:
        self.events.append(event)
        key = (event["routing_key"], event.get("dedup_key") or uuid.uuid4().hex)
        incident = _after(event, self.incidents.get(key), key)
        if incident is not None:
            self.incidents[key] = incident
        return _answer(202, {"status": "success", "message": "Event processed", "dedup_key": key[1]})

    def _refuse(self, request: Request, status: int, errors: list[str]) -> Answer:
        self.refused.append(Refusal(status, tuple(errors), request.body))
        said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
        return _answer(status, said)


def _after(event: Event, incident: Incident | None, key: tuple[str, str]) -> Incident | None:
    """Returns the incident after one event; acknowledging or resolving what is not open is dropped."""
    action = event["event_action"]
    if incident is None or incident.state == "resolved":
        return Incident(*key, "triggered", (event,)) if action == "trigger" else incident
    # A further trigger is added to the open incident and does not take back its acknowledgement.
    state = {"acknowledge": "acknowledged", "resolve": "resolved"}.get(action, incident.state)
    return Incident(*key, state, (*incident.events, event))


def _answer(status: int, said: dict[str, Any]) -> Answer:
    return Answer(status, json.dumps(said).encode(), {"Content-Type": "application/json"})


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
