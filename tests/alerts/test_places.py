"""An alert's labels say where it fires."""

import pytest

from alerts.places import Place, places
from tests.samples import model_alert

POD = Place("pod", "", "shop", "cart-1")
SHOP = Place("namespace", "", "", "shop")
NODE = Place("node", "", "", "worker-3")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, (), id="nowhere"),
        pytest.param({"namespace": "shop", "pod": "cart-1"}, (POD, SHOP), id="a pod"),
        pytest.param({"namespace": "shop", "pod": "cart-1", "container": "app"}, (POD, SHOP), id="a container"),
        pytest.param({"namespace": "shop", "pod": "cart-1", "node": "worker-3"}, (POD, NODE, SHOP), id="on a node"),
        pytest.param({"namespace": "shop", "deployment": "cart"}, (SHOP,), id="a deployment"),
        pytest.param({"instance": "db-1:9104"}, (Place("instance", "", "", "db-1:9104"),), id="an instance"),
        pytest.param({"pod": "cart-1"}, (Place("pod", "", "", "cart-1"),), id="a pod in no known namespace"),
        pytest.param({"exported_node": "worker-3", "node": "worker-9"}, (NODE,), id="an exporter's own node"),
        pytest.param(
            {"node": "worker-3", "namespace": "monitoring", "container": "kube-state-metrics", "pod": "ksm-9"},
            (Place("pod", "", "monitoring", "ksm-9"), NODE, Place("namespace", "", "", "monitoring")),
            id="a pod that is not kube-state-metrics'",
        ),
        pytest.param(
            {
                "node": "worker-3",
                "namespace": "monitoring",
                "container": "kube-state-metrics",
                "pod": "kube-state-metrics-9",
            },
            (NODE,),
            id="a node, told by kube-state-metrics",
        ),
        pytest.param(
            {"exported_namespace": "shop", "exported_pod": "cart-1", "namespace": "monitoring", "pod": "ksm-9"},
            (POD, SHOP),
            id="a pod, told by an exporter",
        ),
    ],
)
def test_reads_the_places(labels: dict[str, str], expected: tuple[Place, ...]) -> None:
    """The narrowest first; what an exporter's own labels say is left out."""
    assert expected == places(model_alert(**labels))


def test_another_cluster_is_another_place() -> None:
    """Pods, nodes and namespaces of one name in two clusters are two; so are those of which only one names it."""
    labels = {"namespace": "shop", "pod": "cart-1", "node": "worker-3"}
    found = [set(places(model_alert(**labels, **cluster))) for cluster in ({}, {"cluster": "a"}, {"cluster": "b"})]
    assert 9 == len(set.union(*found))
