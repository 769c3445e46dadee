"""One real Prometheus for all tests of enrichment."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from enrich import Prometheus
from outbound import Http
from tests.enrich import pods
from tests.enrich.lookup import Cluster, Lookup
from tests.far_sides.exporter import Exporter
from tests.far_sides.prometheus import Prometheus as PrometheusServer

pytest.register_assert_rewrite("tests.enrich.contract")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the pods of `pods.py` in it; a test that adds some uses names of its own."""
    with (
        Exporter() as exporter,
        Exporter(history_seconds=4) as young,
        PrometheusServer(tmp_path_factory.mktemp("enrich"), [exporter.url, young.url]) as server,
    ):
        found = Cluster(exporter, young, server)
        pods.fill(found)
        yield found


@pytest.fixture(scope="session")
def http() -> Iterator[Http]:
    """The connections of all tests here."""
    connections = Http()
    yield connections
    connections.close()


@pytest.fixture(scope="session")
def executor() -> Iterator[Executor]:
    """Threads for the questions."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture(scope="session")
def lookup(cluster: Cluster, http: Http, executor: Executor) -> Lookup:
    """Looks things up in the cluster."""
    return Lookup(Prometheus(cluster.server.url, http), executor)
