"""Whatever becomes of a write about Kubernetes: it takes effect once at most, and what is not known is said so."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from actions.kubernetes import Action
from alerts.model import Alert
from alerts.remediation import NotPerformed, Proposal
from tests.actions.rules import DEPLOYMENT, POD, SECONDS, UP, WRITTEN, alert, not_performed, put_cart, rule
from tests.far_sides.kubernetes import TOKEN
from tests.far_sides.kubernetes_cluster import Fault, KubernetesCluster
from tests.far_sides.kubernetes_things import autoscaler, node

CART = alert(**DEPLOYMENT)
CASES: dict[str, tuple[dict[str, Any], Alert]] = {
    "scale": (UP, CART),
    "raise": ({**UP, "raise_hpa": True}, CART),
    "restart": ({"verb": "restart"}, CART),
    "rollback": ({"verb": "rollback"}, CART),
    "delete": ({"verb": "delete_pod"}, alert(**POD)),
    "evict": ({"verb": "evict_pod"}, alert(**POD)),
    "cordon": ({"verb": "cordon"}, alert(node="worker-1")),
}
# Those that are held to a thing that stays, and what that is.
HELD = {
    "scale": ("deployments", "cart"),
    "raise": ("horizontalpodautoscalers", "cart-hpa"),
    "restart": ("deployments", "cart"),
    "rollback": ("deployments", "cart"),
    "cordon": ("nodes", "worker-1"),
}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[KubernetesCluster]:
    """A cluster in which each verb has something to do."""
    with KubernetesCluster() as far_side:
        made = put_cart(far_side)
        far_side.put(node())
        if "raise" in request.node.name:
            far_side.put(autoscaler(made))
        yield far_side


def tried(action: Action, proposal: Proposal, about: Alert) -> bool:
    """Tries it once more, and returns whether that is in doubt."""
    try:
        action.perform(proposal, about, WRITTEN, SECONDS)
    except NotPerformed as error:
        return error.in_doubt
    return False


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("fault", ["lost after", "500 after"])
def test_finds_what_was_done_though_the_answer_was_lost(server: KubernetesCluster, case: str, fault: Fault) -> None:
    """It is in doubt, then found, and a second try does nothing more."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        server.fault = fault
        error = not_performed(action, proposal, about)
        assert error.in_doubt
        assert TOKEN not in str(error)
        found = action.happened(proposal, WRITTEN, SECONDS)
        assert found is not None
        assert not tried(action, proposal, about)
    assert case in ("delete", "evict") or 1 == len(server.writes)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("fault", ["lost before", "500 before"])
def test_finds_that_nothing_was_done(server: KubernetesCluster, case: str, fault: Fault) -> None:
    """It is in doubt, then known not to have been, and done at the second try, once."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        server.fault = fault
        assert not_performed(action, proposal, about).in_doubt
        assert [] == server.writes
        assert action.happened(proposal, WRITTEN, SECONDS) is None
        performed = action.perform(proposal, about, WRITTEN, SECONDS)
        assert performed == action.happened(proposal, WRITTEN, SECONDS)
    assert 1 == len(server.writes)


@pytest.mark.parametrize("case", CASES)
def test_a_hanging_write_is_in_doubt_in_time(server: KubernetesCluster, case: str) -> None:
    """It may have been heard."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        server.fault = "hang"
        error = not_performed(action, proposal, about, 0.7)
        assert ("timed out" in str(error), True) == (True, error.in_doubt)
        assert action.happened(proposal, WRITTEN, SECONDS) is not None


@pytest.mark.parametrize("case", CASES)
def test_what_is_done_is_done_whatever_is_said_of_it(server: KubernetesCluster, case: str) -> None:
    """By its status; the rest of the answer is not needed."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        server.fault = "unreadable"
        performed = action.perform(proposal, about, WRITTEN, SECONDS)
        assert performed == action.happened(proposal, WRITTEN, SECONDS)
    assert 1 == len(server.writes)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
def test_what_is_refused_is_not_in_doubt(server: KubernetesCluster, case: str, status: int) -> None:
    """With the status, and the words that came with it."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        server.refuse = status
        error = not_performed(action, proposal, about)
    assert (False, []) == (error.in_doubt, server.writes)
    assert str(status) in str(error) or "another by now" in str(error) or "changed meanwhile" in str(error)


