"""Kills workers and whole services, and freezes workers, at random instants and when something is in hand."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from tests.service import Service

_PAUSE_SECONDS = (0.3, 2.0)
# Mostly longer than the lease of what it has in hand.
_FREEZE_SECONDS = (2.0, 8.0, 7.5)
# At any instant few processes have anything in hand: so often the killer waits for one that has, and for how long.
_WAITS = 0.6
_WAIT_SECONDS = 1.0
_AWAY_SECONDS = (0.0, 3.0)
_ACTIONS, _WEIGHTS = ("worker", "service", "freeze"), (0.47, 0.11, 0.42)


@dataclass(slots=True)
class Freeze:
    """A worker that was stopped, in monotonic seconds; `thawed_at` is when it is to go on, and then when it did."""

    service: Service
    pid: int
    frozen_at: float
    thawed_at: float


class Killer(threading.Thread):
    """Does it until it is told to finish; then all is up and goes on.

    Args:
        replicas: Running. While one of several is away, the others are not killed as a whole.
        opportunity: Waits until something is in hand, at the longest for so many seconds.
    """

    def __init__(
        self,
        replicas: Sequence[Service],
        opportunity: Callable[[float], None],
        dice: Random,
        finish: threading.Event,
    ) -> None:
        """Starts nothing yet."""
        super().__init__(name="killer", daemon=True)
        self.done: Counter[str] = Counter()
        self.freezes: list[Freeze] = []
        self.troubles: list[str] = []
        self._replicas = replicas
        self._opportunity = opportunity
        self._dice = dice
        self._finish = finish
        self._away: dict[int, threading.Thread] = {}
        self._frozen: list[Freeze] = []

    def run(self) -> None:
        """Kills and freezes."""
        try:
            at = time.monotonic()
            while not self._finish.is_set():
                if time.monotonic() >= at:
                    if self._dice.random() < _WAITS:
                        self._opportunity(_WAIT_SECONDS)
                    acted = self._act()
                    at = time.monotonic() + (self._dice.uniform(*_PAUSE_SECONDS) if acted else _PAUSE_SECONDS[0])
                self._thaw()
                self._finish.wait(0.02)
            for thread in self._away.values():
                thread.join()
        except Exception as error:
            self.troubles.append(f"the killer failed: {error!r}")
        finally:
            self._thaw(everything=True)

    def _act(self) -> bool:
        """Returns whether there was anything to do it to."""
        self._away = {number: thread for number, thread in self._away.items() if thread.is_alive()}
        up = [number for number in range(len(self._replicas)) if number not in self._away]
        if not up:
            return False
        number = self._dice.choice(up)
        service = self._replicas[number]
        action = self._dice.choices(_ACTIONS, _WEIGHTS)[0]
        if service.ended:
            self.troubles.append("a service ended by itself")
            action = "service"
        if action != "service":
            return self._worker(service, action)
        if not self._away:
            self.done["service"] += 1
            service.kill()
            away_seconds = self._dice.uniform(*_AWAY_SECONDS) if len(self._replicas) > 1 else 0.0
            self._away[number] = threading.Thread(target=self._restart, args=(service, away_seconds), daemon=True)
            self._away[number].start()
        return number in self._away

    def _restart(self, service: Service, away_seconds: float) -> None:
        self._finish.wait(away_seconds)
        try:
            service.start()
        except AssertionError as error:
            self.troubles.append(f"a killed service did not come back: {error}")

    def _worker(self, service: Service, action: str) -> bool:
        frozen = {freeze.pid for freeze in self._frozen}
        pids = [pid for pid in service.worker_pids if pid not in frozen and _is_of(service, pid)]
        if not pids:
            return False
        pid = self._dice.choice(pids)
        self.done[action] += 1
        if action == "worker":
            _signal(service, pid, signal.SIGKILL)
            return True
        _signal(service, pid, signal.SIGSTOP)
        now = time.monotonic()
        self._frozen.append(Freeze(service, pid, now, now + self._dice.triangular(*_FREEZE_SECONDS)))
        return True

    def _thaw(self, everything: bool = False) -> None:
        for freeze in list(self._frozen):
            if everything or time.monotonic() >= freeze.thawed_at:
                # Before the signal: what comes of it is later.
                freeze.thawed_at = time.monotonic()
                self.freezes.append(freeze)
                self._frozen.remove(freeze)
                _signal(freeze.service, freeze.pid, signal.SIGCONT)


def _is_of(service: Service, pid: int) -> bool:
    """Whether it is still that service's: the number may be another's by now."""
    with suppress(ProcessLookupError):
        return os.getpgid(pid) == service.pid
    return False


def _signal(service: Service, pid: int, number: signal.Signals) -> None:
    if _is_of(service, pid):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
