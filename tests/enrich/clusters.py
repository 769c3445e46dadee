"""What the tests of enrichers that ask Kubernetes share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from alerts.findings import Finding
from alerts.model import Alert
from cluster import Cluster, Identity
from enrich import Given, Kubernetes
from enrich._base import LooksUp
from outbound import Tls
from tests.enrich.lookup import NOW
from tests.far_sides.kubernetes import TOKEN


@contextmanager
def asking(url: str, cache_seconds: float = 0.0) -> Iterator[Kubernetes]:
    """Yields who asks a cluster at a URL, with the token."""
    kubernetes = Kubernetes(Cluster(lambda: Identity(url, Tls(), lambda: TOKEN)), cache_seconds)
    yield kubernetes
    kubernetes.close()


def found(
    enricher: LooksUp, url: str, *alerts: Alert, received: datetime = NOW, seconds: float = 5.0
) -> Sequence[tuple[Finding, ...]]:
    """Returns what an enricher finds of alerts."""
    with asking(url) as kubernetes:
        return enricher.look_up(alerts, [received] * len(alerts), Given(kubernetes=kubernetes), seconds)
