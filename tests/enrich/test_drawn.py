"""Readings that are drawn: what a real Prometheus answers to the query of each is one series that ends in its value."""

from datetime import timedelta

import pytest

from alerts.findings import Reading
from alerts.model import Alert
from enrich import Prometheus, find
from outbound import Http
from tests.enrich import test_node
from tests.enrich.lookup import MIB, Cluster, Lookup, alert
from tests.enrich.test_expression import about

HOSTILE = "a\"b\\c $1 {{x}} ' ÿ"


@pytest.fixture(scope="module")
def alerts(cluster: Cluster) -> dict[str, Alert]:
    """Alerts with something to draw, by what is to be found of them."""
    exporter = cluster.exporter
    moved = {"container_name": "app", "namespace": "drawn", "pod_name": "drawn-old-1", "id": "/x"}
    exporter.count("container_cpu_usage_seconds_total", moved, 0.3)
    exporter.set("container_memory_working_set_bytes", moved, 30 * MIB)
    test_node.add(exporter, "worker-7", called="kubernetes_io_hostname")
    exporter.add_pod("drawn", "drawn-1", "app", cpu_cores=0.2, memory_bytes=20 * MIB, node="worker-7")
    exporter.add_pod("drawn", "drawn-1", "proxy", cpu_cores=0.1, memory_bytes=10 * MIB, node="worker-7")
    # The pod's own cgroup holds what its containers do once more.
    exporter.set("container_memory_working_set_bytes", {"namespace": "drawn", "pod": "drawn-1"}, 31 * MIB)
    claim = {"namespace": "drawn", "persistentvolumeclaim": "data"}
    exporter.set("kubelet_volume_stats_used_bytes", {**claim, "node": "worker-7"}, 5 * MIB)
    exporter.set("kubelet_volume_stats_capacity_bytes", {**claim, "node": "worker-7"}, 9 * MIB)
    disk = {"instance": "node-1:9100", "device": "/dev/sda", "fstype": "ext4", "mountpoint": "/"}
    exporter.set("node_filesystem_size_bytes", disk, 100 * MIB)
    exporter.set("node_filesystem_avail_bytes", disk, 25 * MIB)
    for queue in (HOSTILE, "other"):
        exporter.set("drawn_queue", {"namespace": "drawn", "queue": queue}, len(queue))
        exporter.set("drawn_queue", {"exported_namespace": "drawn", "exported_pod": "p", "queue": queue}, 7)
    cluster.scraped()
    return {
        "pod": alert(namespace="drawn", pod="drawn-1"),
        "container": alert(namespace="drawn", pod="drawn-1", container="app"),
        "older cAdvisor": alert(namespace="drawn", pod="drawn-old-1"),
        "instance": alert(instance="node-1:9100", job="node-exporter"),
        "claim": alert(**claim),
        "rule": about("sum by (namespace, queue) (drawn_queue) > 3", namespace="drawn", queue=HOSTILE),
        "rule without labels": about("max(drawn_queue) > 3", namespace="drawn"),
        "rule over moved labels": about(
            "sum by (exported_namespace, exported_pod) (drawn_queue) > 3", exported_namespace="drawn", exported_pod="p"
        ),
    }


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("pod", {"CPU", "memory", "node worker-7"}),
        ("container", {"CPU", "memory", "node worker-7"}),
        ("older cAdvisor", {"CPU", "memory"}),
        ("instance", {"CPU", "memory", "disk /"}),
        ("claim", {"volume data"}),
        ("rule", {"value"}),
        ("rule without labels", {"value"}),
        ("rule over moved labels", {"value"}),
    ],
)
def test_its_query_is_its_value_all_along(
    which: str, expected: set[str], alerts: dict[str, Alert], lookup: Lookup, cluster: Cluster, http: Http
) -> None:
    """Beside others of its kind that are asked about together, and in whatever names its labels have."""
    client = Prometheus(cluster.server.url, http)
    drawn: dict[str, Reading] = {}
    for enricher in find().values():
        findings = lookup.findings(enricher, list(alerts.values()))[list(alerts).index(which)]
        drawn |= {each.title: each for each in findings if isinstance(each, Reading) and each.drawn}
    assert expected == drawn.keys()
    for each in drawn.values():
        (series,) = client.range_query(each.query, each.at - timedelta(minutes=3), each.at, 30, 5)
        assert pytest.approx(each.value, rel=0.02) == series.values[-1][1], each.query
        assert len(each.query) < 1_000


def test_a_query_that_would_be_too_long_is_not_drawn(cluster: Cluster, lookup: Lookup) -> None:
    """It would not fit into a picture's URL; the value is told all the same."""
    cluster.exporter.set("drawn_long", {"which": "x"}, 4)
    cluster.scraped()
    long = " + ".join(["sum by (which) (drawn_long)"] * 90)
    ((reading,),) = lookup.findings(find()["expression"], [about(f"{long} > 1", which="x")])
    assert isinstance(reading, Reading)
    assert (360.0, False) == (reading.value, reading.drawn)
