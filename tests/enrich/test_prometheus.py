"""The client of Prometheus' HTTP API: what it sends, what it makes of answers, and PromQL to the letter."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from config.schema import PrometheusSettings
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


def test_sends_what_goes_along_and_says_who_it_is(server: HttpServer, http: Http, tmp_path: Path) -> None:
    """Headers are asked for with each question; a secret that cannot be read is a reason that names its file."""
    file = tmp_path / "token"
    settings = PrometheusSettings.model_validate(
        {
            "url": server.base_url,
            "headers": {"X-Scope-OrgID": "team-a"},
            "authorization": {"credentials_file": str(file)},
        }
    )
    client = Prometheus(server.base_url, http, name="west", headers=settings.request_headers)
    with pytest.raises(NoAnswer, match=r"^Prometheus west cannot be asked: .*token: No such file"):
        client.query("up", NOW, 5)
    file.write_text("t0ken")
    server.answer_next(200, json.dumps(vector()).encode())
    client.query("up", NOW, 5)
    (request,) = server.requests
    assert ("team-a", "Bearer t0ken") == (request.headers["X-Scope-OrgID"], request.headers["Authorization"])


def test_shows_what_prometheus_warns_of(server: HttpServer, http: Http) -> None:
    """Warnings and infos, the first few, each on one line."""
    told = {**vector(), "warnings": ["partial\nanswer", 7], "infos": ["a", "b", "c"]}
    server.answer_next(200, json.dumps(told).encode())
    assert ("partial answer", "a", "b") == Prometheus(server.url, http).query("up", NOW, 5).warnings


def test_does_not_ask_twice_within_a_few_seconds(server: HttpServer, http: Http) -> None:
    """An answer is good for the same question about a moment near its own, and for all of several moments."""
    client = Prometheus(server.url, http, cache_seconds=15)
    for _ in range(4):
        server.answer_next(200, json.dumps(vector()).encode())

    def asked(seconds: float, earliest: float | None = None, promql: str = "up") -> int:
        at, first = (NOW + timedelta(seconds=each or 0) for each in (seconds, earliest))
        client.query(promql, at, 5, earliest=None if earliest is None else first)
        return len(server.requests)

    assert [1, 1, 1] == [asked(0), asked(15), asked(-15)]
    assert 2 == asked(0, promql="down")
    assert 2 == asked(10, earliest=-10)
    assert 3 == asked(16)
    # That one is the newest now: the one before it is out of its reach.
    assert 4 == asked(5, earliest=0)


def test_keeps_no_more_answers_than_there_is_room_for(
    server: HttpServer, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest goes first."""
    monkeypatch.setattr("enrich._prometheus._MOST_KEPT", 6)
    client = Prometheus(server.url, http, cache_seconds=15)
    sample = {"metric": {}, "value": [1, "1"]}
    for promql in ("a", "b", "c", "c", "a"):
        server.answer_next(200, json.dumps(vector(sample, sample)).encode())
        client.query(promql, NOW, 5)
    assert ["a", "b", "c", "a"] == [parse_qs(each.body.decode())["query"][0] for each in server.requests]


def test_is_left_alone_when_it_fails_again_and_again(server: HttpServer, http: Http) -> None:
    """Three failures are enough, of whatever kind; a question that is wrong is none."""
    client = Prometheus(server.url, http)

    def refused(status: int, body: object) -> str:
        server.answer_next(status, json.dumps(body).encode())
        with pytest.raises(NoAnswer) as caught:
            client.query("up", NOW, 5)
        return str(caught.value)

    for _ in range(5):
        refused(400, PARSE_ERROR)
    for status, body in ((503, {}), (200, "nonsense"), (500, PARSE_ERROR)):
        assert "left alone" not in refused(status, body)
    asked = len(server.requests)
    expected = "Prometheus is left alone after 3 failures in a row; the last: says: 1:5: parse error"
    assert refused(200, vector()).startswith(expected)
    assert asked == len(server.requests)


