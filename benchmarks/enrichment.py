"""Enrichment: a thousand pods looked up together, against two queries an alert asked one by one, of a real Prometheus.

One by one as one writes it first, a `requests.get` for each query; and over one connection that is kept. And what a
thousand events of one alert, as fast as they are accepted, cost that Prometheus in queries.
"""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import requests

import enrich
from alerts.findings import Finding, Reading
from alerts.model import Alert
from alerts.payload import parse
from benchmarks._alerts import body, pod
from benchmarks._load import Order, load
from benchmarks._parts import Workplace, nobody
from benchmarks._report import Ratio, arguments, conclude, tell
from enrich._base import Asks, NoAnswer
from outbound import Http
from outbox.database import open_database
from outbox.store import Store
from tests.far_sides.exporter import Exporter
from tests.far_sides.prometheus import Prometheus

_MIB = 2**20
_LIMIT_MIB = 1_000_000
_NODES = 20
_PLANNED_SECONDS = 30.0
_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What a run brought."""

    seconds: float
    queries: int
    wrong: int
    readings: int


def _memory(number: int) -> str:
    """What must be found of a pod: no two have the same."""
    reading = Reading("memory", "memory", (number + 1) * _MIB, "bytes", datetime.now(UTC), "", limit=_LIMIT_MIB * _MIB)
    return reading.text


@contextmanager
def _cluster(workplace: Workplace, pods: int) -> Iterator[Prometheus]:
    """A Prometheus that has scraped so many pods, each of a ReplicaSet, on one of a few nodes."""
    with Exporter(history_seconds=120.0, scrape_interval_seconds=15.0) as exporter:
        for number in range(pods):
            where = {"namespace": "customer", "pod": pod("ours", number)}
            exporter.add_pod(
                where["namespace"],
                where["pod"],
                "rs-transformer",
                cpu_cores=0.1,
                cpu_limit_cores=0.5,
                memory_bytes=(number + 1) * _MIB,
                memory_limit_bytes=_LIMIT_MIB * _MIB,
                node=f"node-{number % _NODES}",
            )
            owner = {"owner_kind": "ReplicaSet", "owner_name": f"app-{number // 10}-7d9f"}
            exporter.set("kube_pod_owner", {**where, **owner}, 1)
        for number in range(pods // 10 + 1):
            of_set = {"namespace": "customer", "replicaset": f"app-{number}-7d9f"}
            exporter.set(
                "kube_replicaset_owner", {**of_set, "owner_kind": "Deployment", "owner_name": f"app-{number}"}, 1
            )
            for metric in ("kube_deployment_spec_replicas", "kube_deployment_status_replicas_ready"):
                exporter.set(metric, {"namespace": "customer", "deployment": f"app-{number}"}, 10)
        for number in range(_NODES):
            node = {"node": f"node-{number}", "condition": "Ready", "status": "true"}
            exporter.set("kube_node_status_condition", node, 1)
        with Prometheus(workplace.folder, [exporter.url], scrape_interval="15s") as prometheus:
            prometheus.wait_until("count(kube_pod_owner)", lambda found: bool(found) and found[0].value == pods, 60.0)
            yield prometheus


class _Counting(enrich.Prometheus):
    """Counts what it is asked."""

    asked = 0

    def query(self, *given, **more):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().query(*given, **more)


def _together(url: str, http: Http, alerts: Sequence[Alert], names: Sequence[str]) -> Looked:
    found, prometheus = enrich.find(), _Counting(url, http)
    with ThreadPoolExecutor(16) as executor:
        begun = time.monotonic()
        findings = enrich.run(
            [found[name] for name in names],
            alerts,
            [prometheus],
            received=[datetime.now(UTC)] * len(alerts),
            timeout_seconds=_DEADLINE_SECONDS,
            executor=executor,
        )
        seconds = time.monotonic() - begun
    return Looked(seconds, prometheus.asked, _wrong(findings), _readings(findings))


def _naively(url: str) -> Callable[[str], object]:
    """Asks as one writes it first."""

    def ask(promql: str) -> object:
        answer = requests.get(f"{url}/api/v1/query", params={"query": promql}, timeout=_DEADLINE_SECONDS)
        answer.raise_for_status()
        return answer.json()

    return ask


def _over_one_connection(url: str, http: Http) -> Callable[[str], object]:
    """Asks as this service does."""
    prometheus = enrich.Prometheus(url, http)
    return lambda promql: prometheus.query(promql, datetime.now(UTC), _DEADLINE_SECONDS)


def _one_by_one(ask: Callable[[str], object], alerts: Sequence[Alert]) -> float:
    """Seconds for two queries an alert: its CPU and its memory."""
    begun = time.monotonic()
    for alert in alerts:
        where = f'namespace="{alert.labels["namespace"]}",pod="{alert.labels["pod"]}",container!=""'
        for promql in (
            f"sum(rate(container_cpu_usage_seconds_total{{{where}}}[5m]))",
            f"sum(container_memory_working_set_bytes{{{where}}})",
        ):
            try:
                ask(promql)
            except (NoAnswer, requests.RequestException) as reason:
                raise SystemExit(str(reason)) from None
    return time.monotonic() - begun


def _wrong(findings: Sequence[Sequence[Finding]]) -> int:
    """Alerts whose memory is not their own pod's."""
    told = [[each.text.partition(";")[0] for each in found if each.name == "memory"] for found in findings]
    return sum(texts != [_memory(number)] for number, texts in enumerate(told))


