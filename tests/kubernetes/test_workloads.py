"""Workloads of a real cluster: restarted and scaled."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from alerts.remediation import NotPerformed, NotProposed, Ready
from cluster import Cluster, Identity
from tests.kubernetes.place import RESOURCES, Place
from tests.kubernetes.remedies import Forgetful, Overtaken, Rule, alert

KINDS = ("Deployment", "StatefulSet")


@pytest.mark.parametrize("kind", KINDS)
def test_restart_rolls_all_pods_anew(place: Place, cluster: Cluster, kind: str) -> None:
    """From a pod's alert its workload is found and restarted; it is ready once its new pods run, and not before."""
    pods = place.running(kind, "cart")
    rule = Rule(cluster, "restart")
    proposal = rule.propose(alert(namespace=place.namespace, pod=pods[0]))
    assert (kind, place.namespace, "cart") == (proposal.target.kind, proposal.target.namespace, proposal.target.name)
    performed = rule.perform(proposal)
    assert rule.ready(proposal, performed).ready is False
    place.roll(kind, "cart", 2)
    assert not set(pods) & set(place.pods("cart", 2)) or kind == "StatefulSet"
    assert True is place.api.wait_until(lambda: rule.ready(proposal, performed).ready)
    template = place.get(RESOURCES[kind], "cart")["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", ["restart", "scale"])
def test_a_second_try_does_no_more_than_the_first(place: Place, cluster: Cluster, kind: str, verb: str) -> None:
    """What was done already is not done again by the same proposal."""
    place.workload(kind, "cart")
    rule = Rule(cluster, verb, **({"step": 1, "min": 1, "max": 9} if verb == "scale" else {}))
    proposal = rule.propose(alert(namespace=place.namespace, **{kind.lower(): "cart"}))
    rule.perform(proposal)
    done = place.get(RESOURCES[kind], "cart")
    # A subresource has no place for a token: there the version alone says no.
    with pytest.raises(NotPerformed) if verb == "scale" else nullcontext():
        rule.perform(proposal)
    again = place.get(RESOURCES[kind], "cart")
    assert done["metadata"]["generation"] == again["metadata"]["generation"]
    assert done["spec"] == again["spec"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", ["restart", "scale"])
def test_a_lost_answer_is_looked_up(
    place: Place, cluster: Cluster, identify: Callable[[], Identity], kind: str, verb: str
) -> None:
    """Before it was done it is known that it was not, and after that its answer was lost that it was."""
    place.workload(kind, "cart")
    forgetful = Forgetful(identify)
    rule = Rule(forgetful, verb, **({"step": 1, "min": 1, "max": 9} if verb == "scale" else {}))
    proposal = rule.propose(alert(namespace=place.namespace, **{kind.lower(): "cart"}))
    assert rule.happened(proposal) is None
    with pytest.raises(NotPerformed) as error:
        rule.perform(proposal)
    assert error.value.in_doubt
    # Its controller may go on meanwhile, as it does.
    place.seen(RESOURCES[kind], "cart")
    assert rule.happened(proposal) is not None
    forgetful.close()


@pytest.mark.parametrize("verb", ["restart", "scale"])
def test_what_was_changed_since_is_left_alone(place: Place, cluster: Cluster, verb: str) -> None:
    """A workload that somebody scaled after it was decided on is not the one that was decided on."""
    place.workload("Deployment", "cart")
    rule = Rule(cluster, verb, **({"step": 1, "min": 1, "max": 9} if verb == "scale" else {}))
    proposal = rule.propose(alert(namespace=place.namespace, deployment="cart"))
    place.change("deployments", "cart", {"spec": {"replicas": 4}})
    with pytest.raises(NotPerformed, match="changed") as error:
        rule.perform(proposal)
    assert not error.value.in_doubt
    found = place.get("deployments", "cart")["spec"]
    assert (4, False) == (found["replicas"], "annotations" in found["template"]["metadata"])


@pytest.mark.parametrize("verb", ["restart", "scale"])
def test_who_is_faster_is_not_overwritten(place: Place, identify: Callable[[], Identity], verb: str) -> None:
    """Between the last look and the write somebody scales it: the API server refuses the write."""
    place.workload("Deployment", "cart")
    overtaken = Overtaken(identify, lambda: place.change("deployments", "cart", {"spec": {"replicas": 4}}))
    rule = Rule(overtaken, verb, **({"step": 1, "min": 1, "max": 9} if verb == "scale" else {}))
    proposal = rule.propose(alert(namespace=place.namespace, deployment="cart"))
    with pytest.raises(NotPerformed, match="changed") as error:
        rule.perform(proposal)
    assert not error.value.in_doubt
    assert 4 == place.get("deployments", "cart")["spec"]["replicas"]
    overtaken.close()


@pytest.mark.parametrize("verb", ["restart", "scale"])
def test_a_status_that_changes_is_no_reason_to_give_up(
    place: Place, identify: Callable[[], Identity], verb: str
) -> None:
    """What is in trouble changes of itself between the last look and the write, and is then looked at again."""
    place.workload("Deployment", "cart")

    def trouble() -> None:
        place.change("deployments", "cart", {"status": {"unavailableReplicas": 1}}, "status")

    overtaken = Overtaken(identify, trouble)
    rule = Rule(overtaken, verb, **({"step": 1, "min": 1, "max": 9} if verb == "scale" else {}))
    proposal = rule.propose(alert(namespace=place.namespace, deployment="cart"))
    rule.perform(proposal)
    assert rule.happened(proposal) is not None
    overtaken.close()


@pytest.mark.parametrize("verb", ["restart", "scale"])
def test_another_of_the_same_name_is_left_alone(place: Place, cluster: Cluster, verb: str) -> None:
    """A workload that was deleted and made again is another."""
    place.workload("Deployment", "cart")
    rule = Rule(cluster, verb, **({"step": 1, "min": 1, "max": 9} if verb == "scale" else {}))
    proposal = rule.propose(alert(namespace=place.namespace, deployment="cart"))
    place.api.done("DELETE", place.path("deployments", "cart"))
    place.make("deployments", place.manifest("Deployment", "cart", 2))
    with pytest.raises(NotPerformed):
        rule.perform(proposal)
    assert 2 == place.get("deployments", "cart")["spec"]["replicas"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "replicas"),
    [
        ({"step": 2, "max": 9}, 5),
        ({"step": 5, "max": 4}, 4),
        ({"factor": 1.5, "max": 9}, 5),
        ({"step": -1, "max": 9}, 2),
        ({"factor": 0.1, "min": 2, "max": 9}, 2),
    ],
    ids=["step", "to its max", "factor", "fewer", "to its min"],
)
def test_scale_keeps_within_its_bounds(
    place: Place, cluster: Cluster, kind: str, change: dict[str, float], replicas: int
) -> None:
    """Three replicas become as many as the step or the factor says, within min and max."""
    place.running(kind, "cart", 3)
    rule = Rule(cluster, "scale", **{"min": 1, **change})
    proposal = rule.propose(alert(namespace=place.namespace, **{kind.lower(): "cart"}))
    performed = rule.perform(proposal)
    assert replicas == place.get(RESOURCES[kind], "cart")["spec"]["replicas"]
    assert {"replicas": 3} == proposal.before
    assert {"replicas": replicas} == performed.after
    place.roll(kind, "cart", replicas)
    assert True is place.api.wait_until(lambda: rule.ready(proposal, performed).ready)


