"""A PagerDuty that takes everything, counts it by `dedup_key` and does nothing else; in a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import requests

from benchmarks._http import Message, Messages
from tests.service import ROOT

_DEDUP_KEY = re.compile(rb'"dedup_key":\s*"([^"]*)"')
_LOOK_SECONDS = 0.05
_BACKLOG = 4096


def _answer(status: str, document: Any) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_ACCEPTED = _answer("202 Accepted", {"status": "success", "message": "Event processed", "dedup_key": "seen"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What came since the last reset.

    Attributes:
        keys: of distinct `dedup_key`.
        last_at: when the last new key came, in monotonic seconds.
        cpu_seconds: of this process, since it started.
    """

    events: int
    keys: int
    last_at: float
    cpu_seconds: float

    @property
    def duplicates(self) -> int:
        """Events of a key that had come before."""
        return self.events - self.keys


class Sink:
    """Listens on loopback.

    Args:
        delay_seconds: before each answer.
        arrived: is told each event's body.
    """

    def __init__(self, delay_seconds: float = 0.0, arrived: Callable[[bytes], None] | None = None) -> None:
        """Does not listen yet."""
        self.delay_seconds = delay_seconds
        self.arrived = arrived
        self._keys: dict[bytes, float] = {}
        self._events = 0

    async def start(self) -> int:
        """Listens from now on, and returns the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=_BACKLOG)
        return int(server.sockets[0].getsockname()[1])

    def take(self, body: bytes) -> None:
        """Counts an event."""
        self._events += 1
        if found := _DEDUP_KEY.search(body):
            self._keys.setdefault(found[1], time.monotonic())
        if self.arrived is not None:
            self.arrived(body)

    def seen(self) -> Seen:
        """What came since the last reset."""
        last_at = next(reversed(self._keys.values()), 0.0)
        return Seen(self._events, len(self._keys), last_at, time.process_time())

    def reset(self) -> None:
        """Forgets what came."""
        self._keys, self._events = {}, 0


class _Connection(Messages):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def received(self, message: Message) -> None:
        if message.head.startswith(b"GET "):
            self._write(_answer("200 OK", asdict(self._sink.seen())))
        elif message.head.startswith(b"DELETE "):
            self._sink.reset()
            self._write(_answer("200 OK", {}))
        else:
            self._sink.take(message.body)
            if self._sink.delay_seconds:
                asyncio.get_running_loop().call_later(self._sink.delay_seconds, self._write, _ACCEPTED)
            else:
                self._write(_ACCEPTED)

    def _write(self, answer: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(answer)


class SinkProcess:
    """The sink as others see it.

    Args:
        url: where events are posted.
    """

    def __init__(self, url: str) -> None:
        """It runs already."""
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def reset(self) -> None:
        """Forgets what came."""
        self._session.delete(self.url, timeout=30)

    def seen(self) -> Seen:
        """What came since the last reset."""
        return Seen(**self._session.get(self.url, timeout=30).json())

    def wait_for(self, keys: int, timeout_seconds: float) -> Seen:
        """Waits for so many distinct keys, or until none has come for so long."""
        quiet_since, seen = time.monotonic(), self.seen()
        while seen.keys < keys and time.monotonic() - max(quiet_since, seen.last_at) < timeout_seconds:
            time.sleep(_LOOK_SECONDS)
            seen = self.seen()
        return seen


@contextmanager
def running_sink(delay_seconds: float = 0.0) -> Iterator[SinkProcess]:
    """Runs a sink for the length of the block."""
    command = [sys.executable, "-m", "benchmarks._sink", str(delay_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        try:
            assert process.stdout is not None
            yield SinkProcess(f"http://127.0.0.1:{int(process.stdout.readline())}/v2/enqueue")
        finally:
            process.terminate()


async def _serve(delay_seconds: float) -> None:
    print(await Sink(delay_seconds).start(), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Prints its port and listens until it is ended."""
    asyncio.run(_serve(float(sys.argv[1])))


if __name__ == "__main__":
    main()
