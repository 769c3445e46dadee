"""What works in a thread of its own for as long as the service runs."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import telemetry


@contextmanager
def shown(thread: str) -> Iterator[None]:
    """Have the metrics say that a thread runs, and once it has ended, that it does not.

    Args:
        thread: its name.
    """
    running = telemetry.THREAD_RUNNING.labels(thread)
    running.set(1)
    try:
        yield
    finally:
        running.set(0)


class Background(ABC):
    """A thread that works until it is told to end: what it does in a turn, and when there is one, is the subclass's.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """End, after what is in hand; what is left is done by whoever looks next."""
        self._stopping.set()
        self._interrupt()
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        with shown(self._thread.name):
            self._work()

    @abstractmethod
    def _work(self) -> None:
        """Work in turns until `_stopping` is set; no error ends it."""

    def _interrupt(self) -> None:  # noqa: B027  # there may be nothing to do
        """Wake the thread where it waits for something else than `_stopping`."""
