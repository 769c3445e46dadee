"""Alertmanagers that tell of alerts that a rule is to do something about: each begins, is told again, and ends."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import requests

from alerts.model import fingerprint
from tests.samples import webhook, wire_alert
from tests.torture.clients import PATIENCE_SECONDS

_REFUSED_SECONDS = 90.0
_AGAIN_SECONDS = (0.2, 0.6)
_THINK_SECONDS = (0.05, 0.5)
_REPEAT, _END = 0.35, 0.85


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing of an alert, of which the rule is to hear that its labels lead to."""

    fix: str
    fingerprint: str
    starts_at: datetime


@dataclass
class Told:
    """What the clients told; shared by them under the lock.

    Attributes:
        events: which firing each accepted event tells of, by its id.
        firing: what fires at the end, by its labels.
    """

    events: dict[int, Firing] = field(default_factory=dict)
    firing: dict[str, Firing] = field(default_factory=dict)
    begun: int = 0
    posts: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Teller(threading.Thread):
    """Tells of the alerts of some labels until it is told to finish; some fire on then.

    Args:
        urls: the replicas'.
        finish: set when nothing new is to be told.
    """

    def __init__(
        self,
        urls: Sequence[str],
        alerts: Sequence[Mapping[str, str]],
        token: str,
        told: Told,
        dice: Random,
        finish: threading.Event,
    ) -> None:
        """Starts nothing yet."""
        super().__init__(name="teller", daemon=True)
        self._urls, self._alerts, self._told, self._dice, self._finish = urls, alerts, told, dice, finish
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"Content-Type": "application/json", "Authorization": f"Bearer {token}"})

    def run(self) -> None:
        """Tells one after the other."""
        try:
            while not self._finish.wait(self._dice.uniform(*_THINK_SECONDS)):
                self._tell(self._dice.choice(self._alerts))
        except Exception as error:
            with self._told.lock:
                self._told.troubles.append(f"{self.name}: {error!r}")
        finally:
            self._session.close()

    def _tell(self, labels: Mapping[str, str]) -> None:
        key = json.dumps(labels, sort_keys=True)
        was, chance = self._told.firing.get(key), self._dice.random()
        if was is not None and _REPEAT <= chance < _END:
            return
        alert = {**wire_alert("Broken", **labels), "generatorURL": ""}
        ends = was is not None and chance >= _END
        at = was.starts_at if was is not None else datetime.now(UTC)
        of = was or Firing(labels["fix"], fingerprint(alert["labels"]), at)
        alert["startsAt"] = at.isoformat()
        if ends:
            alert |= {"status": "resolved", "endsAt": datetime.now(UTC).isoformat()}
        event_id = self._post(webhook(alert, group_key=key))
        with self._told.lock:
            self._told.begun += was is None
            if ends:
                del self._told.firing[key]
                return
            self._told.firing[key] = of
            self._told.events[event_id] = of

    def _post(self, body: dict[str, Any]) -> int:
        data, begun = json.dumps(body).encode(), time.monotonic()
        turn = self._dice.randrange(len(self._urls))
        while time.monotonic() - begun < _REFUSED_SECONDS:
            with self._told.lock:
                self._told.posts += 1
            try:
                url = f"{self._urls[turn % len(self._urls)]}/alert"
                response = self._session.post(url, data=data, timeout=PATIENCE_SECONDS)
                if response.status_code == 200:
                    return int(response.headers["Location"].rpartition("/")[2])
                failure = str(response.status_code)
                assert response.status_code >= 500, f"a post was answered {failure}: {response.text[:300]}"
            except requests.RequestException:
                failure = "no answer"
            with self._told.lock:
                self._told.failures[failure] = self._told.failures.get(failure, 0) + 1
            turn += 1
            time.sleep(self._dice.uniform(*_AGAIN_SECONDS))
        raise AssertionError(f"not accepted within {_REFUSED_SECONDS} s: {body}")
