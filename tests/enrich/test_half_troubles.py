"""A Prometheus that answers all questions but one: the other readings are there, and in time."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime

import pytest
import requests

from alerts.findings import Gap, Reading
from enrich import Prometheus, find, run
from enrich._base import Asks
from outbound import Http
from tests.enrich.lookup import Cluster, Lookup, alert
from tests.far_sides.http_server import Answer, HttpServer, Request

TIMEOUT_SECONDS = 1.0
# How much longer a run may take on a busy machine.
GRACE_SECONDS = 0.7
POD = alert(namespace="shop", pod="asking-1", container="app")
ENRICHERS = [each for each in find().values() if isinstance(each, Asks)]


class Half(HttpServer):
    """Hands questions on to a real Prometheus, but those that hold a certain text."""

    def __init__(self, upstream: str, text: str, trouble: Callable[["Half"], Answer | None]) -> None:
        """Takes the real one's URL, the text as it is in a form's body, and what is done with such a question."""
        super().__init__()
        self.upstream, self.text, self.trouble = upstream, text.encode(), trouble
        self.troubled = 0

    def take(self, request: Request) -> Answer | None:
        """Answers one request."""
        if self.text in request.body:
            self.troubled += 1
            return self.trouble(self)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = requests.post(f"{self.upstream}{request.path}", data=request.body, headers=form, timeout=5)
        return Answer(answer.status_code, answer.content, {"Content-Type": "application/json"})

    def wait(self, seconds: float) -> None:
        """Waits, but not beyond the server's end."""
        self._server.stopping.wait(seconds)


def hangs(server: Half) -> Answer | None:
    """Says nothing."""
    server.wait(10)
    return None


def closes(server: Half) -> Answer | None:
    """Closes the connection."""
    return None


def nonsense(server: Half) -> Answer | None:
    """Says what no Prometheus says."""
    return Answer(200, b"<html>")


def unavailable(server: Half) -> Answer | None:
    """Is not there, after a while."""
    server.wait(0.3)
    return Answer(503)


@pytest.mark.parametrize("trouble", [hangs, closes, nonsense, unavailable])
@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("container_cpu_usage_seconds_total", {"cpu"}),
        ("container_cpu_cfs_throttled", set()),
        ("deriv%28container_memory", set()),
        ("offset+1h", set()),
        # All gauges are one question: what needs none of them is left.
        ("restarts_total%7C", {"memory", "restarts"}),
    ],
)
def test_one_question_in_trouble(
    cluster: Cluster,
    http: Http,
    executor: Executor,
    lookup: Lookup,
    text: str,
    without: set[str],
    trouble: Callable[[Half], Answer | None],
) -> None:
    """Costs its own reading, or a part of it, which a gap says."""
    cluster.exporter.set(
        "kube_pod_container_status_restarts_total", {"namespace": "shop", "pod": "asking-1", "container": "app"}, 2
    )
    cluster.scraped()
    whole = {each.name for enricher in ENRICHERS for each in lookup.findings(enricher, [POD])[0] if is_reading(each)}
    assert {"cpu", "memory", "restarts"} <= whole
    with Half(cluster.server.url, text, trouble) as half:
        begun = time.monotonic()
        (found,) = run(
            ENRICHERS,
            [POD],
            [Prometheus(half.url, http)],
            received=[datetime.now(UTC)],
            timeout_seconds=TIMEOUT_SECONDS,
            executor=executor,
        )
        assert time.monotonic() - begun < TIMEOUT_SECONDS + GRACE_SECONDS
        assert half.troubled
    assert whole - without == {each.name for each in found if is_reading(each)}
    assert [each for each in found if isinstance(each, Gap)]


def is_reading(finding: object) -> bool:
    """Returns whether it is a value."""
    return isinstance(finding, Reading)
