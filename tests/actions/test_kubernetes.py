"""Rules about Kubernetes: what settings take, what an alert is about, and names that are none."""

import contextlib
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import ValidationError

from actions._kubernetes_rights import rights
from actions._kubernetes_settings import KINDS, VerbName
from actions._remedy import Remedy
from actions.kubernetes import Settings
from alerts.remediation import NotProposed
from tests.actions.contract import ActionContract
from tests.actions.rules import DEPLOYMENT, POD, SECONDS, UP, WRITTEN, alert, not_proposed, put_cart, rule
from tests.far_sides.kubernetes_cluster import KubernetesCluster
from tests.far_sides.kubernetes_things import (
    autoscaler,
    controller_revision,
    daemon_set,
    deployment,
    node,
    pod,
    replica_set,
    stateful_set,
    thing,
)

HOSTILE = ("../../secrets/x", "a?b", "%2e%2e", "Cart", "x" * 254, "..", "a/b", "a#b", "a b", "a\n", "é", "-a", "a..b")
VERBS: dict[VerbName, dict[str, Any]] = {each: {"verb": each} for each in KINDS} | {"scale": UP}
LABELS: tuple[str, ...] = (
    "namespace",
    "pod",
    "deployment",
    "statefulset",
    "daemonset",
    "replicaset",
    "horizontalpodautoscaler",
)
LABELS += ("node", "instance", "exported_namespace", "exported_pod", "exported_node", "exported_deployment")


class TestKubernetesContract(ActionContract):
    """What every action holds."""

    kind = "kubernetes"


@pytest.fixture
def server() -> Iterator[KubernetesCluster]:
    """A cluster."""
    with KubernetesCluster() as far_side:
        yield far_side


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "verb"),
        ({"verb": "drain"}, "verb"),
        ({"verb": "restart", "step": 1}, "has step, which is of verb scale, not of restart"),
        ({"verb": "restart", "grace_period": "5s"}, "grace_period, which is of verb delete_pod and evict_pod"),
        ({"verb": "cordon", "raise_hpa": False}, "has raise_hpa, which is of verb scale"),
        ({"verb": "scale", "min": 1, "max": 2}, "needs step or factor"),
        ({**UP, "factor": 2}, "has both step and factor"),
        ({"verb": "scale", "step": 1, "max": 5}, "needs min and max"),
        ({**UP, "min": 11}, "min above its max"),
        ({**UP, "step": 0}, "would change nothing"),
        ({**UP, "min": 0}, "min"),
        ({"verb": "scale", "factor": 1, "min": 1, "max": 2}, "would change nothing"),
        ({"verb": "scale", "factor": float("nan"), "min": 1, "max": 2}, "factor"),
        ({"verb": "scale", "factor": 0, "min": 1, "max": 2}, "factor"),
        ({**UP, "step": -1, "raise_hpa": True}, "has raise_hpa, and makes it fewer"),
        ({"verb": "delete_pod", "grace_period": "0s"}, "should be at least 1s"),
    ],
)
def test_refuses_what_does_not_fit(settings: dict[str, Any], words: str) -> None:
    """What is of another verb, or of none, is refused with what would be right."""
    with pytest.raises(ValidationError, match=re.escape(words)):
        Settings.model_validate(settings)


def test_doubts_kinds_that_a_verb_does_not_change() -> None:
    """A rule that can never do anything is a warning."""
    said = Settings.model_validate({"verb": "cordon", "kinds": ["Deployment", "no*"]})

    assert [("kinds", "has Deployment, and cordon changes Node only")] == list(said.doubts())


def test_is_a_remedy(server: KubernetesCluster) -> None:
    """It has all that the pipeline asks of one."""
    for settings in VERBS.values():
        with rule(server, **settings) as action:
            assert isinstance(action, Remedy)


@pytest.mark.parametrize(
    "labels",
    [
        DEPLOYMENT,
        POD,
        {"namespace": "shop", "replicaset": "cart-5d2"},
        {"namespace": "monitoring", "exported_namespace": "shop", "deployment": "cart", "pod": "ksm-1"},
        {"namespace": "monitoring", "exported_namespace": "shop", "exported_pod": "cart-1", "pod": "ksm-1"},
        {**DEPLOYMENT, "pod": "ksm-1", "container": "kube-state-metrics"},
        {**DEPLOYMENT, "replicaset": "cart-5d1"},
    ],
    ids=str,
)
def test_finds_the_deployment(server: KubernetesCluster, labels: dict[str, str]) -> None:
    """By a workload's label, or from the pod through its ReplicaSet; the exporter's labels do not count."""
    put_cart(server)
    with rule(server, verb="restart") as action:
        assert "deployment/shop/cart" == action.propose(alert(**labels), SECONDS).target.key