def test_scale_at_its_bound_is_not_proposed(place: Place, cluster: Cluster) -> None:
    """Where there are as many as there may be nothing is proposed."""
    place.workload("Deployment", "cart", 3)
    with pytest.raises(NotProposed, match="max of 3"):
        Rule(cluster, "scale", step=1, min=1, max=3).propose(alert(namespace=place.namespace, deployment="cart"))


def test_an_autoscaler_says_how_many(place: Place, cluster: Cluster) -> None:
    """What an HPA scales is not scaled, but for the HPA's own bound where that is wanted; an old API has them, too."""
    place.workload("Deployment", "cart", 2)
    of = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
    spec = {"scaleTargetRef": of, "minReplicas": 1, "maxReplicas": 3}
    place.make("horizontalpodautoscalers", {"metadata": {"name": "cart"}, "spec": spec})
    labels = alert(namespace=place.namespace, deployment="cart")
    with pytest.raises(NotProposed, match="raise_hpa"):
        Rule(cluster, "scale", step=2, min=1, max=9).propose(labels)
    rule = Rule(cluster, "scale", step=2, min=1, max=9, raise_hpa=True)
    proposal = rule.propose(labels)
    assert rule.happened(proposal) is None
    rule.perform(proposal)
    assert rule.happened(proposal) is not None
    found = place.get("horizontalpodautoscalers", "cart")
    assert (1, 5) == (found["spec"]["minReplicas"], found["spec"]["maxReplicas"])
    assert 2 == place.get("deployments", "cart")["spec"]["replicas"]


def test_what_it_cannot_have_is_not_ready(place: Place, cluster: Cluster) -> None:
    """A rollout whose pods do not run is not ready, and says how far it is."""
    pods = place.running("Deployment", "cart")
    rule = Rule(cluster, "restart")
    proposal = rule.propose(alert(namespace=place.namespace, pod=pods[0]))
    performed = rule.perform(proposal)

    def settled() -> Ready | None:
        found = rule.ready(proposal, performed)
        return found if "not seen" not in found.detail else None

    found = place.api.wait_until(settled)
    assert (False, True) == (found.ready, "of 2 replicas are updated" in found.detail)


def test_leaves_an_event_once(place: Place, cluster: Cluster) -> None:
    """The Event is on the workload, as `kubectl describe` looks for it, once for a text however often it is left."""
    place.workload("Deployment", "cart")
    rule = Rule(cluster, "restart")
    proposal = rule.propose(alert(namespace=place.namespace, deployment="cart"))
    assert ["", "", ""] == [rule.note(proposal, text) for text in ("restarted", "restarted", "it helped")]
    uid = place.get("deployments", "cart")["metadata"]["uid"]
    selected = f"{place.path('events')}?fieldSelector=involvedObject.uid={uid},reason=Remediated"
    found = place.api.get(selected)["items"]
    assert ["it helped", "restarted"] == sorted(each["message"] for each in found)
    assert {("alert-manager", "cart")} == {
        (each["source"]["component"], each["involvedObject"]["name"]) for each in found
    }
