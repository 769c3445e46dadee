"""PagerDuty on loopback: it judges each event by the contract and keeps the incidents it would open."""

import json
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.pagerduty_contract import LARGEST_EVENT_BYTES, change_errors, event_errors
from tests.far_sides.pagerduty_incidents import Deed, Dropped, Event, Incident, Incidents
from tests.far_sides.pagerduty_webhook import Delivery, Subscription

__all__ = ["Event", "Incident", "PagerDuty", "Refusal"]

# Of one integration key: https://github.com/PagerDuty/developer-docs, docs/events-API-v2/05-Rate-Limits.md
CALLS_A_MINUTE = 120

_JUDGES: dict[str, Callable[[object, Collection[str]], list[str]]] = {
    "/v2/enqueue": event_errors,
    "/v2/change/enqueue": change_errors,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not taken, and why."""

    status: int
    errors: tuple[str, ...]
    body: bytes


class PagerDuty(HttpServer):
    """Events API v2 at `url`; `known_keys` are taken although they are not 32 characters long.

    `events` and `changes` are what it took, and `opened` the incidents in their order, former ones of a key too.
    """

    def __init__(
        self, known_keys: Collection[str] = (), now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Starts with nothing open."""
        super().__init__()
        self.known_keys = frozenset(known_keys)
        self.events: list[Event] = []
        self.changes: list[Event] = []
        self.refused: list[Refusal] = []
        self.deliveries: list[Delivery] = []
        self._incidents = Incidents()
        self._subscription: Subscription | None = None
        self._now = now
        self._monotonic: Callable[[], float] | None = None
        self._called: dict[str, deque[float]] = defaultdict(deque)

    @property
    def url(self) -> str:
        """The URL of /v2/enqueue."""
        return f"{self.base_url}/v2/enqueue"

    @property
    def change_url(self) -> str:
        """The URL of /v2/change/enqueue."""
        return f"{self.base_url}/v2/change/enqueue"

    @property
    def opened(self) -> list[Incident]:
        """Every incident in the order in which they opened: so often was somebody paged."""
        with self.changed:
            return list(self._incidents.opened)

    @property
    def incidents(self) -> dict[tuple[str, str], Incident]:
        """The last incident of each routing key and dedup key."""
        return {(one.routing_key, one.dedup_key): one for one in self.opened}

    @property
    def dropped(self) -> list[Dropped]:
        """Events that were taken and did nothing, such as a resolve of what is not open."""
        with self.changed:
            return list(self._incidents.dropped)

    def wait_for_event(
        self, predicate: Callable[[Event], bool] = lambda event: True, timeout_seconds: float = 5.0
    ) -> Event:
        """Waits until an accepted event fits and returns the first such event."""
        return self.wait_until(lambda: next(filter(predicate, self.events), None), timeout_seconds)

    def incident(self, dedup_key: str) -> Incident:
        """Returns the one incident with that key; AssertionError when there is none or there are several."""
        found = [incident for (_, key), incident in self.incidents.items() if key == dedup_key]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} incidents with dedup_key {dedup_key!r}; {self.described()}")
        return found[0]

    def log(self, *, details: bool = False) -> str:
        """Returns incidents, dropped events and changes as a person reads them, without keys or times."""
        with self.changed:
            changes = [f"change: {each['payload']['summary']}\n" for each in self.changes]
            return self._incidents.log(details=details) + "".join(changes)

    def limit_rates(self, now: Callable[[], float] = time.monotonic) -> None:
        """Takes no more calls a minute and key than PagerDuty from here on; `now` is monotonic seconds."""
        self._monotonic = now

    def throttle(self, times: int = 1, retry_after_seconds: int | None = None) -> None:
        """Answers the next requests 429, which is not documented to say for how long."""
        headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        self.answer_next(429, b"Request Limit Exceeded", headers, times)

    def subscribe(self, url: str, *secrets: str) -> None:
        """Sends webhooks there from here on, signed with each secret."""
        self._subscription = Subscription(url, secrets)

    def acknowledge_by(self, person: str, dedup_key: str) -> int | None:
        """Has a person acknowledge an incident in PagerDuty; returns what the webhook was answered."""
        return self._act(dedup_key, Deed(person, "acknowledged"))

    def resolve_by(self, person: str, dedup_key: str) -> int | None:
        """Has a person resolve an incident in PagerDuty; returns what the webhook was answered."""
        return self._act(dedup_key, Deed(person, "resolved"))

    def tell(self, event_type: str, dedup_key: str, person: str | None = None) -> int | None:
        """Sends a webhook such as incident.triggered of an incident as it stands; returns what it was answered."""
        if self._subscription is None:
            return None
        told = self._subscription.delivery(event_type, self.incident(dedup_key), person, self._now())
        self.deliveries.append(told)
        return self._deliver(told)

    def tell_again(self) -> int | None:
        """Sends the last webhook once more, as happens: they are delivered at least once."""
        return self._deliver(self.deliveries[-1])

    def answer(self, request: Request) -> Answer:
        """Answers as PagerDuty documents it: 202, 400 with the reasons, 413, or 429."""
        judge = _JUDGES.get(request.path)
        if judge is None:
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
        if errors := judge(event, self.known_keys):
            return self._refuse(request, 400, errors)
        if self._too_many(event["routing_key"]):
            return Answer(429, b"Request Limit Exceeded")
        return self._accept(event) if judge is event_errors else self._accept_change(event)

    def described(self) -> str:
        """Tells what came so far, refusals with their reasons."""
        refusals = [f"\n  refused {refusal.status}: {'; '.join(refusal.errors)}" for refusal in self.refused]
        return super().described() + "".join(refusals)

    def _accept(self, event: Event) -> Answer:
        self.events.append(event)
        dedup_key = event.get("dedup_key") or uuid.uuid4().hex
        self._incidents.apply(event, (event["routing_key"], dedup_key))
        return _answer(202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key})

    def _accept_change(self, event: Event) -> Answer:
        self.changes.append(event)
        return _answer(202, {"status": "success", "message": "Change event processed"})

    def _refuse(self, request: Request, status: int, errors: list[str]) -> Answer:
        self.refused.append(Refusal(status, tuple(errors), request.body))
        said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
        return _answer(status, said)

    def _too_many(self, routing_key: str) -> bool:
        if self._monotonic is None:
            return False
        now, called = self._monotonic(), self._called[routing_key]
        while called and called[0] <= now - 60:
            called.popleft()
        if len(called) >= CALLS_A_MINUTE:
            return True
        called.append(now)
        return False

    def _act(self, dedup_key: str, deed: Deed) -> int | None:
        with self.changed:
            self._incidents.act(self.incident(dedup_key), deed)
            self.changed.notify_all()
        return self.tell(f"incident.{deed.state}", dedup_key, deed.person)

    def _deliver(self, told: Delivery) -> int | None:
        # Not under the lock: who hears of it may well send an event before they answer.
        if self._subscription is None:
            return None
        # So long do they wait: https://github.com/PagerDuty/developer-docs, docs/webhooks/02-Behavior.md
        return requests.post(self._subscription.url, data=told.body, headers=told.headers, timeout=5).status_code


def _answer(status: int, said: dict[str, Any]) -> Answer:
    return Answer(status, json.dumps(said).encode(), {"Content-Type": "application/json"})


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
