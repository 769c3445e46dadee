"""Nodes of a real cluster: cordoned, and uncordoned."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from alerts.remediation import NotPerformed, NotProposed
from cluster import Cluster, Identity
from tests.far_sides.kube_apiserver import KubeApiserver
from tests.kubernetes.place import Place
from tests.kubernetes.remedies import Forgetful, Rule, alert

NODES = "/api/v1/nodes"


@pytest.fixture
def node(api: KubeApiserver) -> Iterator[str]:
    """A node with an address, for the length of the test."""
    name = f"worker-{uuid.uuid4().hex[:8]}"
    api.done("POST", NODES, {"metadata": {"name": name}})
    addresses = [{"type": "InternalIP", "address": "10.9.8.7"}, {"type": "ExternalIP", "address": "192.0.2.9"}]
    api.done("PATCH", f"{NODES}/{name}/status", {"status": {"addresses": addresses}})
    yield name
    api.done("DELETE", f"{NODES}/{name}")


def cordoned(api: KubeApiserver, name: str) -> bool:
    """Whether new pods are kept from a node."""
    return bool(api.get(f"{NODES}/{name}")["spec"].get("unschedulable", False))


def test_a_node_is_cordoned_and_uncordoned(api: KubeApiserver, cluster: Cluster, node: str) -> None:
    """Each changes the one field, is known to have happened, ready at once, and not proposed where it is so already."""
    for verb, wanted in (("cordon", True), ("uncordon", False)):
        rule = Rule(cluster, verb)
        proposal = rule.propose(alert(node=node))
        assert ("Node", "", node) == (proposal.target.kind, proposal.target.namespace, proposal.target.name)
        assert rule.happened(proposal) is None
        performed = rule.perform(proposal)
        assert wanted is cordoned(api, node)
        assert rule.happened(proposal) is not None
        assert True is rule.ready(proposal, performed).ready
        assert "" == rule.note(proposal, verb)
        with pytest.raises(NotProposed, match="already"):
            Rule(cluster, verb).propose(alert(node=node))
    events = api.get(f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name={node}")["items"]
    assert {"cordon", "uncordon"} == {each["message"] for each in events}


@pytest.mark.parametrize("instance", ["10.9.8.7:9100", "10.9.8.7", "the node"])
def test_a_node_is_found_by_its_instance(cluster: Cluster, node: str, instance: str) -> None:
    """By its internal address or its name, with a port or none."""
    proposal = Rule(cluster, "cordon").propose(alert(instance=node if instance == "the node" else instance))
    assert node == proposal.target.name


def test_a_node_is_found_by_its_pod(place: Place, cluster: Cluster, node: str) -> None:
    """By the pod that is on it."""
    spec = {"nodeName": node, "containers": [{"name": "app", "image": "cart:1"}], "terminationGracePeriodSeconds": 0}
    place.make("pods", {"metadata": {"name": "here", "labels": {"app": "here"}}, "spec": spec})
    proposal = Rule(cluster, "cordon").propose(alert(namespace=place.namespace, pod="here"))
    assert node == proposal.target.name


@pytest.mark.parametrize("instance", ["192.0.2.9:9100", "10.9.8.8:9100"])
def test_no_node_is_taken_for_another(cluster: Cluster, node: str, instance: str) -> None:
    """An address from outside, or of nobody, is no node's."""
    with pytest.raises(NotProposed, match="no node's"):
        Rule(cluster, "cordon").propose(alert(instance=instance))


def test_who_was_faster_is_not_overwritten(api: KubeApiserver, cluster: Cluster, node: str) -> None:
    """A node that was cordoned and uncordoned again since is as it was; one that is cordoned now is another's."""
    rule = Rule(cluster, "cordon")
    proposal = rule.propose(alert(node=node))
    api.done("PATCH", f"{NODES}/{node}", {"spec": {"unschedulable": True}})
    with pytest.raises(NotPerformed, match="changed") as error:
        rule.perform(proposal)
    assert not error.value.in_doubt


def test_a_node_may_report_while_it_is_cordoned(api: KubeApiserver, cluster: Cluster, node: str) -> None:
    """What its kubelet says of it every few seconds is no other node."""
    rule = Rule(cluster, "cordon")
    proposal = rule.propose(alert(node=node))
    ready = [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}]
    api.done("PATCH", f"{NODES}/{node}/status", {"status": {"conditions": ready}})
    taints = [{"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}]
    api.done("PATCH", f"{NODES}/{node}", {"spec": {"taints": taints}})
    rule.perform(proposal)
    assert cordoned(api, node)


def test_a_lost_answer_is_looked_up(identify: Callable[[], Identity], node: str) -> None:
    """It is known by its token, and done once."""
    forgetful = Forgetful(identify)
    rule = Rule(forgetful, "cordon")
    proposal = rule.propose(alert(node=node))
    with pytest.raises(NotPerformed) as error:
        rule.perform(proposal)
    assert error.value.in_doubt
    assert rule.happened(proposal) is not None
    forgetful.close()
