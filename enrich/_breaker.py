"""Leaving a data source alone that has failed several times in a row, so that nothing waits for it in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable

FAILURES = 3
PAUSE_SECONDS = 10.0


class Breaker:
    """Counts failures in a row; after three, ten seconds pass before one question is let through to see.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._reason = ""
        self._again_at = 0.0

    def refusal(self) -> str:
        """Why nothing is to be asked now; "" when it may be, and then what came of it is to be told."""
        with self._lock:
            if self._failures < FAILURES:
                return ""
            now = self._clock()
            if now >= self._again_at:
                # This one sees whether it is well again; the others wait for what comes of it.
                self._again_at = now + PAUSE_SECONDS
                return ""
            return f"is left alone after {self._failures} failures in a row; the last: {self._reason}"

    def succeeded(self) -> None:
        """It answered."""
        with self._lock:
            self._failures = 0

    def failed(self, reason: str) -> None:
        """It did not, or nothing that could be used."""
        with self._lock:
            self._failures += 1
            self._reason = reason
            if self._failures >= FAILURES:
                self._again_at = self._clock() + PAUSE_SECONDS
