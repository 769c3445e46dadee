"""An alert's labels say what it is about."""

import pytest

from alerts.target import Target, target
from tests.samples import model_alert

# What kube-prometheus-stack's scraping adds to the metrics of its exporters.
NODE_EXPORTER = {"job": "node-exporter", "container": "node-exporter", "namespace": "monitoring", "pod": "exporter-x7"}
KUBE_STATE_METRICS = {"job": "kube-state-metrics", "container": "kube-state-metrics", "pod": "kube-state-metrics-9"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"namespace": "shop", "pod": "cart-1"}, Target("shop", "cart-1")),
        ({"namespace": "shop", "pod": "cart-1", "container": "app"}, Target("shop", "cart-1", "app")),
        ({"pod": "cart-1"}, Target("", "cart-1")),
        ({"namespace": "shop", "pod": "cart-1", "container": "POD"}, Target("shop", "cart-1")),
        ({"pod": "cart-1", "instance": "10.0.0.1:8080"}, Target("", "cart-1")),
        ({"instance": "node-1:9100"}, Target(instance="node-1:9100")),
        ({"instance": "node-1:9100", "pod": "", "namespace": "shop"}, Target(instance="node-1:9100")),
        (
            {
                "exported_namespace": "shop",
                "exported_pod": "cart-1",
                "exported_container": "app",
                "namespace": "monitoring",
                "pod": "kube-state-metrics-1",
                "container": "kube-state-metrics",
            },
            Target("shop", "cart-1", "app"),
        ),
        (
            {"exported_pod": "cart-1", "exported_namespace": "shop", "container": "kube-state-metrics"},
            Target("shop", "cart-1"),
        ),
        ({}, Target()),
        ({"namespace": "shop", "container": "app"}, Target("shop")),
    ],
)
def test_reads_the_target(labels: dict[str, str], expected: Target) -> None:
    """A pod goes before an instance, and exported labels before the exporter's own."""
    assert expected == target(model_alert(**labels))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({**NODE_EXPORTER, "instance": "10.0.0.5:9100"}, Target(instance="10.0.0.5:9100"), id="a node"),
        pytest.param(
            {**NODE_EXPORTER, "job": "kube-state-metrics", "instance": "10.0.0.9:8080"},
            Target("monitoring", "exporter-x7", "node-exporter"),
            id="the node exporter's own pod",
        ),
        pytest.param(
            {"job": "kubelet", "namespace": "shop", "persistentvolumeclaim": "data-0", "instance": "10.0.0.1:10250"},
            Target("shop"),
            id="a claim",
        ),
        pytest.param(
            {**KUBE_STATE_METRICS, "namespace": "shop", "deployment": "cart", "instance": "10.0.0.9:8080"},
            Target("shop"),
            id="a deployment",
        ),
        pytest.param({**KUBE_STATE_METRICS, "node": "node-1"}, Target(), id="a node's condition"),
        pytest.param(
            {**KUBE_STATE_METRICS, "namespace": "monitoring"},
            Target("monitoring", "kube-state-metrics-9", "kube-state-metrics"),
            id="its own pod",
        ),
        pytest.param(
            {**KUBE_STATE_METRICS, "namespace": "monitoring", "exported_namespace": "shop", "deployment": "cart"},
            Target("shop"),
            id="a deployment, labels moved aside",
        ),
        pytest.param(
            {**KUBE_STATE_METRICS, "namespace": "shop", "pod": "cart-1", "node": "node-1"},
            Target("shop", "cart-1"),
            id="a pod, of whose containers nothing is said",
        ),
        pytest.param(
            {"job": "kube-state-metrics", "container": "app", "namespace": "shop", "pod": "cart-1", "node": "node-1"},
            Target("shop", "cart-1", "app"),
            id="a pod and its node",
        ),
    ],
)
def test_is_not_taken_in_by_an_exporters_own_labels(labels: dict[str, str], expected: Target) -> None:
    """The pod of the exporter that tells of something is not what the alert is about."""
    assert expected == target(model_alert(**labels))


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (Target("shop", "cart-1", "app"), "shop/cart-1"),
        (Target("", "cart-1"), "cart-1"),
        (Target(instance="node-1:9100"), "node-1:9100"),
        (Target("shop"), "shop"),
        (Target(), ""),
    ],
)
def test_is_told_in_few_words(of: Target, expected: str) -> None:
    """A pod with its namespace, an instance, a namespace alone, or nothing."""
    assert expected == of.text
