"""Nodes, as a real Prometheus knows them."""

from enrich.node import Enricher
from tests.enrich.lookup import MIB, Cluster, Lookup, alert
from tests.far_sides.exporter import Exporter


def add(exporter: Exporter, node: str, called: str = "node", **conditions: str) -> None:
    """Adds a node with 4 cores, of which 3 are used, and 8 GiB, of which 6 are; and what Kubernetes thinks of it."""
    root = {called: node, "id": "/", "metrics_path": "/metrics/cadvisor"}
    exporter.count("container_cpu_usage_seconds_total", {**root, "cpu": "total"}, 3)
    exporter.set("container_memory_working_set_bytes", root, 6144 * MIB)
    for resource, value in (("cpu", 4), ("memory", 8192 * MIB), ("pods", 110)):
        exporter.set("kube_node_status_capacity", {"node": node, "resource": resource, "unit": "x"}, value)
    for condition in ("Ready", "MemoryPressure", "DiskPressure"):
        is_so = conditions.get(condition, "true" if condition == "Ready" else "false")
        for status in ("true", "false", "unknown"):
            labels = {"node": node, "condition": condition, "status": status}
            exporter.set("kube_node_status_condition", labels, int(status == is_so))


USE = "3.00 of 4.00 cores (75%); memory 6.0 GiB of 8.0 GiB (75%)"


def test_tells_of_a_pods_node(cluster: Cluster, lookup: Lookup) -> None:
    """The node's use of its CPU and memory, and what is wrong with it; so of an alert that names a node itself."""
    exporter = cluster.exporter
    add(exporter, "worker-1")
    add(exporter, "worker-2", Ready="false", DiskPressure="true")
    add(exporter, "worker-3", called="kubernetes_io_hostname", Ready="unknown")
    for number in (1, 2, 3):
        exporter.add_pod("nodes", f"pod-{number}", "app", memory_bytes=MIB, node=f"worker-{number}")
    cluster.scraped()
    alerts = [alert(namespace="nodes", pod=f"pod-{number}") for number in (1, 2, 3)]
    alerts += [alert(node="worker-1"), alert(), alert(namespace="nodes")]
    expected = [USE, f"{USE}; DiskPressure; not Ready", f"{USE}; Ready unknown", USE, "", ""]
    assert expected == lookup.texts(Enricher(), *alerts)
    assert "node worker-1" == lookup.findings(Enricher(), alerts)[0][0].title


def test_tells_what_kubernetes_thinks_where_nobody_measures(cluster: Cluster, lookup: Lookup) -> None:
    """Without cAdvisor's figures of the node its conditions are told; without anything the metrics are named."""
    labels = {"node": "worker-4", "condition": "MemoryPressure", "status": "true"}
    cluster.exporter.set("kube_node_status_condition", labels, 1)
    cluster.scraped()
    expected = 'no data: container_cpu_usage_seconds_total{id="/"} and kube_node_status_condition have no samples for '
    found = lookup.texts(Enricher(), alert(node="worker-4"), alert(node="worker-5"))
    assert ["1 bad condition; MemoryPressure", f"{expected}node worker-5"] == found


def test_says_when_the_pods_node_is_not_known(cluster: Cluster, lookup: Lookup) -> None:
    """Without kube-state-metrics the metric is named; a pod that waits for a node has none."""
    cluster.exporter.set("kube_pod_info", {"namespace": "nodes", "pod": "pending-1", "node": ""}, 1)
    cluster.scraped()
    alerts = [alert(namespace="nodes", pod="unknown"), alert(namespace="nodes", pod="pending-1")]
    assert ["no data: kube_pod_info has no samples for pod nodes/unknown", ""] == lookup.texts(Enricher(), *alerts)


def test_tells_of_the_fullest_disk(cluster: Cluster, lookup: Lookup) -> None:
    """Of an instance of the node exporter: the fullest, or the one that the alert names; none that is memory."""
    for mount, free, kind in (("/", 500, "ext4"), ("/var", 100, "xfs"), ("/run", 1, "tmpfs")):
        labels = {"instance": "disk-1:9100", "mountpoint": mount, "fstype": kind, "device": "/dev/x"}
        cluster.exporter.set("node_filesystem_avail_bytes", labels, free * MIB)
        cluster.exporter.set("node_filesystem_size_bytes", labels, 1_000 * MIB)
    cluster.scraped()
    where = {"instance": "disk-1:9100", "job": "node-exporter"}
    alerts = [
        alert(**where),
        alert(**where, mountpoint="/"),
        alert(instance="app-1:8080"),
        alert(instance="disk-2:9100", mountpoint="/"),
    ]
    var, root = "900 MiB of 1000 MiB (90%)", "500 MiB of 1000 MiB (50%)"
    absent = "no data: node_filesystem_size_bytes has no samples for instance disk-2:9100"
    assert [var, root, "", absent] == lookup.texts(Enricher(), *alerts)
    assert "disk /var" == lookup.findings(Enricher(), alerts)[0][0].title