@pytest.mark.parametrize(
    ("made", "key"), [(stateful_set(), "statefulset/shop/db"), (daemon_set(), "daemonset/shop/agent")], ids=str
)
def test_finds_what_owns_a_pod_itself(server: KubernetesCluster, made: dict[str, Any], key: str) -> None:
    """Without anything between."""
    server.put(pod(server.put(made)))
    with rule(server, verb="restart") as action:
        assert key == action.propose(alert(**POD), SECONDS).target.key


def test_finds_what_an_autoscaler_is_of(server: KubernetesCluster) -> None:
    """By the autoscaler's own label, where how many there are is what is changed."""
    server.put(autoscaler(put_cart(server)))
    about = alert(namespace="shop", horizontalpodautoscaler="cart-hpa")
    with rule(server, **UP, raise_hpa=True) as action:
        assert "deployment/shop/cart" == action.propose(about, SECONDS).target.key
    with rule(server, verb="restart") as action:
        assert "the alert's labels name no pod and no workload" == str(not_proposed(action, about))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({}, "the alert's labels name no pod and no workload"),
        ({"pod": "cart-1"}, "the alert has no namespace label, and its pod may be in any"),
        ({"deployment": "cart"}, "the alert has no namespace label, and its workload may be in any"),
        ({**DEPLOYMENT, "statefulset": "db"}, "the alert names several workloads: Deployment, StatefulSet"),
        ({"namespace": "shop", "pod": "bare"}, "pod shop/bare is run by nothing: it has no owner"),
        ({"namespace": "shop", "pod": "of-job"}, "is run by Job migrate, which is nothing that is changed"),
        ({"namespace": "shop", "pod": "of-rollout"}, "is run by Rollout r, which is nothing that is changed"),
        ({"namespace": "shop", "pod": "of-other"}, "deployment shop/cart is another by now than the one that"),
        ({"namespace": "shop", "pod": "of-hostile"}, "is no pod's name by RFC 1123"),
        ({"namespace": "shop", "pod": "going"}, "pod shop/going is being deleted already"),
        ({"namespace": "shop", "replicaset": "alone"}, "replicaset shop/alone is a ReplicaSet without a Deployment"),
        ({"namespace": "shop", "deployment": "gone"}, 'Kubernetes answered with status 404: deployments "gone" not'),
    ],
    ids=str,
)
def test_refuses_what_it_cannot_restart(server: KubernetesCluster, labels: dict[str, str], words: str) -> None:
    """What has nobody who makes its pods anew, what is somebody else's, and what is not known exactly."""
    made = put_cart(server)
    server.put(pod(None, "bare"))
    server.put(pod({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "uid": "j"}}, "of-job"))
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "r", "uid": "r"}}
    server.put(pod(rollout, "of-rollout"))
    server.put(pod({**made, "metadata": {"name": "cart", "uid": "older"}}, "of-other"))
    server.put(pod({**made, "metadata": {"name": "../../secrets/x", "uid": "h"}}, "of-hostile"))
    server.put(replica_set(None, "alone"))
    ending = pod(made, "going")
    ending["metadata"]["deletionTimestamp"] = "2026-11-27T09:00:00Z"
    server.put(ending)
    with rule(server, verb="restart") as action:
        assert words in str(not_proposed(action, alert(**labels)))
    assert [] == server.writes


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", HOSTILE)
def test_makes_no_request_by_what_is_no_name(server: KubernetesCluster, verb: VerbName, name: str) -> None:
    """Whatever stands in a label, the API server sees no request at all, and it is said which it is."""
    put_cart(server)
    label = "node" if "Node" in KINDS[verb] else "pod" if "Pod" in KINDS[verb] else "deployment"
    with rule(server, **VERBS[verb]) as action:
        told = [str(not_proposed(action, alert(**{"namespace": "shop", label: name})))]
        if label != "node":
            told.append(str(not_proposed(action, alert(**{"namespace": name, label: "cart"}))))
    assert [] == server.requests
    assert all("by RFC 1123" in each and len(each) < 200 and each.isprintable() for each in told)


