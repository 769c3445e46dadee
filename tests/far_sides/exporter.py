"""An exporter on loopback with the series a test sets, for a real Prometheus with honor_labels."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.series import Container, Series, node_series, pod_series

# Within the five minutes that an instant query looks back, and few enough for a scrape of many pods.
GAUGE_STEP_SECONDS = 15.0

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Line:
    """A value at a wall-clock time that grows by so much a second."""

    value: float
    per_second: float
    at: float

    def at_time(self, seconds: float) -> float:
        """Returns the value at that wall-clock time."""
        return self.value + self.per_second * (seconds - self.at)


class Exporter(HttpServer):
    """Serves /metrics; the first scrape after a series appears brings its past too, once.

    Without a past rate(x[5m]) would be far too low until Prometheus had run for five minutes, since it
    divides by the whole range. One exporter therefore serves one Prometheus.
    """

    def __init__(self, history_seconds: float = 360.0, scrape_interval_seconds: float = 1.0) -> None:
        """Starts without series; Prometheus takes a past of less than one hour."""
        super().__init__()
        self.history_seconds = history_seconds
        self.scrape_interval_seconds = scrape_interval_seconds
        self._lines: dict[Key, Line] = {}
        self._told: set[Key] = set()
        self._containers: dict[tuple[str, str, str], Container] = {}

    @property
    def url(self) -> str:
        """The URL of /metrics."""
        return f"{self.base_url}/metrics"

    def set(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Gives a series this value from now on."""
        with self.changed:
            self._lines[_key(name, labels)] = Line(value, 0.0, time.time())

    def count(self, name: str, labels: Mapping[str, str], per_second: float) -> None:
        """Lets a counter grow at this rate from now on, from where it stands."""
        now = time.time()
        key = _key(name, labels)
        with self.changed:
            # rate() extrapolates no further back than where a counter was 0: a new one starts well above.
            start = Line(1000.0 + per_second * self.history_seconds, 0.0, now)
            self._lines[key] = Line(self._lines.get(key, start).at_time(now), per_second, now)

    def remove(self, labels: Mapping[str, str]) -> None:
        """Takes away every series with all these labels; rate() sees it until its range is over, as ever."""
        with self.changed:
            gone = {key for key in self._lines if labels.items() <= dict(key[1]).items()}
            self._lines = {key: line for key, line in self._lines.items() if key not in gone}
            for where in list(self._containers):
                if labels.items() <= dict(zip(("namespace", "pod", "container"), where, strict=True)).items():
                    del self._containers[where]

    def add_pod(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        cpu_cores: float | None = None,
        memory_bytes: float | None = None,
        cpu_limit_cores: float | None = None,
        memory_limit_bytes: float | None = None,
        cpu_request_cores: float | None = None,
        memory_request_bytes: float | None = None,
        restarts: int = 0,
        node: str = "node-1",
    ) -> None:
        """Adds, or changes, one container of a pod as cAdvisor and kube-state-metrics tell of it."""
        self._containers[namespace, pod, container] = Container(
            container,
            cpu_cores,
            memory_bytes,
            cpu_limit_cores,
            memory_limit_bytes,
            cpu_request_cores,
            memory_request_bytes,
            restarts,
        )
        siblings = [one for where, one in self._containers.items() if where[:2] == (namespace, pod)]
        self._add(pod_series(namespace, pod, node, siblings))

    def add_node(
        self,
        instance: str,
        *,
        cores: int,
        cpu_cores_used: float,
        memory_total_bytes: float,
        memory_available_bytes: float,
    ) -> None:
        """Adds, or changes, one node as node-exporter tells of it."""
        self._add(node_series(instance, cores, cpu_cores_used, memory_total_bytes, memory_available_bytes))

    def answer(self, request: Request) -> Answer:
        """Answers /metrics in Prometheus's text format."""
        if request.path != "/metrics":
            return Answer(404)
        return Answer(200, self._text(time.time()).encode(), {"Content-Type": "text/plain; version=0.0.4"})

    def _add(self, found: list[Series]) -> None:
        with self.changed:
            for series in found:
                if series.name.endswith("_seconds_total"):
                    self.count(series.name, series.labels, series.per_second)
                else:
                    self.set(series.name, series.labels, series.value)

    def _text(self, now: float) -> str:
        lines: list[str] = []
        last = ""
        for key in sorted(self._lines):
            if key[0] != last:
                last = key[0]
                lines.append(f"# TYPE {last} {'counter' if last.endswith('_total') else 'gauge'}")
            lines += self._samples(key, now)
        return "\n".join([*lines, ""])

    def _samples(self, key: Key, now: float) -> list[str]:
        line = self._lines[key]
        if key in self._told or not self.history_seconds:
            return [f"{_head(key)} {line.at_time(now)!r}"]
        # With a timestamp each, and none without: Prometheus takes a series twice in a scrape only so.
        self._told.add(key)
        # Samples further apart than later ones would look to rate() like missing data at its range's edge.
        step_seconds = self.scrape_interval_seconds if line.per_second else GAUGE_STEP_SECONDS
        steps = range(int(self.history_seconds / step_seconds), -1, -1)
        times = [round(now - step * step_seconds, 3) for step in steps]
        return [f"{_head(key)} {line.at_time(at)!r} {round(at * 1000)}" for at in times]


def _key(name: str, labels: Mapping[str, str]) -> Key:
    return name, tuple(sorted(labels.items()))


def _head(key: Key) -> str:
    return key[0] + "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in key[1]) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
