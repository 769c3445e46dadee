"""Workloads, as kube-state-metrics tells of them to a real Prometheus."""

import time
from collections.abc import Mapping

from alerts.model import Alert
from enrich.workload import Enricher
from tests.enrich.lookup import Cluster, Lookup, alert
from tests.far_sides.exporter import Exporter


def owned(exporter: Exporter, pod: str, kind: str, name: str) -> Alert:
    """Adds a pod's owner and returns an alert about the pod."""
    labels = {"namespace": "works", "pod": pod}
    exporter.set("kube_pod_owner", {**labels, "owner_kind": kind, "owner_name": name, "owner_is_controller": "true"}, 1)
    return alert(namespace="works", pod=pod, container="app")


def replicas(exporter: Exporter, metrics: Mapping[str, float], **labels: str) -> None:
    """Sets what is told of one object."""
    for metric, value in metrics.items():
        exporter.set(metric, {"namespace": "works", **labels}, value)


def deployment(exporter: Exporter, name: str, desired: float, ready: float, updated: float, age: float) -> Alert:
    """Adds a Deployment with its ReplicaSet and one pod, and returns an alert about that."""
    metrics = {"spec_replicas": desired, "status_replicas_ready": ready, "status_replicas_updated": updated}
    replicas(exporter, {f"kube_deployment_{each}": value for each, value in metrics.items()}, deployment=name)
    of_set = {"replicaset": f"{name}-7d9f"}
    replicas(exporter, {"kube_replicaset_created": time.time() - age}, **of_set)
    replicas(exporter, {"kube_replicaset_owner": 1}, **of_set, owner_kind="Deployment", owner_name=name)
    return owned(exporter, f"{name}-7d9f-x1", "ReplicaSet", f"{name}-7d9f")


def test_tells_how_a_deployment_fares(cluster: Cluster, lookup: Lookup) -> None:
    """How many are ready of how many, a rollout within the hour, and an autoscaler that can do no more."""
    exporter = cluster.exporter
    alerts = [
        deployment(exporter, "quiet", 3, 3, 3, 86_400),
        deployment(exporter, "fresh", 3, 2, 3, 720),
        deployment(exporter, "half", 4, 2, 1, 86_400),
        deployment(exporter, "scaled", 10, 10, 10, 86_400),
    ]
    for name, most, now in (("scaled", 10, 10), ("quiet", 10, 3)):
        target = {"scaletargetref_kind": "Deployment", "scaletargetref_name": name}
        replicas(exporter, {"kube_horizontalpodautoscaler_info": 1}, horizontalpodautoscaler=f"{name}-hpa", **target)
        scale = {"spec_max_replicas": most, "status_current_replicas": now}
        metrics = {f"kube_horizontalpodautoscaler_{each}": value for each, value in scale.items()}
        replicas(exporter, metrics, horizontalpodautoscaler=f"{name}-hpa")
    cluster.scraped()
    (quiet,), (fresh,), (half,), (scaled,) = lookup.findings(Enricher(), alerts)
    assert ("Deployment quiet", "3 of 3 replicas ready") == (quiet.title, quiet.text)
    assert fresh.text.startswith("2 of 3 replicas ready; rolled out 12m")
    assert "2 of 4 replicas ready; being rolled out, 1 of 4 updated" == half.text
    assert "10 of 10 replicas ready; its autoscaler is at its maximum of 10" == scaled.text


def test_tells_of_other_kinds(cluster: Cluster, lookup: Lookup) -> None:
    """StatefulSets, DaemonSets, Jobs, a ReplicaSet of nobody's or of an owner that is not known; and pods of nobody."""
    exporter = cluster.exporter
    stateful = {"replicas": 3, "status_replicas_ready": 1, "status_replicas_updated": 3}
    replicas(exporter, {f"kube_statefulset_{each}": value for each, value in stateful.items()}, statefulset="db")
    daemon = {
        "status_desired_number_scheduled": 5,
        "status_number_ready": 4,
        "status_updated_number_scheduled": 5,
    }
    replicas(exporter, {f"kube_daemonset_{each}": value for each, value in daemon.items()}, daemonset="agent")
    job = {"spec_completions": 1, "status_succeeded": 0, "status_failed": 4}
    replicas(exporter, {f"kube_job_{each}": value for each, value in job.items()}, job_name="report")
    of_set = {"kube_replicaset_spec_replicas": 2, "kube_replicaset_status_ready_replicas": 1}
    replicas(exporter, of_set, replicaset="canary-1")
    replicas(exporter, {"kube_replicaset_owner": 1}, replicaset="canary-1", owner_kind="Rollout", owner_name="canary")
    alerts = [
        owned(exporter, "db-0", "StatefulSet", "db"),
        owned(exporter, "agent-x", "DaemonSet", "agent"),
        owned(exporter, "report-x", "Job", "report"),
        owned(exporter, "canary-1-x", "ReplicaSet", "canary-1"),
        owned(exporter, "alone", "<none>", "<none>"),
        owned(exporter, "kube-proxy-n", "Node", "node-1"),
        owned(exporter, "odd", "Workflow", "odd-1"),
        owned(exporter, "lost", "StatefulSet", "lost"),
        alert(namespace="works", statefulset="db"),
        alert(namespace="works", job_name="report", job="kube-state-metrics"),
    ]
    cluster.scraped()
    db, report = "1 of 3 replicas ready", "0 of 1 completions succeeded; 4 failed"
    expected = [
        db,
        "4 of 5 replicas ready",
        report,
        "1 of 2 replicas ready",
        "",
        "",
        "nothing is known of a Workflow",
        "no data: kube_statefulset_replicas has no samples for StatefulSet works/lost",
        db,
        report,
    ]
    assert expected == lookup.texts(Enricher(), *alerts)
    titles = [each.title for (each,) in lookup.findings(Enricher(), [alerts[3], alerts[9]])]
    assert ["ReplicaSet canary-1", "Job report"] == titles


def test_names_the_metric_that_is_missing(lookup: Lookup) -> None:
    """Without kube-state-metrics the reason says what would have told."""
    expected = "no data: kube_pod_owner has no samples for pod works/unknown"
    assert [expected] == lookup.texts(Enricher(), alert(namespace="works", pod="unknown"))
    assert [""] == lookup.texts(Enricher(), alert(instance="node-1:9100"))


def test_is_found_without_honor_labels(cluster: Cluster, lookup: Lookup) -> None:
    """Where kube-state-metrics' own labels stand under the usual names."""
    exporter = cluster.exporter
    moved = {"namespace": "monitoring", "pod": "ksm-1", "exported_namespace": "works"}
    owner = {"exported_pod": "moved-0", "owner_kind": "StatefulSet", "owner_name": "moved"}
    exporter.set("kube_pod_owner", {**moved, **owner}, 1)
    for metric, value in (("kube_statefulset_replicas", 2), ("kube_statefulset_status_replicas_ready", 2)):
        exporter.set(metric, {**moved, "statefulset": "moved"}, value)
    cluster.scraped()
    about = alert(namespace="works", pod="moved-0")
    assert ["2 of 2 replicas ready"] == lookup.texts(Enricher(), about)
