"""Names that would lead elsewhere never reach a real API server as another path."""

import pytest

from alerts.remediation import NotProposed
from cluster import Cluster
from tests.far_sides.kube_apiserver import KubeApiserver
from tests.kubernetes.place import Place
from tests.kubernetes.remedies import Rule, alert

NAMES = (
    "../../secrets/x",
    "..",
    ".",
    "a?b",
    "a#b",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fsecrets%2fx",
    "a/b",
    "a%2fb",
    "a\\b",
    "a;b",
    "a b",
    "a\r\nX-Remote-User: admin",
    "A",
    "ä",
    "a" * 254,
    "*",
)
VERBS = ("restart", "scale", "rollback", "delete_pod", "evict_pod", "cordon", "uncordon")
LABELS = ("namespace", "pod", "deployment", "statefulset", "daemonset", "replicaset", "horizontalpodautoscaler", "node")


def rule(cluster: Cluster, verb: str) -> Rule:
    """A rule of a verb."""
    return Rule(cluster, verb, **({"step": 1, "min": 1, "max": 9} if verb == "scale" else {}))


@pytest.mark.parametrize("verb", VERBS)
def test_no_name_is_another_path(api: KubeApiserver, place: Place, cluster: Cluster, verb: str) -> None:
    """Whatever a label holds, what the API server is asked is to read a thing that is named as labels may name one."""
    place.make("secrets", {"metadata": {"name": "x"}})
    mark = f"/api/v1/namespaces/{place.namespace}/pods/before"
    api.ask("GET", mark)
    for name in NAMES:
        for label in LABELS:
            labels = {"namespace": place.namespace, "pod": "cart-0"} | {label: name}
            with pytest.raises(NotProposed):
                rule(cluster, verb).propose(alert(**labels))
    uris = [each["requestURI"] for each in api.audited() if each["user"]["username"] == "admin"]
    ours = set(uris[uris.index(mark) + 1 :])
    # Others than the one with a bad name may be asked for, and discovery.
    assert ours <= {f"/api/v1/namespaces/{place.namespace}/pods/cart-0", "/api/v1"}


def test_owners_of_bad_names_lead_nowhere(place: Place, cluster: Cluster) -> None:
    """The API server itself takes an owner of any name; it is not followed."""
    # Of a kind that its garbage collector does not know: else it would end the pod, as one that nobody owns.
    owner = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "name": "../../secrets/x",
        "uid": "u",
        "controller": True,
    }
    metadata = {"name": "cart-0", "labels": {"app": "cart"}, "ownerReferences": [owner]}
    place.make("pods", {"metadata": metadata, "spec": {"containers": [{"name": "app", "image": "cart:1"}]}})
    with pytest.raises(NotProposed, match="no pod's name"):
        rule(cluster, "restart").propose(alert(namespace=place.namespace, pod="cart-0"))
