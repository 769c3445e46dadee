"""One real API server for all tests here; no part of `make test`, `make test-kubernetes` builds it and runs them."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import Cluster, Identity
from cluster.kubeconfig import from_kubeconfig
from tests.far_sides.kube_apiserver import ADMIN, KubeApiserver
from tests.kubernetes.place import Place

PROGRAMS = os.environ.get("KUBERNETES_PROGRAMS")
collect_ignore_glob = [] if PROGRAMS else ["test_*.py"]


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiserver]:
    """An empty cluster."""
    with KubeApiserver(Path(str(PROGRAMS)), tmp_path_factory.mktemp("kubernetes")) as started:
        yield started


@pytest.fixture
def place(api: KubeApiserver) -> Place:
    """A namespace of the test's own."""
    return Place(api, f"shop-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def identify(api: KubeApiserver) -> Callable[[], Identity]:
    """The administrator, as a kubeconfig has it."""
    kubeconfig = api.kubeconfig("admin", ADMIN)
    return lambda: from_kubeconfig(kubeconfig)


@pytest.fixture
def cluster(identify: Callable[[], Identity]) -> Iterator[Cluster]:
    """The API server as the product asks it."""
    made = Cluster(identify)
    yield made
    made.close()
