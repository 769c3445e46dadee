"""Real Prometheus and Alertmanager work with the exporter and a loopback webhook."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.far_sides.alertmanager import Alertmanager
from tests.far_sides.exporter import Exporter
from tests.far_sides.http_server import HttpServer, Request
from tests.far_sides.prometheus import Prometheus, Sample

RULES = """
groups:
- name: pods
  rules:
  - alert: PodHighMemory
    expr: sum by (namespace, pod, container) (container_memory_working_set_bytes{container="app"}) > 2e8
    labels: {severity: critical}
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """An exporter that Prometheus scrapes, whose alerts reach a webhook through Alertmanager."""

    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: HttpServer


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One set of servers for all tests here."""
    folder = tmp_path_factory.mktemp("cluster")
    with HttpServer() as webhook, Exporter() as exporter:
        exporter.add_pod("shop", "cart-1", "app", cpu_cores=0.42, memory_bytes=230_686_720, cpu_limit_cores=0.5)
        exporter.add_node("node-1:9100", cores=4, cpu_cores_used=3, memory_total_bytes=8e9, memory_available_bytes=2e9)
        with (
            Alertmanager(folder, webhook_url=f"{webhook.url}/alert") as alertmanager,
            Prometheus(folder, [exporter.url], RULES, [alertmanager.url]) as prometheus,
        ):
            yield Cluster(exporter, prometheus, alertmanager, webhook)


def only_value(samples: list[Sample]) -> float:
    """Returns the value of the one sample."""
    (sample,) = samples
    return sample.value


@pytest.mark.parametrize("span", ["30s", "1m", "5m"])
def test_rate_gives_the_cores_set(cluster: Cluster, span: str) -> None:
    """The rate over any span is what was set, as soon as the first scrape is in."""
    promql = f'sum(rate(container_cpu_usage_seconds_total{{pod="cart-1",container="app"}}[{span}]))'
    assert pytest.approx(0.42, rel=0.005) == only_value(cluster.prometheus.wait_until(promql))


def test_rate_of_a_late_pod_is_right_at_once(cluster: Cluster) -> None:
    """A pod that appears while Prometheus runs brings its past with it."""
    cluster.exporter.add_pod("shop", "late-1", "worker", cpu_cores=1.25, memory_bytes=1)
    promql = 'sum(rate(container_cpu_usage_seconds_total{pod="late-1",container="worker"}[5m]))'
    assert pytest.approx(1.25, rel=0.005) == only_value(cluster.prometheus.wait_until(promql))


def test_labels_and_gauges_are_as_exported(cluster: Cluster) -> None:
    """Prometheus keeps the exporter's own labels, and gauges have their values."""
    (sample,) = cluster.prometheus.wait_until('container_memory_working_set_bytes{container="app"}')
    assert (230_686_720, "shop", "cart-1") == (
        sample.value,
        sample.labels["namespace"],
        sample.labels["pod"],
    )
    assert 0.5 == only_value(cluster.prometheus.query('kube_pod_container_resource_limits{resource="cpu"}'))


def test_a_nodes_processors_are_as_busy_as_set(cluster: Cluster) -> None:
    """The usual query over node-exporter's series gives the share set."""
    promql = 'sum by (instance) (rate(node_cpu_seconds_total{mode!~"idle|iowait"}[5m]))'
    (sample,) = cluster.prometheus.wait_until(promql)
    assert "node-1:9100" == sample.labels["instance"]
    assert pytest.approx(3, rel=0.005) == sample.value


def test_a_scalar_and_a_wrong_query(cluster: Cluster) -> None:
    """A scalar is one sample without labels, and a wrong query says what is wrong."""
    assert [Sample({}, 2.0)] == cluster.prometheus.query("1 + 1")
    with pytest.raises(AssertionError, match="parse error"):
        cluster.prometheus.query("sum(")


def test_a_rule_fires_and_resolves_at_the_webhook(cluster: Cluster) -> None:
    """An alert of a rule reaches the webhook through Alertmanager, and so does its end."""

    def is_told(request: Request, status: str) -> bool:
        told = request.json()
        return bool(told["status"] == status and told["groupLabels"]["alertname"] == "PodHighMemory")

    (firing, *_) = cluster.webhook.wait_for(lambda request: is_told(request, "firing"), 10)
    payload = firing.json()
    labels = {
        "alertname": "PodHighMemory",
        "namespace": "shop",
        "pod": "cart-1",
        "container": "app",
        "severity": "critical",
    }
    assert ("POST", "/alert", "4", labels) == (
        firing.method,
        firing.path,
        payload["version"],
        payload["alerts"][0]["labels"],
    )
    assert payload["alerts"][0]["generatorURL"].startswith(cluster.prometheus.url)
    cluster.exporter.add_pod("shop", "cart-1", "app", cpu_cores=0.42, memory_bytes=1e8)
    cluster.webhook.wait_for(lambda request: is_told(request, "resolved"), 10)


def test_alertmanager_takes_alerts_directly(cluster: Cluster) -> None:
    """An alert posted to Alertmanager itself reaches the webhook within a few seconds."""
    labels = {"alertname": "Direct", "namespace": "shop"}
    cluster.alertmanager.post_alerts([{"labels": labels, "startsAt": datetime.now(UTC).isoformat()}])
    found = cluster.webhook.wait_for(lambda request: request.json()["groupLabels"] == labels, 5)
    assert [labels] == [alert["labels"] for alert in found[0].json()["alerts"]]


def test_alertmanager_says_what_is_wrong(cluster: Cluster) -> None:
    """An alert without labels fails the test with Alertmanager's own words."""
    with pytest.raises(AssertionError, match="400"):
        cluster.alertmanager.post_alerts([{"labels": {}}])


def test_alertmanager_wants_one_configuration(tmp_path: Path) -> None:
    """A webhook or a configuration is needed, and not both."""
    with pytest.raises(ValueError, match="either"):
        Alertmanager(tmp_path)
