"""Whether an alert's own expression still holds, as a real Prometheus answers it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from alerts.matchers import Matcher
from enrich import NoAnswer, NotAbout, Prometheus, holds
from outbound import Http
from tests.enrich.lookup import Cluster, alert
from tests.enrich.test_expression import about
from tests.far_sides import trouble
from tests.far_sides.http_server import HttpServer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A far side whose answers are set by the test."""
    with HttpServer() as far_side:
        yield far_side


@pytest.fixture(scope="module")
def real(cluster: Cluster, http: Http) -> Prometheus:
    """A real one that knows how deep some queues are."""
    for pod, depth in (("full", 9), ("empty", 1)):
        cluster.exporter.set("holds_depth", {"namespace": "holds", "pod": pod}, depth)
    cluster.exporter.set("holds_depth", {"namespace": "holds", "pod": "exporter", "exported_pod": "moved"}, 8)
    cluster.exporter.set("holds_wanted", {"pod": "full"}, 1)
    for replica in ("a", "b"):
        cluster.exporter.set("holds_twice", {"pod": "full", "replica": replica}, 9)
    cluster.scraped()
    # Answers are kept for long: what is asked is to be so just now.
    return Prometheus(cluster.server.url, http, cache_seconds=600)


@pytest.mark.parametrize(
    ("expression", "pod", "expected"),
    [
        ("max without (instance, job) (holds_depth) > 5", "full", True),
        ("max without (instance, job) (holds_depth) > 5", "empty", False),
        ("max without (instance, job) (holds_depth) > 5", "gone", False),
        ("max by (pod) (holds_depth) > 5", "full", True),
        # The whole of it, and not what it compares.
        ("max by (pod) (holds_depth) > 5 and on (pod) holds_wanted == 1", "full", True),
        ("max by (pod) (holds_depth) > 5 and on (pod) holds_wanted == 2", "full", False),
        ("max by (pod) (holds_depth) > 5 unless on (pod) holds_wanted", "full", False),
        ("sum(holds_depth) > 5", "full", True),
        ("sum(holds_depth) > 500", "full", False),
        # A rule fires by each series that there is, whatever it is worth.
        ("max by (pod) (holds_depth) > bool 500", "full", True),
        ("absent(holds_gone)", "full", True),
        ("absent(holds_depth)", "full", False),
    ],
)
def test_says_whether_it_holds(real: Prometheus, expression: str, pod: str, expected: bool) -> None:
    """For the alert's own series, whatever others there are."""
    assert expected is holds(about(expression, namespace="holds", pod=pod, severity="critical"), [real], 5)


def test_finds_a_label_that_an_exporter_moved(real: Prometheus) -> None:
    """As enrichment does."""
    expression = "max without (instance, job) (holds_depth) > 5"
    assert holds(about(expression, namespace="holds", pod="exporter", exported_pod="moved"), [real], 5)
    assert holds(about(expression, namespace="holds", pod="moved", exported_pod="moved"), [real], 5)


def test_asks_anew_each_time(cluster: Cluster, real: Prometheus) -> None:
    """No answer is good for the next time, and what enrichment was answered is not asked for."""
    cluster.exporter.set("holds_soon", {"pod": "a"}, 9)
    cluster.scraped()
    told = about("max by (pod) (holds_soon) > 5", pod="a")
    assert holds(told, [real], 5)
    cluster.exporter.set("holds_soon", {"pod": "a"}, 1)
    cluster.server.wait_until("holds_soon < 5")
    assert not holds(told, [real], 5)


def test_does_not_choose_between_series(real: Prometheus) -> None:
    """What the alert's labels do not tell apart may be its own or another's."""
    with pytest.raises(NoAnswer, match=r"^the alert's expression has series that the alert's labels do not tell apart"):
        holds(about("max by (pod, replica) (holds_twice) > 5", pod="full"), [real], 5)
    assert not holds(about("max by (pod, replica) (holds_twice) > 5", pod="other"), [real], 5)


