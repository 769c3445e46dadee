"""What each verb about Kubernetes proposes, writes, refuses, and sees come of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from actions.kubernetes import Action
from alerts.remediation import Performed, Proposal
from tests.actions.rules import (
    DEPLOYMENT,
    NOW,
    POD,
    SECONDS,
    UP,
    WRITTEN,
    alert,
    not_performed,
    not_proposed,
    put_cart,
    rule,
)
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
    template,
)

ANNOTATED = {"alert-manager/remediation": WRITTEN}
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
CART = alert(**DEPLOYMENT)


@pytest.fixture
def server() -> Iterator[KubernetesCluster]:
    """A cluster."""
    with KubernetesCluster() as far_side:
        yield far_side


def done(action: Action, proposal: Proposal) -> Performed:
    """Has it done."""
    return action.perform(proposal, CART, WRITTEN, SECONDS)


def said(server: KubernetesCluster, **settings: Any) -> str:
    """Why a rule proposes nothing about the Deployment."""
    with rule(server, **settings) as action:
        return str(not_proposed(action, CART))


def test_scales_up(server: KubernetesCluster) -> None:
    """By the subresource, with the version and the uid that it was decided on, and nothing else."""
    put_cart(server)
    with rule(server, **UP) as action:
        proposal = action.propose(CART, SECONDS)
        version = server.get("deployments", "cart")["metadata"]["resourceVersion"]
        performed = done(action, proposal)
    assert ("scale deployment shop/cart from 3 to 5 replicas", {"replicas": 3}) == (proposal.does, proposal.before)
    assert ("deployment shop/cart is to have 5 replicas", {"replicas": 5}) == (performed.detail, performed.after)
    metadata = {"resourceVersion": version, "uid": "uid-of-deployment-cart"}
    patch = {"spec": {"replicas": 5}, "metadata": metadata}
    assert [("PATCH", f"{DEPLOYMENTS}/cart/scale", patch)] == server.writes
    assert 5 == server.get("deployments", "cart")["spec"]["replicas"]
    assert server.requests[-1].path.endswith("?fieldManager=alert-manager")


@pytest.mark.parametrize(
    ("now", "settings", "wanted"),
    [
        (9, UP, 10),
        (4, {**UP, "step": -2}, 2),
        (2, {**UP, "step": -2}, 1),
        (20, {**UP, "step": -2}, None),
        (3, {"verb": "scale", "factor": 1.5, "min": 1, "max": 10}, 5),
        (1, {"verb": "scale", "factor": 1.1, "min": 1, "max": 10}, 2),
        (5, {"verb": "scale", "factor": 0.5, "min": 1, "max": 10}, 2),
        (2, {**UP, "min": 5}, 5),
        (10, UP, None),
        (11, UP, None),
        (1, {**UP, "step": -1}, None),
        (0, UP, None),
    ],
)
def test_keeps_within_bounds(server: KubernetesCluster, now: int, settings: dict[str, Any], wanted: int | None) -> None:
    """It goes as far as a bound and no further; what makes it more never makes it fewer."""
    put_cart(server, replicas=now)
    with rule(server, **settings) as action:
        if wanted is None and now != 20:
            not_proposed(action, CART)
        else:
            # From beyond the bound it comes back as far as that.
            assert (wanted or 10) == action.propose(CART, SECONDS).request["replicas"]


@pytest.mark.parametrize(
    ("now", "step", "words"),
    [
        (10, 1, "deployment shop/cart is at its max of 10 already"),
        (12, 1, "deployment shop/cart is at 12, beyond its max of 10 already"),
        (1, -1, "deployment shop/cart is at its min of 1 already"),
        (0, 1, "deployment shop/cart is scaled to 0: somebody switched it off"),
    ],
)
def test_says_why_it_does_not_scale(server: KubernetesCluster, now: int, step: int, words: str) -> None:
    """At a bound, and of what is switched off."""
    put_cart(server, replicas=now)
    assert words == said(server, **{**UP, "step": step})


def test_leaves_to_an_autoscaler_what_is_its_own(server: KubernetesCluster) -> None:
    """It is named, whatever version of it there is."""
    server.put(autoscaler(put_cart(server)))
    words = "horizontalpodautoscaler shop/cart-hpa says how many replicas deployment shop/cart has"
    assert said(server, **UP).startswith(words)
    server.old()
    assert said(server, **UP).startswith(words)
    server.denied = {"list horizontalpodautoscalers"}
    assert "needs list horizontalpodautoscalers in API group autoscaling" in said(server, **UP)


@pytest.mark.parametrize("old", [False, True])
def test_raises_what_an_autoscaler_may(server: KubernetesCluster, old: bool) -> None:
    """The most that it may make, within the bounds, with our token; it is ready when those are there."""
    server.put(autoscaler(put_cart(server)))
    if old:
        server.old()
    with rule(server, **UP, raise_hpa=True) as action:
        proposal = action.propose(CART, SECONDS)
        assert proposal.does.startswith("raise the most that horizontalpodautoscaler shop/cart-hpa may make of deploym")
        assert "deployment/shop/cart" == proposal.target.key
        performed = done(action, proposal)
        assert {"maxReplicas": 10} == performed.after
        found = server.get("horizontalpodautoscalers", "cart-hpa")
        assert (10, ANNOTATED) == (found["spec"]["maxReplicas"], found["metadata"]["annotations"])
        assert performed == action.happened(proposal, WRITTEN, SECONDS)
        server.touch("horizontalpodautoscalers", "cart-hpa", desiredReplicas=9, currentReplicas=8)
        assert not action.ready(proposal, performed, SECONDS).ready
        server.touch("horizontalpodautoscalers", "cart-hpa", currentReplicas=9)
        assert action.ready(proposal, performed, SECONDS).ready


def test_raises_no_autoscaler_that_is_somebody_elses(server: KubernetesCluster) -> None:
    """What made it would put it back."""
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "cart", "uid": "k"}}
    server.put(autoscaler(put_cart(server), owner=owner))
    assert "is made by ScaledObject cart, which would put back" in said(server, **UP, raise_hpa=True)


def test_scales_nothing_of_an_operator(server: KubernetesCluster) -> None:
    """Who made it says how many."""
    owner = {"apiVersion": "example.org/v1", "kind": "Shop", "metadata": {"name": "it", "uid": "s"}}
    put_cart(server, owner=owner)
    assert "is run by Shop it, which says how many" in said(server, **UP)
    assert "is run by Shop it, which would put it back" in said(server, verb="rollback")


def test_restarts(server: KubernetesCluster) -> None:
    """As kubectl does, with our token beside; the revision counts on."""
    put_cart(server)
    with rule(server, verb="restart") as action:
        proposal = action.propose(CART, SECONDS)
        performed = done(action, proposal)
    assert ("restart deployment shop/cart (3 pods)", {"revision": "2"}) == (proposal.does, proposal.before)
    assert {"generation": 5, "revision": "3"} == performed.after
    found = server.get("deployments", "cart")
    restarted = found["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    assert len("2026-11-27T09:00:00Z") == len(restarted)
    assert WRITTEN == found["metadata"]["annotations"]["alert-manager/remediation"]
    assert "2" == found["metadata"]["annotations"]["deployment.kubernetes.io/revision"]


@pytest.mark.parametrize("verb", ["restart", "rollback"])
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"paused": True}, "deployment shop/cart is paused: nothing of it is rolled out"),
        ({"replicas": 0}, "deployment shop/cart is scaled to 0: there is nothing to"),
    ],
)
def test_refuses_what_rolls_nothing(server: KubernetesCluster, verb: str, spec: dict[str, Any], words: str) -> None:
    """A change of the template that has no pod made anew is none."""
    put_cart(server, **spec)
    assert words in said(server, verb=verb)


@pytest.mark.parametrize("verb", ["restart", "rollback"])
def test_refuses_what_waits_for_a_person(server: KubernetesCluster, verb: str) -> None:
    """With OnDelete nothing is made anew but what is deleted."""
    server.put(stateful_set(updateStrategy={"type": "OnDelete"}))
    with rule(server, verb=verb) as action:
        assert "OnDelete" in str(not_proposed(action, alert(namespace="shop", statefulset="db")))


def test_a_rollout_is_ready_when_all_is_available(server: KubernetesCluster) -> None:
    """Step by step, as kubectl tells it."""
    put_cart(server)
    with rule(server, verb="restart") as action:
        proposal = action.propose(CART, SECONDS)
        performed = done(action, proposal)
        told = []
        for status in (
            {},
            {"observedGeneration": 5, "updatedReplicas": 1, "replicas": 4},
            {"updatedReplicas": 3},
            {"replicas": 3, "availableReplicas": 2},
            {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]},
            {"conditions": [], "availableReplicas": 3},
        ):
            server.touch("deployments", "cart", **status)
            ready = action.ready(proposal, performed, SECONDS)
            told.append((ready.ready, ready.detail.removeprefix("deployment shop/cart: ")))
        server.put(deployment() | {"metadata": {**deployment()["metadata"], "uid": "another"}})
        assert action.ready(proposal, performed, SECONDS).ready is None
    assert [
        (False, "its controller has not seen the change yet"),
        (False, "1 of 3 replicas are updated"),
        (False, "1 old replica is still to end"),
        (False, "2 of 3 replicas are available"),
        (False, "its rollout makes no progress"),
        (True, "all of its replicas are available"),
    ] == told


@pytest.mark.parametrize(
    ("made", "label", "statuses"),
    [
        (
            stateful_set(),
            {"statefulset": "db"},
            [
                ({"observedGeneration": 5, "updateRevision": "db-3", "updatedReplicas": 1}, "1 of 3 replicas are upd"),
                ({"currentRevision": "db-3", "readyReplicas": 2}, "2 of 3 replicas are ready"),
                ({"readyReplicas": 3}, "all of its"),
            ],
        ),
        (
            daemon_set(),
            {"daemonset": "agent"},
            [
                ({"observedGeneration": 5, "updatedNumberScheduled": 1}, "1 of 2 replicas are updated"),
                ({"updatedNumberScheduled": 2, "numberAvailable": 1}, "1 of 2 replicas are available"),
                ({"numberAvailable": 2}, "all of its"),
            ],
        ),
    ],
    ids=["statefulset", "daemonset"],
)
def test_others_are_ready_in_their_way(
    server: KubernetesCluster, made: dict[str, Any], label: dict[str, str], statuses: list[tuple[Any, str]]
) -> None:
    """By the fields that their controllers have."""
    server.put(made)
    about = alert(namespace="shop", **label)
    plural = f"{next(iter(label))}s"
    with rule(server, verb="restart") as action:
        proposal = action.propose(about, SECONDS)
        performed = done(action, proposal)
        for status, words in statuses:
            server.touch(plural, made["metadata"]["name"], **status)
            ready = action.ready(proposal, performed, SECONDS)
            assert words in ready.detail
        assert ready.ready


@pytest.mark.parametrize(("verb", "method"), [("delete_pod", "DELETE"), ("evict_pod", "POST")])
def test_takes_away_a_pod(server: KubernetesCluster, verb: str, method: str) -> None:
    """By its uid, with the time that it is given; ready when it is gone and its controller has all."""
    put_cart(server)
    server.disruptions = 1
    with rule(server, verb=verb, grace_period="5s") as action:
        proposal = action.propose(alert(**POD), SECONDS)
        assert f"{verb.partition('_')[0]} pod shop/cart-1 of ReplicaSet cart-5d2" == proposal.does
        assert action.happened(proposal, WRITTEN, SECONDS) is None
        performed = done(action, proposal)
        assert performed == action.happened(proposal, WRITTEN, SECONDS)
        assert "pod shop/cart-1 is not gone yet" == action.ready(proposal, performed, SECONDS).detail
        server.remove("pods", "cart-1")
        server.touch("replicasets", "cart-5d2", availableReplicas=2)
        assert action.ready(proposal, performed, SECONDS).ready is False
        server.touch("replicasets", "cart-5d2", availableReplicas=3)
        assert action.ready(proposal, performed, SECONDS).ready
        assert performed == action.happened(proposal, WRITTEN, SECONDS)
    ((how, path, document),) = server.writes
    options = document["deleteOptions"] if verb == "evict_pod" else document
    assert (method, {"uid": "uid-of-pod-cart-1"}, 5) == (how, options["preconditions"], options["gracePeriodSeconds"])
    assert f"/api/v1/namespaces/shop/pods/cart-1{'/eviction' if verb == 'evict_pod' else ''}" == path


@pytest.mark.parametrize("verb", ["delete_pod", "evict_pod"])
def test_takes_away_no_other_pod(server: KubernetesCluster, verb: str) -> None:
    """One of the same name, as a StatefulSet makes it, is another; one that is gone is gone."""
    db = server.put(stateful_set())
    server.put(pod(db, "db-0"))
    with rule(server, verb=verb) as action:
        proposal = action.propose(alert(namespace="shop", pod="db-0"), SECONDS)
        server.put(pod(db, "db-0") | {"metadata": {**pod(db, "db-0")["metadata"], "uid": "next"}})
        error = not_performed(action, proposal, CART)
        assert ("pod shop/db-0 is gone, or another by now", False) == (str(error), error.in_doubt)
        server.remove("pods", "db-0")
        assert not not_performed(action, proposal, CART).in_doubt
    assert [] == server.writes


def test_honours_a_disruption_budget(server: KubernetesCluster) -> None:
    """What a budget has no room for is not done, in the API's own words."""
    put_cart(server)
    server.disruptions = 0
    with rule(server, verb="evict_pod") as action:
        error = not_performed(action, action.propose(alert(**POD), SECONDS), CART)
    assert "Cannot evict pod as it would violate the pod's disruption budget.; The disruption budget cart" in str(error)
    assert (False, []) == (error.in_doubt, server.writes)


