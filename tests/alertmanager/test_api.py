"""Alertmanager's API: against a real one, and against one in trouble."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alertmanager import Alertmanager, AlertmanagerError, Silence
from alerts.model import fingerprint
from outbound import Http, Identity
from tests.far_sides import alertmanager as far_side
from tests.far_sides import trouble
from tests.far_sides.http_server import HttpServer

LABELS = {"alertname": "Crash", "odd": 'a"b\\c\nd', "empty_like": " "}
UNTIL = datetime(2099, 3, 2, 8, tzinfo=UTC)
FOUND = {
    "id": "4008a369-6d9c-4a06-b783-88ebb07ace2a",
    "status": {"state": "active"},
    "matchers": [{"name": "a", "value": "b", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-03-02T07:00:00.000Z",
    "endsAt": "2099-03-02T08:00:00.000Z",
    "updatedAt": "2026-03-02T07:00:00.000Z",
    "createdBy": "jane",
    "comment": "why",
}


@pytest.fixture
def real(tmp_path: Path) -> Iterator[far_side.Alertmanager]:
    """A real one that tells nobody."""
    yaml = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    with far_side.Alertmanager(tmp_path, config_yaml=yaml) as running:
        yield running


@pytest.fixture
def asked() -> Iterator[HttpServer]:
    """One that answers as the test says."""
    with HttpServer() as server:
        yield server


def at(url: str) -> Alertmanager:
    """Returns the client of an Alertmanager."""
    return Alertmanager(url, Http())


def test_silences_what_fires(real: far_side.Alertmanager) -> None:
    """What fires with these labels is counted, to the letter; then it is silenced, and nothing else is."""
    other = {**LABELS, "odd": "another"}
    real.post_alerts([{"labels": {**LABELS, "pod": pod}} for pod in ("a", "b")] + [{"labels": other}])
    client = at(f"{real.url}/")
    assert sorted(fingerprint({**LABELS, "pod": pod}) for pod in ("a", "b")) == sorted(client.firing(LABELS, 5))
    until = datetime.now(UTC) + timedelta(hours=1)
    made = client.silence(LABELS, until, "jane", "a comment", 5)
    assert [] == client.firing(LABELS, 5)
    assert [fingerprint(other)] == client.firing({"alertname": "Crash"}, 5)
    (found,) = client.silences(LABELS, 5)
    assert (made.id, LABELS, "jane") == (found.id, found.labels, found.created_by)
    assert abs(found.ends_at - until) < timedelta(seconds=1)
    assert [] == client.silences({"alertname": "Crash"}, 5)
    assert f"{real.url}/#/silences/{made.id}" == client.page(made.id)


def test_says_what_alertmanager_refuses(real: far_side.Alertmanager) -> None:
    """In its words: an end that has passed is no end."""
    with pytest.raises(AlertmanagerError, match=r"^Alertmanager answered with status 400: .*end time"):
        at(real.url).silence(LABELS, datetime.now(UTC) - timedelta(hours=1), "jane", "a comment", 5)


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"matchers": [{"name": "a", "value": "b", "isRegex": False}]}, True),
        ({"status": {"state": "expired"}}, False),
        ({"status": {"state": "pending"}}, False),
        ({"matchers": [{"name": "a", "value": "b", "isRegex": True, "isEqual": True}]}, False),
        ({"matchers": [{"name": "a", "value": "b", "isRegex": False, "isEqual": False}]}, False),
        ({"matchers": [*FOUND["matchers"], {"name": "c", "value": "d", "isRegex": False}]}, False),
    ],
)
def test_finds_silences_of_the_same(asked: HttpServer, change: dict[str, object], taken: bool) -> None:
    """In force, of these labels and no others; older versions say nothing of `isEqual`."""
    asked.answer_next(200, json.dumps([{**FOUND, **change}]).encode())
    expected = [Silence(str(FOUND["id"]), {"a": "b"}, UNTIL, "jane")] if taken else []
    assert expected == at(asked.url).silences({"a": "b"}, 5)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "told"),
        ({"state": "unprocessed"}, "told"),
        ({"state": "suppressed", "silencedBy": ["4008a369"]}, "silenced"),
        ({"state": "suppressed", "inhibitedBy": ["0123456789abcdef"]}, "inhibited"),
        ({"state": "suppressed", "mutedBy": ["nights"]}, "muted"),
        ({"state": "suppressed"}, "muted"),
    ],
)
def test_says_how_an_alert_stands(asked: HttpServer, change: dict[str, object], expected: str) -> None:
    """And why nobody is told of it; older versions say nothing of `mutedBy`."""
    status = {"state": "active", "silencedBy": [], "inhibitedBy": [], **change}
    asked.answer_next(200, json.dumps([{"fingerprint": "f", "status": status}]).encode())
    assert {"f": expected} == at(asked.url).standing({"a": "b"}, 5)


Ask = Callable[[Alertmanager], object]
ASKS: dict[str, Ask] = {
    "firing": lambda client: client.firing({"a": "b"}, 0.5),
    "standing": lambda client: client.standing({"a": "b"}, 0.5),
    "silences": lambda client: client.silences({"a": "b"}, 0.5),
    "silence": lambda client: client.silence({"a": "b"}, UNTIL, "jane", "a comment", 0.5),
}
TROUBLES: list[tuple[Callable[[], AbstractContextManager[str]], str]] = [
    (trouble.hanging, "did not answer within 0.5s"),
    (trouble.dripping_headers, "did not answer within 0.5s"),
    (trouble.dripping_body, "did not answer within 0.5s"),
    (trouble.refusing, "connection refused"),
    (trouble.closing, "no usable answer"),
    (trouble.nonsense, "something that is not its API's"),
    (lambda: trouble.unavailable(500, b'"the\n disk is full"'), 'answered with status 500: "the disk is full"'),
    (lambda: trouble.unavailable(503), "answered with status 503$"),
    (lambda: trouble.unavailable(302, headers={"Location": "http://127.0.0.1:1/"}), "answered with status 302"),
    (lambda: trouble.unavailable(401, b"x" * 1_000), "answered with status 401: x{200}$"),
]


@pytest.mark.parametrize(("made", "expected"), TROUBLES)
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_says_what_is_wrong(ask: Ask, made: Callable[[], AbstractContextManager[str]], expected: str) -> None:
    """In a sentence; whatever is wrong is one kind of error."""
    with made() as url, pytest.raises(AlertmanagerError, match=expected):
        ask(at(url))


def test_a_silence_that_took_too_long_may_be_there() -> None:
    """Nobody knows, and it is said."""
    with trouble.hanging() as url, pytest.raises(AlertmanagerError, match="it may have made the silence all the same"):
        ASKS["silence"](at(url))


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        1,
        "a",
        [1],
        [{}],
        [{**FOUND, "id": "../x"}],
        [{**FOUND, "id": 1}],
        [{**FOUND, "endsAt": "soon"}],
        [{**FOUND, "endsAt": 1}],
        [{**FOUND, "matchers": {}, "status": []}],
    ],
)
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_takes_no_other_answer(asked: HttpServer, ask: Ask, document: object) -> None:
    """What is not the API's is an error."""
    if ask is ASKS["firing"] and isinstance(document, list) and document[0] not in (1, {}):
        document = [{"finger": "print"}]
    asked.answer_next(200, json.dumps(document).encode())
    with pytest.raises(AlertmanagerError, match="something that is not its API's"):
        ask(at(asked.url))