def test_whatever_labels_hold_no_request_leads_elsewhere(server: KubernetesCluster) -> None:
    """By chance: no path goes outside of the few that there are, as the API server reads it."""
    dice = random.Random(7)
    put_cart(server)
    server.put(node())
    expected = re.compile(
        r"/apis/apps/v1/namespaces/[a-z0-9-]+/(deployments|replicasets|statefulsets|daemonsets)(/[a-z0-9.-]+)?"
        r"|/api/v1(/namespaces/[a-z0-9-]+/pods/[a-z0-9.-]+|/nodes(/[a-z0-9.-]+)?)?"
        r"|/apis/autoscaling/v[12]/namespaces/[a-z0-9-]+/horizontalpodautoscalers(/[a-z0-9.-]+)?"
    )
    right = ("shop", "cart", "cart-1", "worker-1") * 3
    values = (*HOSTILE, *right, "worker-1:9100", "10.0.0.5:9100", "kube-system", "")
    for _ in range(400):
        labels = {each: dice.choice(values) for each in dice.sample(LABELS, dice.randint(1, 5))}
        labels["namespace"] = dice.choice(("shop", "shop", *HOSTILE))
        with rule(server, **dice.choice(list(VERBS.values()))) as action, contextlib.suppress(NotProposed):
            action.propose(alert(**labels), SECONDS)
    asked = {unquote(urlsplit(each.path).path) for each in server.requests}
    assert len(asked) > 10
    assert [] == [each for each in asked if not expected.fullmatch(each) or ".." in each]
    assert {"GET"} == {each.method for each in server.requests}


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"node": "worker-1"}, "worker-1"),
        ({"exported_node": "worker-2", "node": "worker-1"}, "worker-2"),
        (POD, "worker-1"),
        ({**POD, "exported_namespace": "shop", "exported_pod": "cart-1", "node": "worker-2"}, "worker-1"),
        ({"instance": "10.0.0.6:9100", "job": "node-exporter", "pod": "exporter"}, "worker-2"),
        ({"instance": "worker-2:9100"}, "worker-2"),
        ({"instance": "worker-2"}, "worker-2"),
    ],
    ids=str,
)
def test_finds_a_node(server: KubernetesCluster, labels: dict[str, str], name: str) -> None:
    """By its label, by where the pod is, or by an address that is exactly its own."""
    put_cart(server)
    server.put(node())
    server.put(node("worker-2", "10.0.0.6"))
    with rule(server, verb="cordon") as action:
        assert f"node//{name}" == action.propose(alert(**labels), SECONDS).target.key


@pytest.mark.parametrize("instance", ["10.0.0.7:9100", "10.0.0.5.evil:9100", "10.0.0.9:9100", "worker"])
def test_takes_no_node_that_is_not_exactly_it(server: KubernetesCluster, instance: str) -> None:
    """An address of none, or of two."""
    for name, address in (("worker-1", "10.0.0.5"), ("worker-2", "10.0.0.9"), ("worker-3", "10.0.0.9")):
        server.put(node(name, address))
    with rule(server, verb="cordon") as action:
        assert "node's name or InternalIP" in str(not_proposed(action, alert(instance=instance)))


def test_takes_no_node_of_more_than_it_reads(server: KubernetesCluster) -> None:
    """Of a list that is not whole nothing is known exactly."""
    for number in range(501):
        server.put(node(f"worker-{number}", f"10.0.{number // 250}.{number % 250}"))
    with rule(server, verb="cordon") as action:
        assert "more than 500 nodes" in str(not_proposed(action, alert(instance="worker-1")))


@pytest.mark.parametrize("verb", VERBS)
def test_needs_the_rights_that_it_says(server: KubernetesCluster, verb: VerbName) -> None:
    """With what the table names and nothing else all of it works; each right that is missing then is named."""
    settings = {**VERBS[verb], **({"raise_hpa": True} if verb == "scale" else {})}
    table = rights(verb, raise_hpa=verb == "scale")
    allowed = {f"{each} {of.resource}" for of in table for each in of.verbs}
    server.allowed = allowed
    for about in _one_of_each(server, verb):
        with rule(server, **settings) as action:
            proposal = action.propose(about, SECONDS)
            action.happened(proposal, WRITTEN, SECONDS)
            performed = action.perform(proposal, about, WRITTEN, SECONDS)
            if "Pod" in KINDS[verb]:
                server.remove("pods", proposal.target.name)
            assert action.ready(proposal, performed, SECONDS).detail
            assert "" == action.note(proposal, "was done", WRITTEN, about.starts_at, SECONDS)
    assert allowed == server.asked_for


