"""The real API server of the tests is as they expect it."""

from tests.far_sides.kube_apiserver import KubeApiserver
from tests.kubernetes.place import Place
from tests.kubernetes.rights import Account


def test_controllers_roll_out_what_is_made(place: Place) -> None:
    """A deployment has its pods, which run once a test says so, through a ReplicaSet that is its own."""
    pods = place.running("Deployment", "cart", 3)
    (owner,) = place.get("pods", pods[0])["metadata"]["ownerReferences"]
    (above,) = place.get("replicasets", owner["name"])["metadata"]["ownerReferences"]
    assert ("ReplicaSet", "Deployment", "cart") == (owner["kind"], above["kind"], above["name"])


def test_rbac_refuses_what_no_role_allows(place: Place) -> None:
    """A service account may do what its role says, and nothing else."""
    account = Account(place, [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])
    allowed, refused = (account.ask("GET", place.path(each, "none")) for each in ("pods", "secrets"))
    assert (404, 403) == (allowed.status_code, refused.status_code)


def test_it_keeps_what_it_was_asked(api: KubeApiserver, place: Place) -> None:
    """The audit log names each request as it understood it."""
    place.gone("pods", "not-there")
    asked = [each["requestURI"] for each in api.audited()]
    assert f"/api/v1/namespaces/{place.namespace}/pods/not-there" in asked
