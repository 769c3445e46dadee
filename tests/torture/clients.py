"""Alertmanagers that post the states of groups: a state is posted until it is accepted, and only then the next."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import requests

from tests.torture.groups import State, group_name, next_firing

# Longer than any freeze: a post that was given up could be accepted after a later one.
PATIENCE_SECONDS = 60.0
# Longer than anything is down.
_REFUSED_SECONDS = 90.0
_TWICE = 0.05
_THINK_SECONDS = (0.02, 0.4)
# Of its groups a client has one that changes all the time.
_HECTIC = 0.3
# An Alertmanager waits, too; a database may still be keeping what a process that has died sent it.
_AGAIN_SECONDS = (0.2, 0.6)


@dataclass
class Accepted:
    """What the clients did; shared by them under the lock.

    Attributes:
        histories: each group's states that were accepted, in order.
        events: the state that each event tells, by its id, of the posts that were answered with success.
        shared_ids: of events that were the answer to more than one post.
    """

    histories: dict[str, list[State]] = field(default_factory=dict)
    events: dict[int, State] = field(default_factory=dict)
    shared_ids: list[int] = field(default_factory=list)
    posts: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, event_id: int, state: State) -> None:
        """Notes a post that was accepted."""
        with self.lock:
            if event_id in self.events:
                self.shared_ids.append(event_id)
            self.events[event_id] = state

    def trouble(self, what: str) -> None:
        """Notes what should not happen to a client, whatever happens to the service."""
        with self.lock:
            self.troubles.append(what)

    def count(self, failure: str) -> None:
        """Counts a post that was not accepted."""
        with self.lock:
            self.failures[failure] = self.failures.get(failure, 0) + 1


class Client(threading.Thread):
    """Posts the states of its groups until it is told to finish.

    Args:
        urls: The replicas'.
        numbers: Of its groups.
        finish: Set when no new state is to be begun.
    """

    def __init__(
        self, urls: Sequence[str], numbers: Sequence[int], accepted: Accepted, dice: Random, finish: threading.Event
    ) -> None:
        """Starts nothing yet."""
        super().__init__(name=f"client {numbers[0]}", daemon=True)
        self._urls = urls
        self._sizes = {group_name(number): dice.randint(1, 4) for number in numbers}
        self._accepted = accepted
        self._dice = dice
        self._finish = finish
        self._session = _session()
        with accepted.lock:
            accepted.histories |= {group: [] for group in self._sizes}

    def run(self) -> None:
        """Posts one state after the other, of any of its groups."""
        groups = list(self._sizes)
        try:
            while not self._finish.is_set():
                hectic = self._dice.random() < _HECTIC
                self._next_state(groups[0] if hectic else self._dice.choice(groups))
                self._finish.wait(self._dice.uniform(*_THINK_SECONDS))
        except Exception as error:
            self._accepted.trouble(f"{self.name}: {error!r}")
        finally:
            self._session.close()

    def _next_state(self, group: str) -> None:
        history = self._accepted.histories[group]
        before = history[-1].firing if history else frozenset()
        firing = next_firing(group, self._sizes[group], before, self._dice)
        state = State(group, len(history) + 1, time.monotonic(), firing, before - firing)
        body = json.dumps(state.payload()).encode()
        if self._dice.random() < _TWICE:
            with _session() as session:
                twin = threading.Thread(
                    target=self._post, args=(session, state, body, Random(self._dice.random())), daemon=True
                )
                twin.start()
                self._post(self._session, state, body, self._dice)
                twin.join()
        else:
            self._post(self._session, state, body, self._dice)
        history.append(state)

    def _post(self, session: requests.Session, state: State, body: bytes, dice: Random) -> None:
        headers = {"Content-Type": "application/json"}
        turn = dice.randrange(len(self._urls))
        begun = time.monotonic()
        while time.monotonic() - begun < _REFUSED_SECONDS:
            url = self._urls[turn % len(self._urls)]
            with self._accepted.lock:
                self._accepted.posts += 1
            try:
                response = session.post(f"{url}/alert", data=body, headers=headers, timeout=PATIENCE_SECONDS)
            except requests.ReadTimeout:
                # The order of what comes later would say nothing any more.
                self._accepted.trouble(f"a post was not answered within {PATIENCE_SECONDS} s")
                self._accepted.count("timeout")
            except requests.RequestException:
                self._accepted.count("no answer")
            else:
                if response.status_code == 200:
                    self._accepted.keep(int(response.headers["Location"].rpartition("/")[2]), state)
                    return
                self._accepted.count(str(response.status_code))
                if response.status_code < 500:
                    self._accepted.trouble(f"a post was answered {response.status_code}: {response.text[:300]}")
                    return
            turn += 1
            time.sleep(dice.uniform(*_AGAIN_SECONDS))
        self._accepted.trouble(f"{state.group} state {state.version} was not accepted within {_REFUSED_SECONDS} s")


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
