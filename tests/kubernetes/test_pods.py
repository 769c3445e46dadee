"""Pods of a real cluster: deleted, and evicted where their budget allows it."""

from collections.abc import Callable

import pytest

from alerts.remediation import NotPerformed, NotProposed
from cluster import Cluster, Identity
from tests.kubernetes.place import Place
from tests.kubernetes.remedies import Forgetful, Rule, alert

VERBS = ("delete_pod", "evict_pod")


def budget(place: Place, allowed: int, name: str = "cart") -> None:
    """Makes a disruption budget for two pods, and waits until its controller has counted."""
    spec = {"minAvailable": 2 - allowed, "selector": {"matchLabels": {"app": "cart"}}}
    place.make("poddisruptionbudgets", {"metadata": {"name": name}, "spec": spec})

    def counted() -> bool:
        of = place.get("poddisruptionbudgets", name)["status"]
        return (of.get("observedGeneration"), of.get("currentHealthy"), of["disruptionsAllowed"]) == (1, 2, allowed)

    place.api.wait_until(counted)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_pod_goes_and_another_comes(place: Place, cluster: Cluster, verb: str, kind: str) -> None:
    """The one pod is gone; it is ready once its controller has what it wants again."""
    pods = place.running(kind, "cart")
    uid = place.get("pods", pods[0])["metadata"]["uid"]
    rule = Rule(cluster, verb)
    proposal = rule.propose(alert(namespace=place.namespace, pod=pods[0]))
    assert rule.happened(proposal) is None
    performed = rule.perform(proposal)
    assert rule.happened(proposal) is not None
    left = place.api.wait_until(lambda: place.pods("cart", 2))
    assert uid not in [place.get("pods", each)["metadata"]["uid"] for each in left]
    assert pods[1] in left
    place.run(*left)
    assert True is place.api.wait_until(lambda: rule.ready(proposal, performed).ready)


@pytest.mark.parametrize("verb", VERBS)
def test_another_pod_of_that_name_stays(place: Place, cluster: Cluster, verb: str) -> None:
    """A StatefulSet's pod that was made anew since has the same name, and is another."""
    pods = place.running("StatefulSet", "cart")
    rule = Rule(cluster, verb)
    proposal = rule.propose(alert(namespace=place.namespace, pod=pods[0]))
    place.api.done("DELETE", place.path("pods", pods[0]))
    place.pods("cart", 2)
    place.run(pods[0])
    uid = place.get("pods", pods[0])["metadata"]["uid"]
    with pytest.raises(NotPerformed, match="another by now") as error:
        rule.perform(proposal)
    assert (False, uid) == (error.value.in_doubt, place.get("pods", pods[0])["metadata"]["uid"])


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_is_looked_up(place: Place, identify: Callable[[], Identity], verb: str) -> None:
    """That the pod is gone is known, and a second try finds nothing to do."""
    pods = place.running("Deployment", "cart")
    forgetful = Forgetful(identify)
    rule = Rule(forgetful, verb)
    proposal = rule.propose(alert(namespace=place.namespace, pod=pods[0]))
    with pytest.raises(NotPerformed) as error:
        rule.perform(proposal)
    assert error.value.in_doubt
    assert rule.happened(proposal) is not None
    with pytest.raises(NotPerformed) as error:
        rule.perform(proposal)
    assert not error.value.in_doubt
    forgetful.close()


def test_a_budget_keeps_a_pod_from_eviction_and_not_from_deletion(place: Place, cluster: Cluster) -> None:
    """Where the budget has no room the API server says so, and nothing is done; deleting asks no budget."""
    pods = place.running("Deployment", "cart")
    budget(place, 0)
    labels = alert(namespace=place.namespace, pod=pods[0])
    evict = Rule(cluster, "evict_pod")
    with pytest.raises(NotPerformed, match="disruption budget") as error:
        evict.perform(evict.propose(labels))
    assert (False, set(pods)) == (error.value.in_doubt, set(place.pods("cart", 2)))
    delete = Rule(cluster, "delete_pod")
    delete.perform(delete.propose(labels))
    assert place.gone("pods", pods[0])


def test_a_budget_with_room_allows_one(place: Place, cluster: Cluster) -> None:
    """The first is evicted, the second then is not."""
    pods = place.running("Deployment", "cart")
    budget(place, 1)
    first, second = Rule(cluster, "evict_pod"), Rule(cluster, "evict_pod")
    one, other = (
        rule.propose(alert(namespace=place.namespace, pod=pod)) for rule, pod in zip((first, second), pods, strict=True)
    )
    first.perform(one)
    with pytest.raises(NotPerformed, match="disruption budget"):
        second.perform(other)
    assert (True, False) == (place.gone("pods", pods[0]), place.gone("pods", pods[1]))


def test_a_pod_of_two_budgets_is_not_evicted(place: Place, cluster: Cluster) -> None:
    """The API server answers that with a failure under the status of a success: it is known to be none."""
    pods = place.running("Deployment", "cart")
    budget(place, 1, "one")
    budget(place, 1, "other")
    rule = Rule(cluster, "evict_pod")
    proposal = rule.propose(alert(namespace=place.namespace, pod=pods[0]))
    with pytest.raises(NotPerformed, match="more than one PodDisruptionBudget"):
        rule.perform(proposal)
    assert set(pods) == set(place.pods("cart", 2))
    assert rule.happened(proposal) is None


@pytest.mark.parametrize("verb", VERBS)
def test_a_pod_that_nobody_makes_again_stays(place: Place, cluster: Cluster, verb: str) -> None:
    """A pod without a controller is left alone."""
    containers = [{"name": "app", "image": "cart:1"}]
    place.make("pods", {"metadata": {"name": "alone", "labels": {"app": "alone"}}, "spec": {"containers": containers}})
    with pytest.raises(NotProposed, match="run by nothing"):
        Rule(cluster, verb).propose(alert(namespace=place.namespace, pod="alone"))
