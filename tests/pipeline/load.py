"""Alertmanagers under load: many post at once, and each tries again until its alert is taken."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from flask import Flask

from tests.pipeline.parts import body
from tests.samples import wire_alert

_THREADS = 4
_PAUSE_SECONDS = 0.02


class Load:
    """Posts alerts, each a group of its own, until the block ends; then each of them has been taken.

    Attributes:
        accepted: the events' ids by the alerts' names.
        statuses: how often each was answered.
    """

    def __init__(self, application: Flask, name: str = "A") -> None:
        self.accepted: dict[str, int] = {}
        self.statuses: Counter[int] = Counter()
        self._application = application
        self._name = name
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(_THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if error is not None:
            self._giving_up.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _post(self, number: int) -> None:
        client = self._application.test_client()
        count = 0
        while not self._stopping.is_set():
            count += 1
            name = f"{self._name}{number}x{count}"
            while not self._giving_up.is_set():
                response = client.post("/alert", data=body(wire_alert(name)))
                with self._lock:
                    self.statuses[response.status_code] += 1
                    if response.status_code == 200:
                        self.accepted[name] = int(response.headers["Location"].rpartition("/")[2])
                        break
                time.sleep(_PAUSE_SECONDS)
            time.sleep(_PAUSE_SECONDS)

    def seen(self, status: int, count: int = 1) -> bool:
        """Whether so many were answered so."""
        return self.statuses[status] >= count
