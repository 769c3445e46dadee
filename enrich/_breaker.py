"""Leaving a data source alone that has failed several times in a row, so that nothing waits for it in vain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from enrich._base import NoAnswer

Asked = Callable[[str, str, float], None]
"""Told of each question the source, what came of it ("answered", "refused", "failed"; "left_alone": not asked), and the
seconds that it took."""


def unheard(source: str, outcome: str, seconds: float) -> None:
    """Nobody wants to know."""


FAILURES = 3
PAUSE_SECONDS = 10.0
# Who was given less has not failed when it did not answer.
_FAIR_SECONDS = 0.2


class Broken(Exception):
    """It is not the question that is wrong, but the source; the message follows the source's name."""


class Breaker:
    """Counts failures in a row; after three, ten seconds pass before one question is let through to see.

    Args:
        clock: seconds that only grow.
        asked: told of each question.
    """

    def __init__(self, clock: Callable[[], float], asked: Asked = unheard) -> None:
        self._clock = clock
        self._asked = asked
        self._lock = threading.Lock()
        self._failures = 0
        self._reason = ""
        self._again_at = 0.0

    @contextmanager
    def asking(self, source: str, deadline_seconds: float) -> Iterator[None]:
        """Ask once, and have what comes of it counted.

        Args:
            source: what people call it.
            deadline_seconds: what it is given.

        Raises:
            NoAnswer: it is left alone, or it is Broken; or what was raised, of a source that is well.
        """
        if refusal := self.refusal():
            self._asked(source, "left_alone", 0.0)
            raise NoAnswer(f"{source} {refusal}")
        begun = time.monotonic()
        try:
            yield
        except Broken as reason:
            self._asked(source, "failed", time.monotonic() - begun)
            if deadline_seconds >= _FAIR_SECONDS:
                self.failed(str(reason))
            raise NoAnswer(f"{source} {reason}") from None
        except NoAnswer:
            # It is well, and the question was not.
            self._asked(source, "refused", time.monotonic() - begun)
            self.succeeded()
            raise
        self._asked(source, "answered", time.monotonic() - begun)
        self.succeeded()

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
