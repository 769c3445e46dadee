"""The Kubernetes API server of the tests refuses what the real one does, with its status."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from outbound import Answer, Http
from tests.far_sides.kubernetes import TOKEN
from tests.far_sides.kubernetes_cluster import KubernetesCluster
from tests.far_sides.kubernetes_patches import MERGE, STRATEGIC, NotJudged, patched
from tests.far_sides.kubernetes_things import autoscaler, deployment, pod, replica_set

CART = "/apis/apps/v1/namespaces/shop/deployments/cart"
POD = "/api/v1/namespaces/shop/pods/cart-1"
EVENTS = "/api/v1/namespaces/shop/events"
SCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"


@pytest.fixture
def server() -> Iterator[KubernetesCluster]:
    """A cluster with a Deployment, its pod and its autoscaler."""
    with KubernetesCluster() as far_side:
        made = far_side.put(deployment())
        far_side.put(pod(replica_set(made, "cart-5d")))
        far_side.put(autoscaler(made))
        yield far_side


def ask(server: KubernetesCluster, method: str, path: str, body: Any = None, kind: str = "application/json") -> Answer:
    """Returns the answer to a request with the token."""
    http = Http()
    try:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        return http.send(method, f"{server.base_url}{path}", data=data, headers=headers, deadline_seconds=5)
    finally:
        http.close()


def eviction(version: str, name: str = "cart-1") -> dict[str, Any]:
    """An eviction of the pod."""
    return {"apiVersion": version, "kind": "Eviction", "metadata": {"name": name, "namespace": "shop"}}


def event(name: str, namespace: str = "shop") -> dict[str, Any]:
    """An event about the pod."""
    about = {"kind": "Pod", "name": "cart-1", "namespace": namespace}
    metadata = {"name": name, "namespace": "shop"}
    return {
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": about,
        "reason": "A",
        "type": "Normal",
        "message": "a",
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("PATCH", CART, {"metadata": {"resourceVersion": "1"}}, MERGE, 409),
        ("PATCH", CART, {"metadata": {"uid": "another"}}, MERGE, 409),
        ("PATCH", CART, {"spec": {"replicas": -1}}, MERGE, 422),
        ("PATCH", CART, {}, "application/json", 415),
        ("PATCH", f"{CART}/scale", {"metadata": {"uid": "another"}}, MERGE, 409),
        ("PATCH", f"{CART}/scale", {"spec": {"replicas": 5}}, MERGE, 200),
        ("PATCH", f"{CART}/status", {}, MERGE, 404),
        ("PATCH", f"{SCALERS}/cart-hpa", {"spec": {"maxReplicas": 0}}, MERGE, 422),
        ("PATCH", "/apis/apps/v2/namespaces/shop/deployments/cart", {}, MERGE, 404),
        ("GET", "/apis/apps/v1/deployments/cart", None, MERGE, 404),
        ("GET", "/apis/apps/v1/namespaces/shop/pods/cart-1", None, MERGE, 404),
        ("GET", "/apis/apps/v1/namespaces/x%2F..%2Fshop/deployments/cart", None, MERGE, 404),
        ("DELETE", POD, {"preconditions": {"uid": "another"}}, MERGE, 409),
        ("DELETE", POD, {"gracePeriodSeconds": -1}, MERGE, 422),
        ("DELETE", CART, {}, MERGE, 405),
        ("POST", f"{POD}/eviction", eviction("policy/v1"), "application/json", 201),
        ("POST", f"{POD}/eviction", eviction("policy/v1beta1"), "application/json", 400),
        ("POST", f"{POD}/eviction", eviction("policy/v1", "other"), "application/json", 400),
        ("POST", EVENTS, event("a"), "application/json", 201),
        ("POST", EVENTS, event("a", "other"), "application/json", 422),
        ("POST", EVENTS, event("a") | {"message": "é" * 600}, "application/json", 422),
    ],
)
def test_judges(server: KubernetesCluster, method: str, path: str, body: Any, kind: str, status: int) -> None:
    """Each request, by the documented API; what is refused changes nothing."""
    assert status == ask(server, method, path, body, kind).status
    assert (status < 300 and method != "GET") == bool(server.writes)


def test_reads_a_path_unquoted(server: KubernetesCluster) -> None:
    """As the real one does: a quoted slash is one, so that a name must not hold any."""
    assert 200 == ask(server, "GET", "/apis/apps/v1/namespaces/shop%2Fdeployments/cart").status


def test_counts_what_is_wanted(server: KubernetesCluster) -> None:
    """The generation counts specifications and, of a Deployment, annotations; what changes nothing is not counted."""
    for patch in ({"spec": {"replicas": 4}}, {"metadata": {"annotations": {"a": "b"}}}, {"status": {"replicas": 9}}):
        ask(server, "PATCH", CART, patch, MERGE)
    found = server.get("deployments", "cart")
    assert (6, 3) == (found["metadata"]["generation"], found["status"]["replicas"])


def test_keeps_an_event_once(server: KubernetesCluster) -> None:
    """Its name is its key."""
    assert [201, 409] == [ask(server, "POST", EVENTS, event("a")).status for _ in range(2)]


def test_evicts_as_far_as_there_is_room(server: KubernetesCluster) -> None:
    """And says so in its own words."""
    server.disruptions = 1
    told = [ask(server, "POST", f"{POD}/eviction", eviction("policy/v1")) for _ in range(2)]
    assert [201, 429] == [each.status for each in told]
    assert "disruption budget" in told[1].text


def test_knows_what_older_ones_have(server: KubernetesCluster) -> None:
    """No autoscaling/v2, and evictions of another version, as discovery says."""
    server.old()
    assert [404, 200] == [ask(server, "GET", SCALERS.replace("v2", each)).status for each in ("v2", "v1")]
    assert "v1beta1" in ask(server, "GET", "/api/v1").text


def test_refuses_what_nobody_allowed(server: KubernetesCluster) -> None:
    """By verb and resource, and whoever has no token."""
    server.allowed = {"get deployments"}
    assert [200, 403] == [ask(server, "GET", each).status for each in (CART, POD)]
    server.token = "another"
    assert 401 == ask(server, "GET", CART).status


def test_patches_by_their_kind() -> None:
    """One merges maps, the other may replace them; what depends on the field is not judged."""
    before = {"a": {"b": 1, "c": [1]}, "d": 2}
    assert {"a": {"b": 1, "c": [2]}} == patched(before, {"a": {"c": [2]}, "d": None}, MERGE)
    assert {"a": {"c": [2]}, "d": 2} == patched(before, {"a": {"$patch": "replace", "c": [2]}}, STRATEGIC)
    with pytest.raises(NotJudged):
        patched(before, {"a": {"c": [{"name": "x"}]}}, STRATEGIC)
    with pytest.raises(LookupError):
        patched(before, {}, "application/json")