@pytest.mark.parametrize("case", HELD)
def test_changes_nothing_that_was_changed_meanwhile(server: KubernetesCluster, case: str) -> None:
    """By somebody else, who wants it otherwise by now; then nobody can tell whether it was done."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        found = server.get(*HELD[case])
        key, value = {"raise": ("maxReplicas", 9), "cordon": ("unschedulable", True)}.get(case, ("replicas", 4))
        found["spec"][key] = value
        if "generation" in found["metadata"]:
            found["metadata"]["generation"] += 2
        server.put(found)
        error = not_performed(action, proposal, about)
        assert ("was changed meanwhile" in str(error), False) == (True, error.in_doubt)
        with pytest.raises(NotPerformed) as unknown:
            action.happened(proposal, WRITTEN, SECONDS)
        assert unknown.value.in_doubt
    assert [] == server.writes


@pytest.mark.parametrize("case", HELD)
def test_changes_nothing_of_another_of_the_name(server: KubernetesCluster, case: str) -> None:
    """What was deleted and made anew is another; what is gone is gone."""
    settings, about = CASES[case]
    plural, name = HELD[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        found = server.get(plural, name)
        found["metadata"]["uid"] = "another"
        server.put(found)
        assert not not_performed(action, proposal, about).in_doubt
        with pytest.raises(NotPerformed):
            action.happened(proposal, WRITTEN, SECONDS)
        server.remove(plural, name, "" if plural == "nodes" else "shop")
        assert not not_performed(action, proposal, about).in_doubt
        with pytest.raises(NotPerformed):
            action.happened(proposal, WRITTEN, SECONDS)
    assert [] == server.writes


@pytest.mark.parametrize("case", HELD)
def test_a_status_that_changes_holds_nothing_up(server: KubernetesCluster, case: str) -> None:
    """What is in trouble has another status, and so another version, every few seconds."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        server.touch(*HELD[case], "" if case == "cordon" else "shop", message="another")
        assert action.happened(proposal, WRITTEN, SECONDS) is None
        action.perform(proposal, about, WRITTEN, SECONDS)
    assert 1 == len(server.writes)


@pytest.mark.parametrize("case", HELD)
@pytest.mark.parametrize("conflicts", [2, 9])
def test_a_conflict_of_the_moment_is_looked_at_again(server: KubernetesCluster, case: str, conflicts: int) -> None:
    """Between the question and the write the status changed: it is asked again, a few times and no more."""
    settings, about = CASES[case]
    with rule(server, **settings) as action:
        proposal = action.propose(about, SECONDS)
        server.conflicts = conflicts
        if conflicts < 3:
            action.perform(proposal, about, WRITTEN, SECONDS)
        else:
            error = not_performed(action, proposal, about)
            assert ("again and again" in str(error), False) == (True, error.in_doubt)
    assert (conflicts < 3) == len(server.writes)
    assert min(conflicts + 1, 3) == len([each for each in server.requests if each.method == "PATCH"])


@pytest.mark.parametrize("case", CASES)
def test_two_at_once_do_no_more_than_one(server: KubernetesCluster, case: str) -> None:
    """A second try of the same write beside the first takes no effect of its own."""
    settings, about = CASES[case]
    with rule(server, **settings) as one, rule(server, **settings) as other:
        proposal = one.propose(about, SECONDS)
        for action in itertools.islice(itertools.cycle((one, other)), 4):
            assert not tried(action, proposal, about)
    plural, name = HELD.get(case, ("pods", "cart-1"))
    found = server.get(plural, name)
    if "generation" in found["metadata"]:
        assert 5 == found["metadata"]["generation"]
    assert case in ("delete", "evict") or 1 == len(server.writes)
