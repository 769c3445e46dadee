"""How a thread waits for work: it is woken when there is some, and looks by itself now and then."""

from __future__ import annotations

import threading

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5


class Wake:
    """A bell with a clock.

    Looking by itself finds what other processes left; the pauses grow from 20 ms, since what a thread was woken for
    may be another's for a moment yet, to half a second.
    """

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._pause = _FIRST_PAUSE_SECONDS

    def ring(self) -> None:
        """Wake the thread that waits, now or when it next does."""
        self._bell.set()

    def wait(self, at_most_seconds: float | None = None) -> None:
        """Wait for the bell, or until it is time to look, or for as long as is said, whichever is shortest."""
        pause = self._pause if at_most_seconds is None else min(self._pause, at_most_seconds)
        if self._bell.wait(pause):
            self._bell.clear()
            self._pause = _FIRST_PAUSE_SECONDS
        else:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
