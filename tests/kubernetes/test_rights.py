"""What each verb needs of RBAC: the role that the manifest has for it is enough, and no right of it is too much."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

import pytest
import yaml

from actions._kubernetes_settings import VerbName
from alerts.remediation import NotPerformed, NotProposed
from cluster import Cluster
from cluster.kubeconfig import from_kubeconfig
from scripts.remediation_roles import MANIFEST, name_of
from tests.far_sides.kube_apiserver import KubeApiserver
from tests.kubernetes.place import Place
from tests.kubernetes.remedies import Rule, alert
from tests.kubernetes.rights import Account

ROLES = {
    each["metadata"]["name"]: each["rules"] for each in yaml.safe_load_all(MANIFEST.read_text()) if "rules" in each
}
SCALE: Mapping[str, Any] = {"step": 1, "min": 1, "max": 9}

Right = tuple[str, str, str]
Labels = Mapping[str, str]


def rights(verb: str) -> list[Right]:
    """Each single right of a verb's role: group, resource, verb."""
    return [
        (group, resource, right)
        for rule in ROLES[name_of(verb)]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for right in rule["verbs"]
    ]


def account(place: Place, allowed: Sequence[Right]) -> Account:
    """Somebody who may do that in the place, and what is of nodes anywhere."""
    rules = [{"apiGroups": [group], "resources": [resource], "verbs": [right]} for group, resource, right in allowed]
    wide = [each for each in rules if each["resources"] == ["nodes"]]
    # A node's events are in the namespace default.
    events = [each for each in rules if each["resources"] == ["events"]] if wide else []
    return Account(place, [each for each in rules if each not in wide], [*wide, *events])


@pytest.fixture(scope="module")
def node(api: KubeApiserver) -> Iterator[str]:
    """A node, on which each DaemonSet has a pod."""
    name = f"worker-{uuid.uuid4().hex[:8]}"
    api.done("POST", "/api/v1/nodes", {"metadata": {"name": name}})
    addresses = [{"type": "InternalIP", "address": "10.1.2.3"}]
    api.done("PATCH", f"/api/v1/nodes/{name}/status", {"status": {"addresses": addresses}})
    # It has one that says that it is not ready, and no kubelet to say otherwise.
    api.done("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
    yield name
    api.done("DELETE", f"/api/v1/nodes/{name}")


def told(place: Place, who: Account, verb: str, labels: Labels, **more: Any) -> list[str]:
    """Everything that goes wrong from the proposal to the last look, nothing where all goes well."""
    cluster = Cluster(lambda: from_kubeconfig(who.kubeconfig))
    rule = Rule(cluster, verb, **(SCALE if verb == "scale" else {}), **more)
    try:
        proposal = rule.propose(alert(**labels))
        problems = [rule.note(proposal, "would be done")]
        performed = rule.perform(proposal)
        rule.happened(proposal)
        ready = rule.ready(proposal, performed)
        return [*filter(None, problems), *([ready.detail] if ready.ready is None else [])]
    except (NotProposed, NotPerformed) as error:
        return [str(error)]
    finally:
        cluster.close()


def cases(place: Place, verb: str, node: str) -> Iterator[Callable[[], Labels]]:
    """What the verb is to be done to: each makes it, and says by which labels it is found."""
    here = {"namespace": place.namespace}

    def of_pod(kind: str) -> Labels:
        name = f"cart-{uuid.uuid4().hex[:6]}"
        place.workload(kind, name, 1)
        if verb == "rollback":
            place.image(kind, name, "cart:2")
            place.revised(kind, name, 2)
        (pod, *_) = place.api.wait_until(
            lambda: [
                each["metadata"]["name"]
                for each in place.list("pods")
                if each["metadata"]["labels"]["app"] == name and "deletionTimestamp" not in each["metadata"]
            ]
        )
        return {**here, "pod": pod}

    if verb in ("cordon", "uncordon"):
        yield lambda: {"node": node}
        yield lambda: {"instance": "10.1.2.3:9100"}
        spec = {"nodeName": node, "containers": [{"name": "app", "image": "cart:1"}]}
        pod = place.make("pods", {"metadata": {"generateName": "on-", "labels": {"app": "on"}}, "spec": spec})
        yield lambda: {**here, "pod": pod["metadata"]["name"]}
        return
    yield lambda: of_pod("Deployment")
    yield lambda: of_pod("StatefulSet")
    if verb != "scale":
        yield lambda: of_pod("DaemonSet")


def prepared(place: Place, verb: str, node: str) -> None:
    """Has the node be so that the verb changes it."""
    if verb in ("cordon", "uncordon"):
        place.api.done("PATCH", f"/api/v1/nodes/{node}", {"spec": {"unschedulable": verb == "uncordon"}})


def all_told(place: Place, who: Account, verb: str, node: str) -> list[str]:
    """What goes wrong with any of the cases."""
    found = []
    for case in cases(place, verb, node):
        prepared(place, verb, node)
        found += told(place, who, verb, case())
    return found


@pytest.mark.parametrize("verb", get_args(VerbName))
def test_the_role_is_enough(place: Place, node: str, verb: str) -> None:
    """With the manifest's role, bound to the one namespace but for nodes, nothing is missed from beginning to end."""
    assert [] == all_told(place, account(place, rights(verb)), verb, node)


@pytest.mark.parametrize(
    ("verb", "right"), [(verb, right) for verb in get_args(VerbName) for right in rights(verb)], ids=str
)
def test_each_right_is_needed(place: Place, node: str, verb: str, right: Right) -> None:
    """Without any one of them it says which is missing, and where."""
    group, resource, what = right
    who = account(place, [each for each in rights(verb) if each != right])
    if resource == "horizontalpodautoscalers" and what == "get":
        # For alerts of an autoscaler itself.
        of = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
        spec = {"scaleTargetRef": of, "minReplicas": 1, "maxReplicas": 3}
        place.make("horizontalpodautoscalers", {"metadata": {"name": "cart"}, "spec": spec})
        labels = {"namespace": place.namespace, "horizontalpodautoscaler": "cart"}
        found = told(place, who, verb, labels)
    else:
        found = all_told(place, who, verb, node)
    needed = f"needs {what} {resource} in {f'API group {group}, ' if group else ''}"
    assert [] != [each for each in found if needed in each], found


def test_another_namespace_is_not_reached(api: KubeApiserver, place: Place) -> None:
    """A role of one namespace allows nothing in another, and the API server's no says what would be needed there."""
    other = Place(api, f"{place.namespace}-b")
    other.workload("Deployment", "cart")
    found = told(
        place, account(place, rights("restart")), "restart", {"namespace": other.namespace, "deployment": "cart"}
    )
    assert [
        f"Kubernetes does not allow it (403): needs get deployments in API group apps, namespace {other.namespace}"
    ] == found