def test_asks_just_what_the_rule_has(server: HttpServer, http: Http) -> None:
    """To the letter, of the first Prometheus that knows the alert, at the moment that Prometheus' clock shows."""
    server.answer_next(200, b'{"status": "success", "data": {"resultType": "vector", "result": []}}')
    other = Prometheus("http://127.0.0.1:1", http, matchers=[Matcher("pod", "=", "b")])
    assert not holds(about('a{x="\\n"} > 5 # c', pod="a"), [other, Prometheus(server.base_url, http)], 1.5)
    (request,) = server.requests
    asked = parse_qs(request.body.decode(), strict_parsing=True)
    assert ("/api/v1/query", {"query": ['a{x="\\n"} > 5 # c'], "timeout": ["1.500"]}) == (request.path, asked)


@pytest.mark.parametrize("url", ["", "no url", "http://[", "http://a/graph", "http://a/graph?g0.expr="])
def test_an_alert_may_have_no_expression(http: Http, url: str) -> None:
    """Nobody is asked, the host that it names least of all."""
    with pytest.raises(NotAbout, match="holds no expression"):
        holds(replace(alert(pod="a"), generator_url=url), [Prometheus("http://127.0.0.1:1", http)], 5)


def test_there_may_be_nobody_to_ask(http: Http) -> None:
    """None is configured, or none that knows the alert."""
    with pytest.raises(NotAbout, match="no Prometheus is configured"):
        holds(about("a > 1"), [], 5)
    other = Prometheus("http://127.0.0.1:1", http, matchers=[Matcher("pod", "=", "b")])
    with pytest.raises(NotAbout, match="whose matchers fit"):
        holds(about("a > 1", pod="a"), [other], 5)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(", "is no PromQL"),
        ("a" * 8_001, "has more than 8,000 characters"),
        ("-" * 7_990 + "a", "operators and brackets"),
        ("a[9999999999d] > 1", "a duration of centuries"),
    ],
)
def test_asks_nothing_that_is_no_rules(server: HttpServer, http: Http, expression: str, expected: str) -> None:
    """It says why, and is not sent."""
    with pytest.raises(NoAnswer, match=expected) as raised:
        holds(about(expression), [Prometheus(server.base_url, http)], 5)
    assert not isinstance(raised.value, NotAbout)
    assert [] == server.requests


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (trouble.hanging, "timed out after 0.5s"),
        (trouble.refusing, "connection refused"),
        (trouble.nonsense, "something that is not its API's"),
        (lambda: trouble.unavailable(503), "status 503"),
    ],
)
def test_says_why_it_cannot_be_known(
    http: Http, made: Callable[[], AbstractContextManager[str]], expected: str
) -> None:
    """A Prometheus in trouble is no word that it is over."""
    with made() as url, pytest.raises(NoAnswer, match=expected) as raised:
        holds(about("a > 1"), [Prometheus(url, http)], 0.5)
    assert not isinstance(raised.value, NotAbout)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"warnings": ["a store did not answer"]}, "says: a store did not answer"),
        ({"data": {"resultType": "scalar", "result": [1, "1"]}}, "a scalar, and no vector"),
        ({"status": "error", "error": "execution: many-to-many"}, "says: execution: many-to-many"),
    ],
)
def test_a_part_of_an_answer_is_none(server: HttpServer, http: Http, answer: dict[str, object], expected: str) -> None:
    """Where some of what it was to be evaluated over is missing, that a series is missing says nothing."""
    told = {"status": "success", "data": {"resultType": "vector", "result": []}, **answer}
    server.answer_next(200, json.dumps(told).encode())
    with pytest.raises(NoAnswer, match=expected):
        holds(about("a > 1"), [Prometheus(server.base_url, http)], 5)


def test_what_is_remarked_on_the_expression_is_no_trouble(server: HttpServer, http: Http) -> None:
    """It was evaluated over all there is."""
    said = 'PromQL info: metric might not be a counter, name does not end in _total: "a" (1:6)'
    told = {"status": "success", "data": {"resultType": "vector", "result": []}, "infos": [said]}
    server.answer_next(200, json.dumps(told).encode())
    assert not holds(about("rate(a[5m]) > 1"), [Prometheus(server.base_url, http)], 5)
