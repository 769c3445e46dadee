"""Latency: from a webhook to PagerDuty's request, with readings from a real Prometheus, one alert at a time.

Against Alertmanager's own notifier, which looks nothing up, from `POST /api/v2/alerts` to the same far side.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks._alerts import Kind, body, pod
from benchmarks._http import Client
from benchmarks._parts import Workplace, pager
from benchmarks._report import Ratio, arguments, conclude, milliseconds, quantile, tell
from benchmarks._sink import Sink
from tests.far_sides.exporter import Exporter
from tests.far_sides.prometheus import Prometheus

_WARM_UP = 5
_PAUSE_SECONDS = 0.05
_LATEST_SECONDS = 10.0
_MIB = 2**20


class Stopwatch:
    """Posts one alert at a time and waits until the far side is asked about it; both are this process."""

    def __init__(self) -> None:
        """The far side does not listen yet."""
        self._awaited = b""
        self._arrival: asyncio.Future[float] | None = None
        self._sink = Sink(arrived=self._arrived)
        self.with_readings = 0

    async def start(self) -> str:
        """The far side listens; returns its URL."""
        return f"http://127.0.0.1:{await self._sink.start()}/v2/enqueue"

    def _arrived(self, event: bytes) -> None:
        if self._arrival is not None and self._awaited in event and not self._arrival.done():
            self._arrival.set_result(time.monotonic())
            self.with_readings += b"220 MiB" in event

    async def latencies(self, url: str, kind: Kind, run: str, numbers: Sequence[int]) -> list[float]:
        """Seconds from each request to the far side's; infinite where it was not asked within ten."""
        client = Client(url)
        found = []
        for number in numbers:
            posted = body(kind, run, number)
            self._awaited = pod(run, number).encode()
            self._arrival = asyncio.get_running_loop().create_future()
            begun = time.monotonic()
            await client.post(posted)
            try:
                found.append(await asyncio.wait_for(self._arrival, _LATEST_SECONDS) - begun)
            except TimeoutError:
                found.append(float("inf"))
            await asyncio.sleep(_PAUSE_SECONDS)
        client.close()
        return found


async def _measure(database: str, count: int, repeats: int) -> tuple[list[list[float]], list[list[float]], int]:
    """Seconds, of ours and of Alertmanager's, by run; and how many of ours told the memory."""
    watch = Stopwatch()
    sink_url = await watch.start()
    rounds = [range(repeat * count, (repeat + 1) * count) for repeat in range(repeats)]
    warm_up = range(repeats * count, repeats * count + _WARM_UP)
    with ExitStack() as stack:
        workplace = stack.enter_context(Workplace(database))
        exporter = stack.enter_context(Exporter(scrape_interval_seconds=15.0))
        for number in range(warm_up.stop):
            exporter.add_pod(
                "customer",
                pod("ours", number),
                "rs-transformer",
                cpu_cores=0.42,
                cpu_limit_cores=0.5,
                memory_bytes=220 * _MIB,
                memory_limit_bytes=256 * _MIB,
            )
        prometheus = stack.enter_context(Prometheus(workplace.folder, [exporter.url], scrape_interval="15s"))
        service = stack.enter_context(workplace.service("latency", pager(sink_url, prometheus.url)))
        alertmanager = stack.enter_context(workplace.alertmanager("alertmanager", sink_url, "..."))
        query = "count(container_memory_working_set_bytes)"
        await asyncio.to_thread(prometheus.wait_until, query, bool, 30.0)
        ours: tuple[str, Kind, str] = f"{service.url}/alert", "webhook", "ours"
        others: tuple[str, Kind, str] = f"{alertmanager.url}/api/v2/alerts", "alerts", "theirs"
        for each in (ours, others):
            await watch.latencies(*each, warm_up)
        watch.with_readings = 0
        found: tuple[list[list[float]], list[list[float]]] = [], []
        for numbers in rounds:
            for of, kind in zip(found, (ours, others), strict=True):
                of.append(await watch.latencies(*kind, numbers))
            tell(f"{quantile(found[0][-1], 0.5):.4f} s, Alertmanager {quantile(found[1][-1], 0.5):.4f} s")
    return *found, watch.with_readings


def main() -> None:
    """Measures, each in turn."""
    options = arguments(__doc__, count=100).parse_args()
    ours, others, with_readings = asyncio.run(_measure(options.database, options.count, options.repeats))
    told = milliseconds([each for of_run in ours for each in of_run])
    figures = {
        "database": options.database,
        "ratio": Ratio.of([quantile(each, 0.5) for each in ours], [quantile(each, 0.5) for each in others]),
        "ratio_of_p99": Ratio.of([quantile(each, 0.99) for each in ours], [quantile(each, 0.99) for each in others]),
        "ours_milliseconds": told,
        "alertmanager_milliseconds": milliseconds([each for of_run in others for each in of_run]),
        "with_readings": f"{with_readings} of {sum(map(len, ours))}",
    }
    targets = {
        "median under 20 ms": told["p50"] < 20,
        "p99 under 60 ms": told["p99"] < 60,
        "each with its reading": with_readings == sum(map(len, ours)),
    }
    conclude("latency", figures, targets)


if __name__ == "__main__":
    main()
