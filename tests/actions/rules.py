"""What the tests of rules about Kubernetes share: a cluster, alerts about it, and rules."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from actions.kubernetes import Action, Settings
from alerts.model import Alert
from alerts.remediation import NotPerformed, NotProposed
from cluster import Cluster, Identity
from outbound import Http, Tls
from tests.far_sides.kubernetes import TOKEN
from tests.far_sides.kubernetes_cluster import KubernetesCluster, Object
from tests.far_sides.kubernetes_things import deployment, pod, replica_set

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
SECONDS = 5.0
WRITTEN = "r0123456789abcdef"
UP: dict[str, Any] = {"verb": "scale", "step": 2, "min": 1, "max": 10}
DEPLOYMENT = {"namespace": "shop", "deployment": "cart"}
POD = {"namespace": "shop", "pod": "cart-1"}


def alert(**labels: str) -> Alert:
    """An alert that fires, with an annotation of which nothing is to be believed."""
    return Alert(labels, {"deployment": "other", "pod": "other"}, "firing", NOW, None, "", "0")


def put_cart(server: KubernetesCluster, **spec: Any) -> Object:
    """Has a Deployment with its ReplicaSets and a pod in the cluster, and returns the first."""
    made = server.put(deployment(**spec))
    server.put(replica_set(made, "cart-5d1", revision=1, replicas=0, image="cart:1"))
    newest = server.put(replica_set(made, "cart-5d2"))
    server.put(pod(newest))
    return made


@contextmanager
def rule(server: KubernetesCluster, **settings: Any) -> Iterator[Action]:
    """Yields a rule that asks a cluster."""
    with closing(Http()) as http, closing(Cluster(lambda: Identity(server.base_url, Tls(), lambda: TOKEN))) as cluster:
        yield Action(Settings.model_validate(settings), http, cluster)


def not_proposed(action: Action, about: Alert) -> NotProposed:
    """Returns why nothing is proposed."""
    with pytest.raises(NotProposed) as caught:
        action.propose(about, SECONDS)
    return caught.value


def not_performed(action: Action, proposal: Any, about: Alert, seconds: float = SECONDS) -> NotPerformed:
    """Returns why something is not done, or may not be."""
    with pytest.raises(NotPerformed) as caught:
        action.perform(proposal, about, WRITTEN, seconds)
    return caught.value