@pytest.mark.parametrize("silence_id", ["", "a/../b", "a b", "x" * 65, 1, None])
def test_takes_no_id_that_leads_elsewhere(asked: HttpServer, silence_id: object) -> None:
    """It is a part of a URL."""
    asked.answer_next(200, json.dumps({"silenceID": silence_id}).encode())
    with pytest.raises(AlertmanagerError, match="something that is not its API's"):
        ASKS["silence"](at(asked.url))


def test_tells_no_secret(asked: HttpServer) -> None:
    """Whoever one says to be, an answer that repeats it is not repeated."""
    http = Http(identity=lambda: Identity({"Authorization": "Bearer s3cret"}, ("s3cret",)))
    asked.answer_next(401, b"who is s3cret?")
    with pytest.raises(AlertmanagerError, match=r"status 401: who is \*\*\*\?$"):
        ASKS["firing"](Alertmanager(asked.url, http))
    assert "Bearer s3cret" == asked.requests[0].headers["Authorization"]


def test_says_all_that_a_silence_is(asked: HttpServer) -> None:
    """Each label a matcher of its own, to the letter."""
    asked.answer_next(200, b'{"silenceID": "a-1"}')
    made = at(f"{asked.url}/prefix/").silence({"b": "2", "a": "1"}, UNTIL, "jane", "a comment", 5)
    (request,) = asked.requests
    document = request.json()
    assert ("POST", "/prefix/api/v2/silences", "application/json") == (
        request.method,
        request.path,
        request.headers["Content-Type"],
    )
    assert datetime.now(UTC) - datetime.fromisoformat(document.pop("startsAt")) < timedelta(minutes=1)
    assert {
        "matchers": [
            {"name": "a", "value": "1", "isRegex": False, "isEqual": True},
            {"name": "b", "value": "2", "isRegex": False, "isEqual": True},
        ],
        "endsAt": "2099-03-02T08:00:00+00:00",
        "createdBy": "jane",
        "comment": "a comment",
    } == document
    assert Silence("a-1", {"b": "2", "a": "1"}, UNTIL, "jane") == made