def _readings(findings: Sequence[Sequence[Finding]]) -> int:
    return sum(isinstance(each, Reading) for found in findings for each in found)


def _queries(prometheus: Prometheus) -> int:
    """How many Prometheus says that it was asked."""
    with urllib.request.urlopen(f"{prometheus.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    counts = re.findall(r'prometheus_http_requests_total\{[^}]*handler="/api/v1/query"[^}]*\} (\S+)', text)
    return int(sum(map(float, counts)))


def _storm(workplace: Workplace, prometheus: Prometheus, name: str, events: int) -> tuple[int, float, int]:
    """Queries, seconds until all are planned, and alerts without the right memory, of events that come at once."""
    configuration = {**nobody(), "prometheus": {"url": prometheus.url}}
    database = workplace.database(name)
    with workplace.service(name, configuration, database) as service:
        store = Store(open_database(database["DATABASE_URL"]), "benchmark")
        before = _queries(prometheus)
        begun = time.monotonic()
        load(Order(f"{service.url}/alert", "webhook", "ours", count=events))
        while store.backlog().events and time.monotonic() - begun < _PLANNED_SECONDS:
            time.sleep(0.05)
        seconds = time.monotonic() - begun
        asked = _queries(prometheus) - before
        found = {each.alert.labels["pod"]: each.findings for each in store.recent_alerts(events)}
    return asked, seconds, _wrong([found.get(pod("ours", number), ()) for number in range(events)])


def main() -> None:
    """Measures, each in turn."""
    options = arguments(__doc__, pods=1_000).parse_args()
    ours, same_two, naive, kept, storms = [], [], [], [], []
    everything = [name for name, each in enrich.find().items() if isinstance(each, Asks)]
    with ExitStack() as stack:
        workplace = stack.enter_context(Workplace(options.database))
        prometheus = stack.enter_context(_cluster(workplace, options.pods))
        http = Http()
        posted = (body("webhook", "ours", number) for number in range(options.pods))
        alerts = [alert for each in posted for group in parse(each, datetime.now(UTC)) for alert in group.alerts]
        for number in range(options.repeats):
            ours.append(_together(prometheus.url, http, alerts, everything))
            same_two.append(_together(prometheus.url, http, alerts, ["cpu", "memory"]))
            naive.append(_one_by_one(_naively(prometheus.url), alerts))
            kept.append(_one_by_one(_over_one_connection(prometheus.url, http), alerts))
            tell(
                f"{ours[-1].seconds:.3f} s in {ours[-1].queries} queries, CPU and memory {same_two[-1].seconds:.3f} s; "
                f"one by one {naive[-1]:.2f} s, over one connection {kept[-1]:.2f} s"
            )
            storms.append(_storm(workplace, prometheus, f"storm-{number}", options.pods))
            tell(f"as events: {storms[-1][0]} queries, {storms[-1][1]:.1f} s")
    of_two = Ratio.of(naive, [each.seconds for each in same_two])
    figures = {
        "database": options.database,
        "pods": options.pods,
        "enrichers": len(everything),
        "ratio_of_all_enrichers": Ratio.of(naive, [each.seconds for each in ours]),
        "ratio": of_two,
        "ratio_to_one_connection": Ratio.of(kept, [each.seconds for each in same_two]),
        "together_seconds": [round(each.seconds, 3) for each in ours],
        "cpu_and_memory_seconds": [round(each.seconds, 3) for each in same_two],
        "one_by_one_seconds": [round(each, 2) for each in naive],
        "over_one_connection_seconds": [round(each, 2) for each in kept],
        "queries_of_one_event": max(each.queries for each in ours),
        "readings": [each.readings for each in ours],
        "wrong": sum(each.wrong for each in (*ours, *same_two)),
        "queries_of_events": [asked for asked, _, _ in storms],
        "events_planned_seconds": [round(seconds, 2) for _, seconds, _ in storms],
        "wrong_of_events": sum(wrong for _, _, wrong in storms),
    }
    targets = {
        "one event of 1,000 pods in at most 40 queries": max(each.queries for each in ours) <= 40,
        "1,000 events in at most 100 queries": max(asked for asked, _, _ in storms) <= 100,
        "CPU and memory at least 20 times as fast as two queries an alert": of_two.median >= 20,
        "each alert its own pod's values": not figures["wrong"] and not figures["wrong_of_events"],
    }
    conclude("enrichment", figures, targets)


if __name__ == "__main__":
    main()