def test_a_failure_that_is_created_is_none(server: KubernetesCluster) -> None:
    """A pod with two budgets cannot be evicted, which is said with the status of a success."""
    put_cart(server)
    server.budgets = 2
    with rule(server, verb="evict_pod") as action:
        proposal = action.propose(alert(**POD), SECONDS)
        error = not_performed(action, proposal, CART)
        assert action.happened(proposal, WRITTEN, SECONDS) is None
    assert "This pod has more than one PodDisruptionBudget" in str(error)
    assert (False, []) == (error.in_doubt, server.writes)


def test_evicts_by_the_version_that_there_is(server: KubernetesCluster) -> None:
    """Which discovery names: policy/v1beta1 before 1.22."""
    put_cart(server)
    server.old()
    with rule(server, verb="evict_pod") as action:
        done(action, action.propose(alert(**POD), SECONDS))
    assert ["policy/v1beta1"] == [document["apiVersion"] for _, _, document in server.writes]


@pytest.mark.parametrize("verb", ["delete_pod", "evict_pod"])
def test_takes_away_no_pod_that_nobody_makes_anew(server: KubernetesCluster, verb: str) -> None:
    """A bare one, and a static one."""
    server.put(pod(None, "bare"))
    owner = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1", "uid": "n"}}
    server.put(pod(owner, "static"))
    with rule(server, verb=verb) as action:
        assert "nobody would make another" in str(not_proposed(action, alert(namespace="shop", pod="bare")))
        assert "is a static one, of node worker-1" in str(not_proposed(action, alert(namespace="shop", pod="static")))


