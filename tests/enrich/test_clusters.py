"""One Prometheus that knows several clusters, as Thanos and Mimir do: each alert has its own cluster's values."""

import pytest

from enrich import find
from enrich._base import Asks
from tests.enrich.lookup import MIB, Cluster, Lookup, alert

ENRICHERS = {name: each for name, each in find().items() if isinstance(each, Asks)}
POD = {"namespace": "twins", "pod": "pg-0", "container": "db"}


@pytest.fixture(scope="module")
def twins(cluster: Cluster) -> Cluster:
    """Two clusters in which everything is called the same."""
    exporter = cluster.exporter
    for name, number in (("east", 1), ("west", 3)):
        of = {"cluster": name}
        pod, node = {**of, **POD}, {**of, "node": "twin-1"}
        exporter.set("container_memory_working_set_bytes", {**pod, "id": f"/{name}"}, number * 10 * MIB)
        exporter.count("container_cpu_usage_seconds_total", {**pod, "id": f"/{name}"}, number / 10)
        exporter.set("kube_pod_container_resource_limits", {**pod, "resource": "memory", "unit": "byte"}, 100 * MIB)
        exporter.set("kube_pod_info", {**pod, "node": "twin-1"}, 1)
        exporter.set("kube_pod_container_status_restarts_total", pod, number)
        exporter.set("kube_pod_owner", {**pod, "owner_kind": "StatefulSet", "owner_name": "pg"}, 1)
        of_set = {**of, "namespace": "twins", "statefulset": "pg"}
        exporter.set("kube_statefulset_replicas", of_set, 3)
        exporter.set("kube_statefulset_status_replicas_ready", of_set, number)
        exporter.set("kube_node_status_capacity", {**node, "resource": "cpu", "unit": "core"}, 4)
        exporter.set(
            "kube_node_status_condition", {**node, "condition": "MemoryPressure", "status": "true"}, number // 3
        )
        exporter.count("container_cpu_usage_seconds_total", {**node, "id": "/"}, number)
        claim = {**of, "namespace": "twins", "persistentvolumeclaim": "data-pg-0"}
        exporter.set("kubelet_volume_stats_used_bytes", claim, number * 10 * MIB)
        exporter.set("kubelet_volume_stats_capacity_bytes", claim, 100 * MIB)
    cluster.scraped()
    return cluster


@pytest.mark.parametrize(("name", "number"), [("east", 1), ("west", 3)])
@pytest.mark.usefixtures("twins")
def test_each_alert_has_its_own_clusters_values(lookup: Lookup, name: str, number: int) -> None:
    """Of pods, workloads, nodes and claims, though the alerts of both are looked up together."""
    other = {"east": "west", "west": "east"}[name]

    def text(enricher: str, **labels: str) -> str:
        found, _ = lookup.texts(ENRICHERS[enricher], alert(cluster=name, **labels), alert(cluster=other, **labels))
        return found

    assert text("memory", **POD).startswith(f"{number * 10} MiB of 100 MiB ({number * 10}%)")
    assert text("cpu", **POD).startswith(f"0.{number}0 cores")
    assert text("restarts", **POD).startswith(f"{number} in the last hour")
    assert text("workload", **POD) == f"{number} of 3 replicas ready"
    assert text("workload", namespace="twins", statefulset="pg") == f"{number} of 3 replicas ready"
    pressure = "; MemoryPressure" if number == 3 else ""
    assert text("node", **POD) == f"{number}.00 of 4.00 cores ({number * 25}%){pressure}"
    assert text("volume", namespace="twins", persistentvolumeclaim="data-pg-0").startswith(f"{number * 10} MiB of 100")


@pytest.mark.usefixtures("twins")
def test_of_an_alert_that_names_no_cluster_it_cannot_be_known(lookup: Lookup) -> None:
    """Which of both it is about."""
    for name in ("memory", "cpu", "restarts", "workload", "node"):
        (found,) = lookup.texts(ENRICHERS[name], alert(**POD))
        assert "the alert has no cluster label and " in found
        assert " is in several" in found


@pytest.mark.usefixtures("twins")
def test_a_cluster_that_prometheus_does_not_know_has_no_values(lookup: Lookup) -> None:
    """Another's are none."""
    assert [
        "no data: container_memory_working_set_bytes has no samples for pod twins/pg-0, container db"
    ] == lookup.texts(ENRICHERS["memory"], alert(cluster="north", **POD))


def test_series_without_the_label_are_any_clusters(lookup: Lookup) -> None:
    """A Prometheus gives it to alerts (`external_labels`), and not to its own series."""
    assert lookup.texts(ENRICHERS["memory"], alert(cluster="main", namespace="shop", pod="cart-1"))[0].startswith(
        "220 MiB"
    )
