"""`POST /alert`: what is taken, what is refused and how, and what the storage has to do with it."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import Engine, event, text

from alerts.notification import SendError
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import TEAM, Failing, Recorder, body
from tests.samples import SEED, webhook, wire_alert
from tests.service import Service, eventually

LIMIT = 64 * 1024
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with a low limit for bodies."""
    with Service(tmp_path_factory.mktemp("small"), config_yaml=f"web: {{max_body: 64KiB}}\n{TEAM}") as running:
        yield running


def exchange(service: Service, request: bytes, *, ends: bool = True) -> tuple[int, dict[str, Any]]:
    """Sends the bytes of a request on a connection of their own, and returns the answer's status and document."""
    url = urlsplit(service.url)
    answer = bytearray()
    with socket.create_connection((str(url.hostname), url.port or 0), timeout=10) as connection:
        connection.sendall(request)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65_536):
            answer += piece
    head, _, document = bytes(answer).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(document)


def http(*headers: str, body: bytes = b"") -> bytes:
    """The bytes of a POST with these headers and this body."""
    lines = ["POST /alert HTTP/1.1", "Host: alerts.example", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunk(piece: bytes) -> bytes:
    """One chunk of a body."""
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def test_takes_the_seeds_curl(service: Service) -> None:
    """A newcomer's first curl, verbatim, is answered to the letter, and says where to look further."""
    response = service.post(SEED)
    assert (200, b'{"status":"success"}') == (response.status_code, response.content)
    assert "application/json" == response.headers["Content-Type"]
    assert "/api/v1/events/1" == response.headers["Location"]
    eventually(lambda: service.event(1)["state"] == "planned", "the event to be planned")


@pytest.mark.parametrize(
    "taken",
    [
        SEED,
        body(webhook()),
        body(webhook(group_key="")),
        body(wire_alert("A"), wire_alert("B")),
        b' {"labels": {"alertname": "A"}} \n',
        body({"labels": {"alertname": "half a pair \ud83d"}}),
        body(webhook(wire_alert("🔥" * 1000), of_a_later_version={"key": [1, 2]})),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_takes_every_shape_of_any_content_type(client: FlaskClient, taken: bytes, content_type: str) -> None:
    """What parses as JSON is taken, whatever its sender calls it."""
    response = client.post("/alert", data=taken, content_type=content_type)
    assert (200, b'{"status":"success"}') == (response.status_code, response.data)


def test_waits_for_the_outcome_of_each_delivery(client: FlaskClient, running: Pipeline) -> None:
    """With `?wait=5s` the answer comes after processing and says what became of each delivery."""
    response = client.post("/alert?wait=5s", data=SEED)
    assert 200 == response.status_code
    told = {"id": 1, "receiver": "team", "action": "log", "outcome": "delivered", "attempts": 1, "detail": "sent"}
    assert {"status": "success", "deliveries": [told]} == response.json
    assert "/api/v1/events/1" == response.headers["Location"]


def test_waits_for_the_first_attempt_only(client: FlaskClient, running: Pipeline, recorder: Recorder) -> None:
    """A delivery that is to be tried again has its first outcome, and the answer does not wait for another."""
    recorder.failures.extend([SendError("busy")] * 20)
    response = client.post("/alert?wait=1m", data=SEED)
    ((outcome, detail),) = [(each["outcome"], each["detail"]) for each in (response.json or {})["deliveries"]]
    assert ("retrying", "busy") == (outcome, detail)


@pytest.mark.parametrize("wait", ["0", "0s", "1ms"])
def test_waits_no_longer_than_asked(client: FlaskClient, wait: str) -> None:
    """When nothing is processed in time the alert is accepted all the same; asked any number of times."""
    for _ in range(6):
        response = client.post(f"/alert?wait={wait}", data=SEED)
        assert (200, {"status": "success", "deliveries": []}) == (response.status_code, response.json)


def test_those_who_waited_do_not_keep_others_from_waiting(client: FlaskClient, pipeline: Pipeline) -> None:
    """However many asked for the outcome before, with no time to wait too, the next one is told it."""
    for number in range(6):
        client.post("/alert?wait=0", data=body(wire_alert(f"A{number}")))
    pipeline.start()
    try:
        assert ["delivered"] == [
            each["outcome"]
            for each in client.post("/alert?wait=5s", data=SEED).json["deliveries"]  # type: ignore[index]
        ]
    finally:
        pipeline.stop(5)


def test_those_who_wait_do_not_keep_others_out(service: Service) -> None:
    """While many wait for an outcome that takes long, an alert is accepted at once."""
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(service.post, SEED, "?wait=2s") for _ in range(16)]
        assert 200 == service.post(SEED).status_code
        assert [200] * 16 == [each.result().status_code for each in waiting]


@pytest.mark.parametrize("wait", ["", "5", "s", "-5s", "5s ", "1e3s", "nan", "inf", "5S", "9" * 41 + "s", "%00", "٣s"])
def test_refuses_a_bad_wait(client: FlaskClient, store: Store, wait: str) -> None:
    """What is no duration is refused before anything is kept."""
    response = client.post("/alert", query_string=f"wait={wait}", data=SEED)
    assert 400 == response.status_code
    expected = 'wait: is not a duration such as "30s", "5m" or "1h30m"'
    assert {"status": "error", "error": expected} == response.json
    assert 0 == store.backlog().events


BAD_BODIES = {
    "empty": (b"", "is not JSON: Expecting value at line 1 column 1"),
    "white space": (b" \n", "is not JSON: Expecting value at line 2 column 1"),
    "not JSON": (b"alertname=x", "is not JSON: Expecting value at line 1 column 1"),
    "cut off": (SEED[:-10], "is not JSON"),
    "two documents": (SEED + SEED, "is not JSON: Extra data at line 24 column 7"),
    "a BOM": (b"\xef\xbb\xbf{}", "is not JSON: Unexpected UTF-8 BOM"),
    "null": (b"null", "should be an object or a list of alerts, not null"),
    "a number": (b"1", "should be an object or a list of alerts, not a number"),
    "a string": (b'"x"', "should be an object or a list of alerts, not a string"),
    "an empty list": (b"[]", "the list of alerts is empty"),
    "an empty object": (b"{}", "has neither `alerts` (an Alertmanager webhook) nor `labels` (a bare alert)"),
    "labels of the wrong type": (b'{"labels": []}', "labels: should be an object"),
    "no labels": (b'{"labels": {}}', "labels: is empty"),
    "a label of the wrong type": (b'{"labels": {"a": 1}}', "labels.a: should be a string"),
    "a wrong alert in a list": (b'[{"labels": {"a": "b"}}, 7]', "[1]: should be an object"),
    "a wrong alert in a webhook": (body(webhook({**wire_alert(), "labels": None})), "alerts[0].labels: should be"),
    "no alerts": (body({**webhook(), "alerts": []}), "alerts: is empty"),
    "alerts of the wrong type": (body({**webhook(), "alerts": {}}), "alerts: should be a list"),
    "another version": (body(webhook(version="5")), "version: should be '4'"),
    "a version of the wrong type": (body(webhook(version=4)), "version: should be '4'"),
    "another status": (body({**wire_alert(), "status": "on fire"}), "status: should be 'firing' or 'resolved'"),
    "a bad time": (body({**wire_alert(), "startsAt": "yesterday"}), "startsAt: should be a time such as"),
    "a day there is not": (body({**wire_alert(), "endsAt": "2026-02-30T00:00:00Z"}), "endsAt: is no time"),
    "a time of the wrong type": (body({**wire_alert(), "startsAt": 1}), "startsAt: should be a time such as"),
    "nested 100,000 deep": (b"[" * 100_000, "nested too deeply"),
    "nested in a label": (b'{"labels": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "nested too deeply"),
    "invalid UTF-8": (b'{"labels": {"a": "\xff"}}', "is not UTF-8: byte 18 is wrong"),
    "UTF-16": ('{"labels": {"a": "b"}}'.encode("utf-16"), "is not UTF-8: byte 0 is wrong"),
    "NaN": (b'{"labels": {"a": NaN}}', "is not JSON: NaN is no JSON value"),
    "minus infinity": (b'{"labels": {"a": -Infinity}}', "is not JSON: -Infinity is no JSON value"),
    "a huge number": (b'{"labels": {"a": ' + b"1" * 10_000 + b"}}", "is not JSON: a number has too many digits"),
    "truncatedAlerts below 0": (body(webhook(truncatedAlerts=-1)), "truncatedAlerts: should be greater than"),
}


@pytest.mark.parametrize(("bad", "words"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_refuses_a_bad_body(service: Service, bad: bytes, words: str) -> None:
    """What is none of the shapes is a 400 that names the place, and the service goes on."""
    response = service.post(bad)
    assert 400 == response.status_code
    document = response.json()
    assert ("error", True) == (document["status"], words in document["error"]), document
    assert {"status", "error"} == set(document)
    assert 200 == service.post(SEED).status_code


GOOD = b'{"labels": {"alertname": "A"}}'
CHUNKED = "Transfer-Encoding: chunked"
TOO_LONG = f"the body is longer than {LIMIT} bytes (web.max_body)"
UNREADABLE = "the body cannot be read to its end"
BROKEN_TRANSFERS = {
    "no body": (http(), 400, "is not JSON: Expecting value at line 1 column 1"),
    "an empty body": (http("Content-Length: 0"), 400, "is not JSON: Expecting value at line 1 column 1"),
    "a body that breaks off": (http("Content-Length: 1000", body=GOOD), 400, "shorter than its Content-Length"),
    "no byte of the body": (http("Content-Length: 31"), 400, "shorter than its Content-Length"),
    "over the limit": (http(f"Content-Length: {LIMIT + 1}", body=b" " * (LIMIT + 1)), 413, TOO_LONG),
    "far over the limit, and none of it": (http("Content-Length: 99999999999999999999"), 413, TOO_LONG),
    "chunks over the limit": (http(CHUNKED, body=chunk(b" " * LIMIT) + chunk(GOOD) + chunk(b"")), 413, TOO_LONG),
    "chunks over the limit, then garbage": (http(CHUNKED, body=chunk(b" " * 3 * LIMIT) + b"zz"), 413, TOO_LONG),
    "chunks that break off": (http(CHUNKED, body=chunk(GOOD)[:-9]), 400, UNREADABLE),
    "chunks without an end": (http(CHUNKED, body=chunk(GOOD)), 400, UNREADABLE),
    "a chunk of no size": (http(CHUNKED, body=b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n"), 400, UNREADABLE),
    "a chunk of negative size": (http(CHUNKED, body=b"-5\r\n" + GOOD + b"\r\n0\r\n\r\n"), 400, UNREADABLE),
    "a chunk longer than it says": (http(CHUNKED, body=b"5\r\n" + GOOD + b"\r\n0\r\n\r\n"), 400, UNREADABLE),
    "a chunk of a huge size": (http(CHUNKED, body=b"f" * 16 + b"\r\n" + GOOD), 400, UNREADABLE),
    "a bad trailer": (http(CHUNKED, body=chunk(GOOD) + b"0\r\nno trailer\r\n\r\n"), 400, UNREADABLE),
}  # fmt: skip


@pytest.mark.parametrize(("request_bytes", "status", "words"), BROKEN_TRANSFERS.values(), ids=BROKEN_TRANSFERS)
def test_refuses_a_broken_transfer(small: Service, request_bytes: bytes, status: int, words: str) -> None:
    """What is not a whole body within the limit is a 4xx that says so, and the service goes on."""
    found, document = exchange(small, request_bytes)
    assert (status, "error") == (found, document["status"]), document
    assert words in document["error"]
    assert 200 == small.post(SEED).status_code


@pytest.mark.parametrize(
    "request_bytes",
    [
        http(f"Content-Length: {LIMIT}", body=GOOD.ljust(LIMIT)),
        http(CHUNKED, body=chunk(GOOD) + chunk(b" " * (LIMIT - len(GOOD))) + chunk(b"")),
        http(CHUNKED, body=b"".join(chunk(bytes([byte])) for byte in GOOD) + chunk(b"")),
    ],
    ids=["whole", "chunked", "in chunks of one byte"],
)
def test_takes_a_body_up_to_the_limit(small: Service, request_bytes: bytes) -> None:
    """A body of exactly the limit is taken, chunked too."""
    assert (200, {"status": "success"}) == exchange(small, request_bytes, ends=False)


def test_a_client_that_sends_too_much_reads_why(small: Service) -> None:
    """An ordinary client that is still sending gets the 413, and not a connection that was closed on it."""
    response = small.post(b" " * (LIMIT * 3))
    assert (413, {"status": "error", "error": TOO_LONG}) == (response.status_code, response.json())

    chunked = small.session.post(f"{small.url}/alert", data=iter([b" " * LIMIT] * 3), timeout=10)
    assert (413, {"status": "error", "error": TOO_LONG}) == (chunked.status_code, chunked.json())


def test_clients_that_stall_do_not_make_it_deaf(small: Service) -> None:
    """Twenty that send a byte and fall silent leave room for others, and lose their threads after a while."""
    url = urlsplit(small.url)
    with ExitStack() as stalled:
        connections = [
            stalled.enter_context(socket.create_connection((str(url.hostname), url.port or 0), timeout=20))
            for _ in range(20)
        ]
        for connection in connections:
            connection.sendall(http("Content-Length: 100", body=b"{"))
        assert [200] * 4 == [small.get("/healthz").status_code for _ in range(4)]
        assert {"status": "success"} == small.post(SEED).json()
        for connection in connections:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_twenty_may_wait_at_once(small: Service) -> None:
    """Who asks to wait hears how each delivery ended, others beside them or not."""
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda number: small.post(wire_alert(f"A{number}"), "?wait=10s").json(), range(20)))
    assert [["delivered"]] * 20 == [[each["outcome"] for each in answer["deliveries"]] for answer in answers]


def test_what_is_refused_is_counted_and_logged(client: FlaskClient) -> None:
    """A body over the limit may have been a page: it counts as rejected, as a malformed one does."""

    def rejected() -> float:
        return REGISTRY.get_sample_value("alert_manager_events_total", {"outcome": "rejected"}) or 0.0

    before = rejected()
    assert 413 == client.post("/alert", data=b" " * (LIMIT + 1)).status_code
    assert 400 == client.post("/alert", data=b"nonsense").status_code
    assert before + 2 == rejected()


def test_a_store_that_fails_is_503_and_later_works(client: FlaskClient, failing: Failing, recorder: Recorder) -> None:
    """Alertmanager is asked to try again, and when it does the alert is kept."""
    failing.failures["accept"] = 2
    for _ in range(2):
        response = client.post("/alert", data=SEED)
        assert 503 == response.status_code
        assert {"status": "error", "error": "the alert could not be kept; try again"} == response.json
    assert 200 == client.post("/alert", data=SEED).status_code
    assert 1 == failing.backlog().events


def test_a_read_only_database_is_503_and_later_works(client: FlaskClient, engine: Engine) -> None:
    """So is one whose disk became read-only, or which is a standby now."""
    statements = {"sqlite": "PRAGMA query_only=ON", "postgresql": "SET default_transaction_read_only = on"}

    def refuse(connection: Any, record: Any, proxy: Any) -> None:
        connection.execute(statements[engine.dialect.name])
        connection.commit()

    event.listen(engine, "checkout", refuse)
    assert 503 == client.post("/alert", data=SEED).status_code
    event.remove(engine, "checkout", refuse)
    engine.dispose()
    assert 200 == client.post("/alert", data=SEED).status_code


def test_an_outcome_that_cannot_be_read_is_still_success(client: FlaskClient, failing: Failing) -> None:
    """Who waits while the storage fails after the alert was kept hears that it was kept."""
    failing.failures["event"] = 1
    response = client.post("/alert?wait=5s", data=SEED)
    assert (200, {"status": "success", "deliveries": []}) == (response.status_code, response.json)


def test_a_database_replaced_by_a_folder_is_503_and_later_works(tmp_path: Path) -> None:
    """Nothing is acknowledged while the database is away, and when it is back what was kept is delivered."""
    with Service(tmp_path, config_yaml=TEAM) as service:
        assert 200 == service.post(SEED, "?wait=5s").status_code
        away = service.database.with_suffix(".away")
        service.database.rename(away)
        service.database.mkdir()
        for _ in range(4):
            response = service.post(SEED)
            assert (503, "error") == (response.status_code, response.json()["status"])
        service.database.rmdir()
        away.rename(service.database)
        response = service.post(wire_alert("another"), "?wait=5s")
        assert (200, ["delivered"]) == (response.status_code, [d["outcome"] for d in response.json()["deliveries"]])
        assert "/api/v1/events/2" == response.headers["Location"]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/alert", 405, {"POST", "OPTIONS"}),
        ("PUT", "/alert", 405, {"POST", "OPTIONS"}),
        ("BREW", "/alert", 405, {"POST", "OPTIONS"}),
        ("POST", "/", 405, {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/alert/", 404, None),
        ("POST", "/nowhere", 404, None),
        ("GET", "/alert%00", 404, None),
        ("GET", "/static/../app.py", 404, None),
        ("GET", "/static/%2e%2e/%2e%2e/app.py", 404, None),
        ("GET", "/api/v1/events/x", 404, None),
        ("GET", "/api/v1/events/-1", 404, None),
    ],
)
def test_other_paths_and_methods_are_errors_in_json(
    client: FlaskClient, method: str, path: str, status: int, allow: set[str] | None
) -> None:
    """What is not there is said in the same shape as every error, with the methods that are."""
    response = client.open(path, method=method)
    assert (status, "application/json") == (response.status_code, response.content_type)
    document = response.json
    assert document is not None
    assert ("error", {"status", "error"}) == (document["status"], set(document))
    assert (allow or set()) == set(filter(None, response.headers.get("Allow", "").split(", ")))


def test_a_defect_is_an_error_in_json(client: FlaskClient, failing: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of is a 500 without a traceback in it."""

    def fail(*_: object) -> int:
        raise RuntimeError("s3cret")

    monkeypatch.setattr(Failing, "accept", fail)
    response = client.post("/alert", data=SEED)
    assert 500 == response.status_code
    assert {"status": "error", "error": "internal error; the log has its traceback"} == response.json


@pytest.mark.parametrize("path", ["/", "/alert", "/healthz", "/metrics", "/nowhere", "/static/style.css"])
def test_every_answer_is_hardened(client: FlaskClient, path: str) -> None:
    """No answer may be framed, sniffed, or run anything."""
    with client.get(path) as response:
        assert HEADERS == {name: response.headers[name] for name in HEADERS}


def test_keeps_what_it_rejects(client: FlaskClient, store: Store) -> None:
    """A malformed body and why; of one that is too long only that it came."""
    assert [400, 413] == [client.post("/alert", data=each).status_code for each in (b"{", b"x" * 100_000)]
    with store._engine.connect() as connection:
        kept = connection.execute(text("SELECT body, error FROM rejected ORDER BY id")).all()
    assert [b"{", b""] == [bytes(row.body) for row in kept]
    assert "the body is longer than 65536 bytes (web.max_body)" == kept[1].error


def test_rejects_alike_when_the_storage_fails(client: FlaskClient, failing: Failing) -> None:
    """A malformed body stays the client's fault."""
    failing.failures["losses"] = 1
    assert 400 == client.post("/alert", data=b"{").status_code
    assert 0 == failing.failures["losses"]
