"""One real API server for all tests here; no part of `make test`, `make test-kubernetes` builds it and runs them."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.far_sides.kube_apiserver import KubeApiserver
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
