"""What a hook is about, by the labels of an alert alone."""

import pytest

from actions._hook_target import hook_target, told
from alerts.remediation import NotProposed, Target
from tests.actions.notifications import alert

KSM = {"job": "kube-state-metrics", "instance": "10.0.0.9:8080", "container": "kube-state-metrics"}
KSM_OWN = {**KSM, "namespace": "monitoring", "pod": "kube-state-metrics-0"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"namespace": "shop", "pod": "cart-1", "container": "app"}, Target("Pod", "cart-1", "shop")),
        ({**KSM_OWN, "exported_namespace": "shop", "exported_pod": "cart-1"}, Target("Pod", "cart-1", "shop")),
        ({"namespace": "shop", "pod": "cart-1", "node": "w1"}, Target("Pod", "cart-1", "shop")),
        ({**KSM, "namespace": "shop", "deployment": "cart"}, Target("Deployment", "cart", "shop")),
        ({"namespace": "shop", "deployment": "cart"}, Target("Deployment", "cart", "shop")),
        ({**KSM_OWN, "exported_namespace": "shop", "statefulset": "db"}, Target("StatefulSet", "db", "shop")),
        ({**KSM, "namespace": "shop", "daemonset": "log"}, Target("DaemonSet", "log", "shop")),
        ({**KSM, "namespace": "shop", "job_name": "sum-1"}, Target("Job", "sum-1", "shop")),
        ({**KSM, "namespace": "shop", "cronjob": "sum", "job_name": "sum-1"}, Target("CronJob", "sum", "shop")),
        (
            {"job": "kubelet", "instance": "w1:10250", "namespace": "shop", "persistentvolumeclaim": "data"},
            Target("PersistentVolumeClaim", "data", "shop"),
        ),
        ({**KSM_OWN, "node": "worker-1"}, Target("Node", "worker-1")),
        ({"node": "worker-1"}, Target("Node", "worker-1")),
        ({"job": "node-exporter", "instance": "10.0.0.1:9100", "node": "w1"}, Target("Node", "w1")),
        ({"job": "node-exporter", "instance": "10.0.0.1:9100"}, Target("Instance", "10.0.0.1:9100")),
        ({"job": "app", "instance": "10.0.0.1:80", "node": "w1"}, Target("Instance", "10.0.0.1:80")),
        ({"namespace": "shop"}, Target("Namespace", "shop", "shop")),
        ({"alertname": "Watchdog"}, Target("Alert", "Watchdog")),
        ({}, Target("Alert", "alert")),
    ],
)
def test_is_what_the_labels_name(labels: dict[str, str], expected: Target) -> None:
    """What is told of a thing is about the thing, and not about who tells it."""
    assert expected == hook_target(alert(labels))


@pytest.mark.parametrize("name", ["../../secrets/x", "a?b", "%2e%2e", "A", "a b", "x" * 254, "ü", "a\n", "-a"])
@pytest.mark.parametrize("label", ["pod", "namespace", "deployment", "node"])
def test_what_can_have_no_such_name_is_none(name: str, label: str) -> None:
    """Nothing is done about it, and what it says is not repeated."""
    labels = {"namespace": "shop"} if label in ("pod", "deployment") else {}
    with pytest.raises(NotProposed) as raised:
        hook_target(alert({**labels, label: name}))
    assert f"the {label} that its labels name can be none: no such name is allowed" == str(raised.value)


@pytest.mark.parametrize("name", ["x" * 254, "a\nb", "a\0"])
def test_what_cannot_be_shown_is_none(name: str) -> None:
    """Of what may be called as it likes."""
    for labels in ({"instance": name}, {"alertname": name}):
        with pytest.raises(NotProposed, match="is too long, or holds what cannot be printed"):
            hook_target(alert(labels))


def test_is_told_as_people_say_it() -> None:
    """A namespace is in none."""
    assert "namespace shop" == told(Target("Namespace", "shop", "shop"))
    assert "deployment shop/cart" == told(Target("Deployment", "cart", "shop"))
    assert "node w1" == told(Target("Node", "w1"))
