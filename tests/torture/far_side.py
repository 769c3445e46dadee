"""A PagerDuty that fails at random, and notes what arrived before it does anything else."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.far_sides.http_server import Answer, Request
from tests.far_sides.pagerduty import PagerDuty

_HANG_SECONDS = 3.0
_FAILS_BEFORE = 0.20
_FAILS_AFTER = 0.05
# What hangs is what a process has in hand when it is killed or frozen.
# No 429: after the first of them the service holds a slow pace for five minutes, and the load would be gone.
_BEFORE = ("500", "503", "closed", "hung", "hung", "hung")
_AFTER = "unanswered"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it arrived.

    Attributes:
        at: monotonic seconds.
        group: whose it is, as its words say; "" for a resolve, which has none.
        version: of the state it tells, as its words say; 0 for a resolve.
        firing: the names of the alerts that it says fire.
        resolved: of those that it says have ended.
        taken: whether PagerDuty has it now.
        answered: whether it said so.
    """

    at: float
    key: str
    action: str
    group: str = ""
    version: int = 0
    firing: frozenset[str] = frozenset()
    resolved: frozenset[str] = frozenset()
    taken: bool = True
    answered: bool = True


class FailingPagerDuty(PagerDuty):
    """PagerDuty with `arrivals`, in the order in which events came, whether taken or not; `calm` ends its failing."""

    def __init__(self, dice: Random) -> None:
        """Fails from the start."""
        super().__init__()
        self.arrivals: list[Arrival] = []
        self.injected: Counter[str] = Counter()
        self.abandoned = 0
        self.calm = False
        self._dice = dice

    def take(self, request: Request) -> Answer | None:
        """Notes a request, judges it, and fails or answers."""
        with self.changed:
            # Of a process that has died: another may have gone on already, and which was first nobody knows.
            if request.abandoned():
                self.abandoned += 1
                return None
            trouble = "" if self.calm else self._trouble()
            answer: Answer | None = Answer(202)
            if trouble in ("", _AFTER):
                answer = self.answer(request)
            self.injected[trouble] += 1
            self.arrivals.append(_arrival(request, trouble))
            self.changed.notify_all()
        if trouble == "hung":
            self._server.stopping.wait(_HANG_SECONDS)
        if trouble in ("closed", "hung", _AFTER):
            return None
        return Answer(int(trouble)) if trouble else answer

    def wait_for_hang(self, timeout_seconds: float) -> None:
        """Waits until one more event hangs, at the longest for that time."""
        with self.changed:
            before = self.injected["hung"]
            self.changed.wait_for(lambda: self.injected["hung"] > before, timeout_seconds)

    def _trouble(self) -> str:
        chance = self._dice.random()
        if chance < _FAILS_BEFORE:
            return self._dice.choice(_BEFORE)
        return _AFTER if chance < _FAILS_BEFORE + _FAILS_AFTER else ""


def _arrival(request: Request, trouble: str) -> Arrival:
    event = json.loads(request.body)
    taken, answered = trouble in ("", _AFTER), not trouble
    key, action = event["dedup_key"], event["event_action"]
    if action != "trigger":
        return Arrival(request.received_at, key, action, taken=taken, answered=answered)
    payload = event["payload"]
    details = payload["custom_details"]
    said = re.search(r"(G\d+) state (\d+)", payload["summary"])
    assert said is not None, payload["summary"]
    return Arrival(
        request.received_at,
        key,
        action,
        said[1],
        int(said[2]),
        _names(details.get("firing")),
        _names(details.get("resolved")),
        taken,
        answered,
    )


def _names(told: Any) -> frozenset[str]:
    """The alerts that a part of the details names."""
    return frozenset(re.findall(r"G\d+A\d+", json.dumps(told)))
