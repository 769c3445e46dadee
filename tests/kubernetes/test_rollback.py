"""Workloads of a real cluster: rolled back."""

from collections.abc import Callable

import pytest

from alerts.remediation import NotPerformed, NotProposed
from cluster import Cluster, Identity
from tests.kubernetes.place import RESOURCES, Place
from tests.kubernetes.remedies import Forgetful, Rule, alert

KINDS = ("Deployment", "StatefulSet", "DaemonSet")


def image(place: Place, kind: str) -> str:
    """Which image a workload is to run."""
    (container,) = place.get(RESOURCES[kind], "cart")["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def twice(place: Place, kind: str) -> None:
    """Makes a workload that had another image, and has had its controller see both."""
    place.workload(kind, "cart", 2, "cart:1")
    place.image(kind, "cart", "cart:2")
    place.revised(kind, "cart", 2)


@pytest.mark.parametrize("kind", KINDS)
def test_rolls_back_to_the_revision_before(place: Place, cluster: Cluster, kind: str) -> None:
    """The template is that of the revision before, whole; the controller counts it as one more."""
    twice(place, kind)
    rule = Rule(cluster, "rollback")
    proposal = rule.propose(alert(namespace=place.namespace, **{kind.lower(): "cart"}))
    assert ("2", "1") == (proposal.before["revision"], proposal.before["back_to"])
    assert rule.happened(proposal) is None
    performed = rule.perform(proposal)
    assert "cart:1" == image(place, kind)
    assert rule.happened(proposal) is not None
    if kind != "DaemonSet":
        place.roll(kind, "cart", 2)
        assert True is place.api.wait_until(lambda: rule.ready(proposal, performed).ready)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_rolled_out_anew_is_not_rolled_back(place: Place, cluster: Cluster, kind: str) -> None:
    """A third image that came after the proposal stays."""
    twice(place, kind)
    rule = Rule(cluster, "rollback")
    proposal = rule.propose(alert(namespace=place.namespace, **{kind.lower(): "cart"}))
    place.image(kind, "cart", "cart:3")
    with pytest.raises(NotPerformed, match="changed") as error:
        rule.perform(proposal)
    assert (False, "cart:3") == (error.value.in_doubt, image(place, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_answer_is_looked_up(place: Place, identify: Callable[[], Identity], kind: str) -> None:
    """What was rolled back is known by its token, though the answer was lost; a second try does no more."""
    twice(place, kind)
    forgetful = Forgetful(identify)
    rule = Rule(forgetful, "rollback")
    proposal = rule.propose(alert(namespace=place.namespace, **{kind.lower(): "cart"}))
    with pytest.raises(NotPerformed) as error:
        rule.perform(proposal)
    assert error.value.in_doubt
    assert rule.happened(proposal) is not None
    place.revised(kind, "cart", 3)
    rule.perform(proposal)
    assert "cart:1" == image(place, kind)
    forgetful.close()


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_revision_before_stays(place: Place, cluster: Cluster, kind: str) -> None:
    """There is nothing to go back to."""
    place.workload(kind, "cart")
    place.revised(kind, "cart", 1)
    with pytest.raises(NotProposed, match="no previous revision"):
        Rule(cluster, "rollback").propose(alert(namespace=place.namespace, **{kind.lower(): "cart"}))


def test_what_was_only_restarted_is_not_rolled_back(place: Place, cluster: Cluster) -> None:
    """The revision before is the same but for the restart."""
    place.workload("Deployment", "cart")
    place.revised("Deployment", "cart", 1)
    labels = alert(namespace=place.namespace, deployment="cart")
    rule = Rule(cluster, "restart")
    rule.perform(rule.propose(labels))
    place.revised("Deployment", "cart", 2)
    with pytest.raises(NotProposed, match="only restarted"):
        Rule(cluster, "rollback").propose(labels)
