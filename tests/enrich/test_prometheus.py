"""The client of Prometheus' HTTP API: what it sends, what it makes of answers, and PromQL to the letter."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from enrich import Prometheus
from enrich._base import NoAnswer
from enrich._vector import Sample
from outbound import Http
from tests.enrich.lookup import NOW, Cluster
from tests.far_sides import trouble
from tests.far_sides.http_server import HttpServer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A far side whose answers are set by the test."""
    with HttpServer() as far_side:
        yield far_side


def vector(*samples: Any) -> dict[str, Any]:
    """Returns a successful answer with these samples."""
    return {"status": "success", "data": {"resultType": "vector", "result": list(samples)}}


def reason(url: str, http: Http, deadline_seconds: float = 5.0) -> str:
    """Returns why a query was not answered."""
    with pytest.raises(NoAnswer) as raised:
        Prometheus(url, http).query("up", NOW, deadline_seconds)
    return str(raised.value)


@pytest.mark.parametrize("prefix", ["", "/", "/prometheus", "/prometheus/"])
def test_posts_a_form_under_the_path_prefix(server: HttpServer, http: Http, prefix: str) -> None:
    """A query is one POST that holds the query, the moment and the time that is left."""
    server.answer_next(200, json.dumps(vector()).encode())
    assert () == Prometheus(server.base_url + prefix, http).query('up{pod="a&b+c 🔥"}', NOW, 1.5).samples
    (request,) = server.requests
    assert ("POST", f"{prefix.rstrip('/')}/api/v1/query") == (request.method, request.path)
    assert "application/x-www-form-urlencoded" == request.headers["Content-Type"]
    expected = {"query": ['up{pod="a&b+c 🔥"}'], "time": ["1795253400.000"], "timeout": ["1.500"]}
    assert expected == parse_qs(request.body.decode(), strict_parsing=True)


def test_reads_a_vector(server: HttpServer, http: Http) -> None:
    """Each series of the answer is a sample with its labels and its value."""
    told = vector({"metric": {"pod": "a"}, "value": [1, "0.5"]}, {"metric": {}, "value": [1, "+Inf"]})
    server.answer_next(200, json.dumps({**told, "warnings": ["partial"]}).encode())
    expected = (Sample({"pod": "a"}, 0.5), Sample({}, float("inf")))
    assert expected == Prometheus(server.url, http).query("up", NOW, 5).samples


PARSE_ERROR = {"status": "error", "errorType": "bad_data", "error": "1:5: parse error: unclosed left parenthesis"}
NOT_ITS_API = "Prometheus answered with something that is not its API's"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, PARSE_ERROR, "Prometheus says: 1:5: parse error: unclosed left parenthesis"),
        (200, PARSE_ERROR, "Prometheus says: 1:5: parse error: unclosed left parenthesis"),
        (422, {"status": "error", "error": "x" * 300}, f"Prometheus says: {'x' * 200}"),
        (503, {"status": "error", "error": "query timed out\n in  expression"}, None),
        (500, {"status": "error"}, "Prometheus says: status 500"),
        (500, {"status": "error", "error": "half an emoji: \ud83d"}, "Prometheus says: half an emoji: ?"),
        (503, b"no healthy upstream", "Prometheus answered with status 503"),
        (404, b"<html>not here</html>", "Prometheus answered with status 404"),
        (302, b"", "Prometheus answered with status 302"),
        (401, b"", "Prometheus answered with status 401"),
        (204, b"", "Prometheus answered with status 204"),
        (200, b"", NOT_ITS_API),
        (200, b"\xff\xfe", NOT_ITS_API),
        (200, b"[" * 100_000, NOT_ITS_API),
        (200, b"[]", NOT_ITS_API),
        (200, b"null", NOT_ITS_API),
        (200, b'"success"', NOT_ITS_API),
        (200, {}, NOT_ITS_API),
        (200, {"status": "success", "data": []}, NOT_ITS_API),
        (200, {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}, NOT_ITS_API),
        (200, {"status": "success", "data": {"resultType": "vector", "result": {}}}, NOT_ITS_API),
        (200, vector("up"), NOT_ITS_API),
        (200, vector({"metric": {}}), NOT_ITS_API),
        (200, vector({"metric": {}, "value": []}), NOT_ITS_API),
        (200, vector({"metric": {}, "value": [1, "many"]}), NOT_ITS_API),
        (200, vector({"metric": {}, "value": [1, None]}), NOT_ITS_API),
        (200, vector({"metric": {}, "value": [1, 10**400]}), NOT_ITS_API),
        (200, vector({"metric": "up", "value": [1, "1"]}), NOT_ITS_API),
        (200, vector({"metric": None, "value": [1, "1"]}), NOT_ITS_API),
    ],
)
def test_says_why_there_is_no_answer(
    server: HttpServer, http: Http, status: int, body: object, expected: str | None
) -> None:
    """Each answer that is none becomes a reason on one line: Prometheus' own words where it has some."""
    server.answer_next(status, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert (expected or "Prometheus says: query timed out in expression") == reason(server.url, http)


@pytest.mark.parametrize(
    ("far_side", "expected"),
    [
        (trouble.hanging, "Prometheus timed out after 0.2s"),
        (trouble.dripping_headers, "Prometheus timed out after 0.2s"),
        (trouble.dripping_body, "Prometheus timed out after 0.2s"),
        (trouble.refusing, "Prometheus at {host}: connection refused"),
        (trouble.closing, "Prometheus at {host}: no usable answer (RemoteDisconnected)"),
        (trouble.nonsense, NOT_ITS_API),
        (trouble.unavailable, "Prometheus answered with status 503"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_ends_by_its_deadline(far_side: Any, expected: str, http: Http) -> None:
    """Whatever the far side does, a query ends by its deadline with a reason."""
    serving: AbstractContextManager[str] = far_side()
    with serving as url:
        before = time.monotonic()
        said = reason(url, http, 0.2)
        assert time.monotonic() - before < 0.7
    assert expected.format(host=url.removeprefix("http://")) == said


def test_does_not_tell_the_password_in_its_url(http: Http) -> None:
    """Of a URL with a user and a password only the host is in the reason."""
    with trouble.refusing() as url:
        said = reason(url.replace("://", "://user:hunter2@"), http)
    assert f"Prometheus at {url.removeprefix('http://')}: connection refused" == said


def test_a_real_prometheus_answers(cluster: Cluster, http: Http) -> None:
    """A real Prometheus answers a query, and tells what is wrong with another."""
    client = Prometheus(cluster.server.url, http)
    assert (Sample({}, 2.0),) == client.query("vector(1 + 1)", datetime.now(UTC), 5).samples
    with pytest.raises(NoAnswer, match=r"^Prometheus says: invalid parameter \"query\": 1:5: parse error"):
        client.query("sum(", datetime.now(UTC), 5)
