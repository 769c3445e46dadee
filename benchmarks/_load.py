"""The load, in a process of its own: so many connections that each post the next body as soon as they are answered."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks._alerts import Kind, body
from benchmarks._http import Client
from tests.service import ROOT

_PAUSE_SECONDS = 0.05
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be posted.

    Attributes:
        run: what tells these groups from those of other runs.
        count: of requests; as many as `seconds` allow when 0.
        alerts: in each request.
    """

    url: str
    kind: Kind
    run: str
    count: int = 0
    seconds: float = 0.0
    alerts: int = 1
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it.

    Attributes:
        begun_at: monotonic seconds, which all processes share.
        latencies: seconds from each request to its answer of 200.
        refused: answers of another status, and connections lost; each was tried again.
        cpu_seconds: of this process, to see that it is not what is measured.
    """

    begun_at: float
    ended_at: float
    latencies: tuple[float, ...]
    refused: int
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / (self.ended_at - self.begun_at)


def load(order: Order) -> Loaded:
    """Posts it all from another process and waits for the end."""
    command = [sys.executable, "-m", "benchmarks._load"]
    done = subprocess.run(
        command, input=json.dumps(asdict(order)).encode(), stdout=subprocess.PIPE, check=True, cwd=ROOT
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return Loaded(**answer | {"latencies": tuple(answer["latencies"])})


async def _load(order: Order) -> Loaded:
    latencies: list[float] = []
    refused = 0
    # All of a given number are made before the first is sent; of an unknown number, each as it is sent.
    made = [body(order.kind, order.run, number, order.alerts) for number in range(order.count)]
    numbers = iter(range(order.count)) if order.count else itertools.count()
    make: Callable[[int], bytes] = (
        made.__getitem__ if made else lambda number: body(order.kind, order.run, number, order.alerts)
    )
    cpu_before, begun_at = time.process_time(), time.monotonic()
    deadline = begun_at + order.seconds if order.seconds else float("inf")

    async def connection() -> None:
        nonlocal refused
        client = Client(order.url)
        for number in numbers:
            posted, begun = make(number), time.monotonic()
            if begun >= deadline:
                break
            for _ in range(_TRIES):
                try:
                    if await client.post(posted) == 200:
                        latencies.append(time.monotonic() - begun)
                        break
                except ConnectionError:
                    pass
                refused += 1
                await asyncio.sleep(_PAUSE_SECONDS)
        client.close()

    await asyncio.gather(*(connection() for _ in range(order.connections)))
    return Loaded(begun_at, time.monotonic(), tuple(latencies), refused, time.process_time() - cpu_before)


def main() -> None:
    """Reads an order from standard input and writes what came of it."""
    order = Order(**json.load(sys.stdin))
    print(json.dumps(asdict(asyncio.run(_load(order)))))


if __name__ == "__main__":
    main()