def test_an_answer_of_too_many_series_is_none(server: HttpServer, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could read them in time."""
    monkeypatch.setattr("enrich._answer.MOST_SERIES", 2)
    server.answer_next(200, json.dumps(vector(*[{"metric": {}, "value": [1, "1"]}] * 3)).encode())
    assert "Prometheus answered with 3 series, more than 2" == reason(server.url, http)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"namespace": "a", "pod": "b", "container": "c"}, ("a", "b", "c")),
        ({"namespace": "m", "pod": "ksm", "exported_namespace": "a", "exported_pod": "b"}, ("a", "b", "")),
        ({"namespace": "a", "pod_name": "b", "container_name": "c"}, ("a", "b", "c")),
        (
            {
                f"container_label_io_kubernetes_{each}": each[0]
                for each in ("pod_namespace", "pod_name", "container_name")
            },
            ("p", "p", "c"),
        ),
    ],
)
def test_reads_labels_under_their_usual_names(
    server: HttpServer, http: Http, labels: dict[str, str], expected: tuple[str, ...]
) -> None:
    """Whatever scraping and older exporters call a pod's namespace, name and container."""
    server.answer_next(200, json.dumps(vector({"metric": labels, "value": [1, "1"]})).encode())
    (sample,) = Prometheus(server.url, http).query("up", NOW, 5).samples
    assert expected == tuple(sample.labels.get(each, "") for each in ("namespace", "pod", "container"))
    assert labels == sample.stored


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
        (
            200,
            {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}},
            "Prometheus answered with a scalar, and no vector",
        ),
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


def test_a_question_of_somebody_elses_that_fails_has_no_reading_left_out(server: HttpServer, http: Http) -> None:
    """A rule that takes too long, again and again, says nothing about Prometheus."""
    client = Prometheus(server.url, http)
    for _ in range(4):
        server.answer_next(503, b"")
        with pytest.raises(NoAnswer) as raised:
            client.query("rule", NOW, 5, foreign=True)
    assert "is left alone" in str(raised.value)
    with pytest.raises(NoAnswer, match="answered with status 503"):
        client.query("up", NOW, 5)


def test_asks_for_a_range(server: HttpServer, http: Http) -> None:
    """One POST with the first moment, the last one, the step and the time that is left."""
    values = [[1, "0.5"], [31, "NaN"]]
    told = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}
    server.answer_next(200, json.dumps(told).encode())
    client = Prometheus(f"{server.base_url}/prefix/", http)
    (series,) = client.range_query("up", NOW - timedelta(hours=1), NOW, 30, 1.5)
    assert ["1.0", "31.0"] == [str(second) for second, _ in series.values]
    (request,) = server.requests
    assert ("POST", "/prefix/api/v1/query_range") == (request.method, request.path)
    expected = {"query": ["up"], "start": ["1795249800.000"], "end": ["1795253400.000"], "step": ["30.000"]}
    assert {**expected, "timeout": ["1.500"]} == parse_qs(request.body.decode(), strict_parsing=True)


def test_a_range_that_fails_has_no_reading_left_out(server: HttpServer, http: Http) -> None:
    """Each is left alone after failures of its own kind: what a picture asks for may take too long by itself."""
    client = Prometheus(server.url, http)
    said = []
    for _ in range(4):
        server.answer_next(503, b"")
        with pytest.raises(NoAnswer) as raised:
            client.range_query("up", NOW, NOW, 30, 5)
        said.append(str(raised.value))
    expected = "Prometheus answered with status 503"
    assert [expected] * 3 == said[:3]
    assert "Prometheus is left alone after 3 failures in a row; the last: answered with status 503" == said[3]
    asked = len(server.requests)
    # The answer that was ready for the fourth time is the next one's.
    with pytest.raises(NoAnswer, match="503"):
        client.query("up", NOW, 5)
    assert (3, 4) == (asked, len(server.requests))


@pytest.mark.parametrize("far_side", [trouble.hanging, trouble.dripping_body, trouble.nonsense, trouble.closing])
def test_a_range_ends_by_its_deadline(far_side: Any, http: Http) -> None:
    """As every question does, with a reason."""
    serving: AbstractContextManager[str] = far_side()
    with serving as url:
        before = time.monotonic()
        with pytest.raises(NoAnswer, match=r"^Prometheus "):
            Prometheus(url, http).range_query("up", NOW, NOW, 30, 0.2)
        assert time.monotonic() - before < 0.7


def test_a_real_prometheus_answers_a_range(cluster: Cluster, http: Http) -> None:
    """With a value for each step, and what is wrong with another."""
    client = Prometheus(cluster.server.url, http)
    now = datetime.now(UTC)
    (series,) = client.range_query("vector(7)", now - timedelta(hours=1), now, 30, 5)
    assert (121, {7.0}) == (len(series.values), {value for _, value in series.values})
    with pytest.raises(NoAnswer, match="parse error"):
        client.range_query("sum(", now, now, 30, 5)