@pytest.mark.parametrize(("verb", "cordons"), [("cordon", True), ("uncordon", False)])
def test_cordons_and_uncordons(server: KubernetesCluster, verb: str, cordons: bool) -> None:
    """One field, with the version; not where it is so already; a taint meanwhile is no reason to give up."""
    server.put(node(unschedulable=not cordons))
    about = alert(node="worker-1")
    with rule(server, verb=verb) as action:
        proposal = action.propose(about, SECONDS)
        assert (f"{verb} node worker-1", "") == (proposal.does, proposal.target.namespace)
        tainted = server.get("nodes", "worker-1")
        server.put({**tainted, "spec": {**tainted["spec"], "taints": [{"key": "a", "effect": "NoExecute"}]}})
        performed = done(action, proposal)
        assert (True, performed) == (
            action.ready(proposal, performed, SECONDS).ready,
            action.happened(proposal, WRITTEN, SECONDS),
        )
        assert "cordoned already" in str(not_proposed(action, about))
    found = server.get("nodes", "worker-1")
    assert (cordons, ANNOTATED) == (found["spec"]["unschedulable"], found["metadata"]["annotations"])
    assert "10.1.0.0/24" == found["spec"]["podCIDR"]


def test_rolls_back_a_deployment(server: KubernetesCluster) -> None:
    """To the template of the ReplicaSet before, whole, without the label that is the ReplicaSet's own."""
    put_cart(server)
    with rule(server, verb="rollback") as action:
        proposal = action.propose(CART, SECONDS)
        performed = done(action, proposal)
    assert "roll deployment shop/cart back from revision 2 to 1" == proposal.does
    assert {"revision": "2", "back_to": "1"} == proposal.before
    assert {"generation": 5, "revision": "3", "as_revision": "1"} == performed.after
    found = server.get("deployments", "cart")
    assert template("cart:1") == found["spec"]["template"]
    assert WRITTEN == found["metadata"]["annotations"]["alert-manager/remediation"]