@pytest.mark.parametrize("verb", VERBS)
def test_names_the_right_that_is_missing(server: KubernetesCluster, verb: VerbName) -> None:
    """Whichever it is: with the verb, the resource and where."""
    (about, *_) = _one_of_each(server, verb)
    written = {"evict_pod": "create pods/eviction", "delete_pod": "delete pods", "scale": "patch deployments/scale"}
    last = "patch nodes" if "Node" in KINDS[verb] else written.get(verb, "patch deployments")
    with rule(server, **VERBS[verb]) as action:
        if verb == "scale":
            server.remove("horizontalpodautoscalers", "cart-hpa")
        proposal = action.propose(about, SECONDS)
        server.denied = {last, "create events"}
        with pytest.raises(Exception, match=rf"does not allow it \(403\): needs {last} in ") as caught:
            action.perform(proposal, about, WRITTEN, SECONDS)
        assert "needs create events in namespace" in action.note(proposal, "x", WRITTEN, about.starts_at, SECONDS)
    assert not getattr(caught.value, "in_doubt", True)
    assert [] == server.writes


def _one_of_each(server: KubernetesCluster, verb: VerbName) -> list[Any]:
    """A cluster in which a verb has each kind of thing to do, and an alert about each."""
    made = put_cart(server)
    server.put(node(unschedulable=verb == "uncordon"))
    server.put(node("worker-2", "10.0.0.6", unschedulable=verb == "uncordon"))
    server.put(node("worker-3", "10.0.0.7", unschedulable=verb == "uncordon"))
    if "Node" in KINDS[verb]:
        return [alert(node="worker-2"), alert(instance="10.0.0.7:9100"), alert(**POD)]
    db, agent = server.put(stateful_set()), server.put(daemon_set())
    for of in (db, agent):
        server.put(controller_revision(of, 1, "cart:1"))
        server.put(controller_revision(of, 2, "cart:2"))
    server.put(pod(db, "db-0"))
    server.put(pod(agent, "agent-x"))
    pods = [alert(**{**POD, "pod": each}) for each in ("cart-1", "db-0", "agent-x")]
    if verb == "scale":
        server.put(deployment("web"))
        server.put(autoscaler(made))
        named = alert(namespace="shop", horizontalpodautoscaler="web-hpa")
        server.put(autoscaler(deployment("web")))
        server.put(deployment("plain"))
        return [pods[0], pods[1], named, alert(namespace="shop", deployment="plain")]
    return pods


def test_tells_nothing_of_what_a_template_holds(server: KubernetesCluster) -> None:
    """A password in a pod's environment is in no proposal, whatever the verb."""
    put_cart(server)
    for verb in ("restart", "rollback"):
        with rule(server, verb=verb) as action:
            assert "hunter2" not in repr(action.propose(alert(**POD), SECONDS))


def test_stays_with_what_the_api_says(server: KubernetesCluster) -> None:
    """What is none of its documents is an error in words."""
    put_cart(server)
    for body in (b"<html>", b"[]", b"{}", b'{"metadata": 7}', b'{"metadata": {"uid": []}}', b"7"):
        server.answer_next(200, body)
        with rule(server, verb="restart") as action:
            assert "something that is not its API's" in str(not_proposed(action, alert(**DEPLOYMENT)))


@pytest.mark.parametrize(
    ("status", "later"), [(401, True), (403, False), (404, False), (429, True), (500, True), (302, False)]
)
def test_says_whether_it_may_be_otherwise_later(server: KubernetesCluster, status: int, later: bool) -> None:
    """What is refused stays so, what is in trouble may not."""
    server.answer_next(status)
    with rule(server, verb="restart") as action:
        error = not_proposed(action, alert(**DEPLOYMENT))
    assert later == error.later
    assert str(status) in str(error)


def test_follows_a_token_that_rotates(server: KubernetesCluster) -> None:
    """With an old one nothing is known, and it says so."""
    put_cart(server)
    server.token = "another"
    with rule(server, verb="restart") as action:
        assert "does not know who asks (401)" in str(not_proposed(action, alert(**DEPLOYMENT)))


def test_an_owner_of_the_same_name_is_another(server: KubernetesCluster) -> None:
    """A thing that is not controlled by what it names is not followed."""
    put_cart(server)
    beside = thing("Pod", "cart-9", metadata={"ownerReferences": [{"kind": "Deployment", "name": "cart", "uid": "u"}]})
    server.put(beside)
    with rule(server, verb="restart") as action:
        assert "run by nothing" in str(not_proposed(action, alert(namespace="shop", pod="cart-9")))