@pytest.mark.parametrize(
    ("made", "label"), [(stateful_set(), {"statefulset": "db"}), (daemon_set(), {"daemonset": "agent"})], ids=str
)
def test_rolls_back_by_controller_revisions(
    server: KubernetesCluster, made: dict[str, Any], label: dict[str, str]
) -> None:
    """Those of others, and of another of the same labels, do not count."""
    of = server.put(made)
    for number in (1, 2):
        server.put(controller_revision(of, number, f"cart:{number}"))
    server.put(controller_revision(stateful_set("other"), 7, "cart:7"))
    with rule(server, verb="rollback") as action:
        proposal = action.propose(alert(namespace="shop", **label), SECONDS)
        done(action, proposal)
    assert "back from revision 2 to 1" in proposal.does
    found = server.get(f"{next(iter(label))}s", of["metadata"]["name"])
    assert template("cart:1") == found["spec"]["template"]


def test_refuses_to_roll_back_to_nothing(server: KubernetesCluster) -> None:
    """Without a previous revision, and where that was no other but for a restart."""
    made = put_cart(server)
    server.remove("replicasets", "cart-5d1")
    assert "deployment shop/cart has no previous revision" == said(server, verb="rollback")
    server.put(replica_set(made, "cart-5d1", revision=1, image="cart:2"))
    assert "was only restarted since revision 1" in said(server, verb="rollback")
    server.put(replica_set(made, "cart-5d3", revision=3))
    assert "not clear which of its revisions is the present one" in said(server, verb="rollback")


def test_refuses_a_revision_that_is_another_by_now(server: KubernetesCluster) -> None:
    """What it would go back to is what was decided on."""
    made = put_cart(server)
    with rule(server, verb="rollback") as action:
        proposal = action.propose(CART, SECONDS)
        server.put(replica_set(made, "cart-5d1", revision=1, image="cart:evil"))
        assert "the revision to go back to is another by now" == str(not_performed(action, proposal, CART))
    assert [] == server.writes


def test_leaves_a_word(server: KubernetesCluster) -> None:
    """An Event on the target, once however often it is left; of a node in the namespace default."""
    put_cart(server)
    server.put(node())
    with rule(server, verb="restart") as action:
        proposal = action.propose(CART, SECONDS)
        for _ in range(2):
            assert "" == action.note(proposal, "restarted\nfor \u202eCartIsSlow" + "é" * 2_000, WRITTEN, NOW, SECONDS)
        assert "" == action.note(proposal, "it helped", WRITTEN, NOW, SECONDS)
        server.denied = {"create events"}
        assert "Kubernetes does not allow it (403): needs create events in namespace shop" == action.note(
            proposal, "x", WRITTEN, NOW, SECONDS
        )
    server.denied = set()
    with rule(server, verb="cordon") as action:
        assert "" == action.note(action.propose(alert(node="worker-1"), SECONDS), "done", WRITTEN, NOW, SECONDS)
    first, _, last = server.all("events")
    about = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": "uid-of-deployment-cart"}
    assert {**about, "namespace": "shop"} == first["involvedObject"]
    assert first["message"].startswith("restarted for CartIsSlow")
    assert ("Remediated", "alert-manager", "2026-11-27T09:00:00Z") == (
        first["reason"],
        first["reportingComponent"],
        first["lastTimestamp"],
    )
    assert ("default", "Node") == (last["metadata"]["namespace"], last["involvedObject"]["kind"])
