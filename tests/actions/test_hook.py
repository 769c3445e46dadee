"""Hooks that are called: signed, told apart by a token, and never more certain than the answer is."""

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actions._remedy import Remedy
from actions.hook import Settings
from alerts.notification import Thread
from alerts.remediation import NotPerformed, Performed, Proposal, Ready, Target
from outbound import Http
from tests.actions import notifications
from tests.actions.contract import ActionContract
from tests.actions.hooks import LABELS, SECRET, TEMPLATE, TOKEN, job, made, nowhere, proposed, stuck
from tests.far_sides import trouble
from tests.far_sides.certificate import make_certificate
from tests.far_sides.http_server import HttpServer

PATH = "/hooks/5d24b8e0f3c9a7e1"
DONE, RUNNING, FAILED = ({"status": each, "detail": f"{each} so far"} for each in ("done", "running", "failed"))


class TestHookContract(ActionContract):
    """What every action holds."""

    kind = "hook"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """An automation that says yes to all, and nothing with it."""
    with HttpServer() as far_side:
        yield far_side


def call(base_url: str, **more: Any) -> dict[str, Any]:
    """Returns settings that call something."""
    return {"name": "unstick-carts", "url": base_url + PATH, "secret": SECRET, **more}


def rule(base_url: str, http: Http, **more: Any) -> Remedy:
    """Returns a rule that calls something."""
    with nowhere() as cluster:
        return made(call(base_url, **more), http, cluster)


def asking(server: HttpServer, http: Http) -> Remedy:
    """Returns a rule that asks what became of its calls."""
    return rule(server.base_url, http, status_url=server.base_url + "/states/{{ token }}?key=5d24b8e0f3c9a7e1")


def failure(action: Remedy, deadline_seconds: float = 5.0) -> NotPerformed:
    """Returns why a call is not known to have been heard; it tells no secret."""
    with pytest.raises(NotPerformed) as raised:
        action.perform(proposed(action), stuck(), TOKEN, deadline_seconds)
    assert not [each for each in (PATH, PATH[-16:], SECRET) if each in str(raised.value)]
    return raised.value


def test_proposes_without_asking_anybody(server: HttpServer, http: Http) -> None:
    """What would be done and to what stands in the alert; nothing that is kept holds a URL or a secret."""
    proposal = proposed(asking(server, http))
    does = "call the hook about pod shop/cart-1"

    assert Proposal("hook", Target("Pod", "cart-1", "shop"), does, request={"by": "hook"}) == proposal
    assert [] == server.requests


def test_takes_up_what_fires_and_tells_nobody(server: HttpServer, http: Http) -> None:
    """What comes of each alert is the pipeline's to see to."""
    action: Any = rule(server.base_url, http)
    told = notifications.mixed()
    receipt = action.send(told, Thread(), 5)

    assert told.group.firing == receipt.takes_up
    assert [] == server.requests


def test_posts_the_alert(server: HttpServer, http: Http) -> None:
    """One request, which holds all that a receiver needs, and that two receivers of it would know for the same."""
    action = rule(server.base_url, http)
    performed = action.perform(proposed(action), stuck(), TOKEN, 5)
    (request,) = server.requests
    expected = {
        "version": "1",
        "token": TOKEN,
        "rule": "unstick-carts",
        "verb": "hook",
        "target": {"kind": "Pod", "name": "cart-1", "namespace": "shop"},
        "alert": {
            "labels": LABELS,
            "annotations": {"summary": "a cart is stuck"},
            "startsAt": "2022-03-02T07:31:57.339000Z",
            "generatorURL": "https://prometheus.example/graph",
            "fingerprint": stuck().fingerprint,
        },
    }

    assert Performed("status 200: no explanation", {"token": TOKEN}) == performed
    assert expected == request.json()
    assert ("POST", PATH, "application/json") == (request.method, request.path, request.headers["Content-Type"])
    assert TOKEN == request.headers["Idempotency-Key"]


def test_signs_what_it_sends(server: HttpServer, http: Http, tmp_path: Path) -> None:
    """The body as it came, and when; the secret is read anew each time."""
    file = tmp_path / "secret"
    action = rule(server.base_url, http, secret=None, secret_file=str(file))
    for secret in ("first-and-long-enough", "second-and-long-enough"):
        file.write_text(f"{secret}\n")
        action.perform(proposed(action), stuck(), TOKEN, 5)
        request = server.requests[-1]
        at = request.headers["X-Alert-Manager-Timestamp"]
        digest = hmac.digest(secret.encode(), b":".join((b"v1", at.encode(), request.body)), hashlib.sha256)
        assert f"v1={digest.hex()}" == request.headers["X-Alert-Manager-Signature"]
        assert abs(time.time() - int(at)) < 60


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_a_yes(server: HttpServer, http: Http, status: int) -> None:
    """Whatever it says with it, which is told without secrets."""
    server.answer_next(status, b"" if status == 204 else f"took\n {SECRET} at {PATH}".encode())
    performed = rule(server.base_url, http).perform(proposed(rule(server.base_url, http)), stuck(), TOKEN, 5)

    assert performed.detail in (f"status {status}: took *** at /***", "status 204: no explanation")


@pytest.mark.parametrize(
    ("status", "in_doubt"),
    [(each, False) for each in (301, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422, 425, 429, 499)]
    + [(each, True) for each in (300, 302, 303, 304, 408, 409, 500, 501, 502, 503, 504, 507, 599)],
)
def test_judges_the_status(server: HttpServer, http: Http, status: int, in_doubt: bool) -> None:
    """A refusal is one; after all else it may have been done, and no redirect is followed."""
    with HttpServer() as elsewhere:
        server.answer_next(status, b"because\n of that", {"Location": f"{elsewhere.base_url}/x"})
        error = failure(rule(server.base_url, http))
        assert [] == elsewhere.requests

    assert (in_doubt, 1) == (error.in_doubt, len(server.requests))
    assert f"the hook: status {status}: " in str(error)


@pytest.mark.parametrize(
    ("serve", "in_doubt", "words"),
    [
        (trouble.refusing, False, "connection refused"),
        (trouble.hanging, True, "timed out after 0.3s"),
        (trouble.dripping_headers, True, "timed out after 0.3s"),
        (trouble.closing, True, "no usable answer"),
        (trouble.unavailable, True, "status 503"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_trouble_ends_in_time(serve: Any, in_doubt: bool, words: str, http: Http) -> None:
    """What never arrived was not done; of all else nobody knows."""
    serving: AbstractContextManager[str] = serve()
    with serving as url:
        before = time.monotonic()
        error = failure(rule(url, http), 0.3)
        assert time.monotonic() - before < 2
    assert in_doubt == error.in_doubt
    assert words in str(error)


@pytest.mark.parametrize("serve", [trouble.dripping_body, trouble.endless_body])
def test_a_yes_need_not_be_whole(serve: Any, http: Http) -> None:
    """Its status says all."""
    serving: AbstractContextManager[str] = serve()
    with serving as url:
        action = rule(url, http)
        performed = action.perform(proposed(action), stuck(), TOKEN, 0.3)
    assert "status 200, and no whole answer" == performed.detail


def test_a_certificate_of_somebody_else_hears_nothing(tmp_path: Path, http: Http) -> None:
    """Nor does a host that there is none of."""
    with HttpServer() as server:
        server.speak_tls(make_certificate(tmp_path))
        strange = failure(rule(server.base_url, http))
    missing = failure(rule("https://automation.invalid", http))

    assert (False, False) == (strange.in_doubt, missing.in_doubt)
    assert "TLS failed" in str(strange)
    assert "does not resolve" in str(missing)


def test_a_reset_leaves_it_in_doubt(http: Http) -> None:
    """The request was on its way."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        action = rule(f"http://127.0.0.1:{listening.getsockname()[1]}", http)
        listening.listen()

        # Closed by the system with what it holds unread, the connection is reset.
        def accept() -> None:
            connection, _ = listening.accept()
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        error = failure(action)
        thread.join(5)
    assert error.in_doubt


@pytest.mark.parametrize("missing", ["secret_file", "url_file"])
def test_what_cannot_be_read_is_not_called(server: HttpServer, http: Http, tmp_path: Path, missing: str) -> None:
    """The file is named, and nothing was sent."""
    file = tmp_path / "gone"
    error = failure(rule(server.base_url, http, **{missing.removesuffix("_file"): None, missing: str(file)}))
    assert (False, []) == (error.in_doubt, server.requests)
    assert f"the hook: {file}: No such file or directory" == str(error)


def test_a_secret_that_can_be_guessed_signs_nothing(server: HttpServer, http: Http, tmp_path: Path) -> None:
    """In a file, too."""
    file = tmp_path / "secret"
    file.write_text("hunter2\n")
    more = {"secret": None, "secret_file": str(file), "status_url": server.base_url + "/{{ token }}"}
    action = rule(server.base_url, http, **more)
    words = f"the hook: {file}: should have 16 characters or more"

    assert (words, False) == (str(error := failure(action)), error.in_doubt)
    assert Ready(None, words) == action.ready(proposed(action), Performed("", {"token": TOKEN}), 5)
    assert [] == server.requests


def test_a_file_without_a_url_is_not_called(server: HttpServer, http: Http, tmp_path: Path) -> None:
    """And what it holds is not told."""
    (tmp_path / "url").write_text("hunter2")
    error = failure(rule(server.base_url, http, url=None, url_file=str(tmp_path / "url")))
    assert (False, "the hook: its URL is not an http:// or https:// URL") == (error.in_doubt, str(error))


def test_has_what_an_http_config_says(server: HttpServer) -> None:
    """Who one is goes along with calls and questions; what of it is secret is told to nobody."""
    settings = call(
        server.base_url,
        status_url=server.base_url + "/{{ token }}",
        http_config={"authorization": {"credentials": "hunter2-hunter2"}},
    )
    own = Settings.model_validate(settings).http_config
    assert own is not None
    http = own.connect()
    with nowhere() as cluster:
        action = made(settings, http, cluster)
    server.answer_next(200, b"hello hunter2-hunter2")
    performed = action.perform(proposed(action), stuck(), TOKEN, 5)
    action.ready(proposed(action), performed, 5)
    http.close()

    assert ["Bearer hunter2-hunter2"] * 2 == [each.headers["Authorization"] for each in server.requests]
    assert "status 200: hello ***" == performed.detail


def test_keeps_its_own_timeout(http: Http) -> None:
    """Where that is shorter than what there is."""
    with trouble.hanging() as url:
        assert "timed out after 0.2s" in str(failure(rule(url, http, timeout="200ms"), 5))


def test_asks_what_became_of_a_call(server: HttpServer, http: Http) -> None:
    """By its token, signed as a body of none would be."""
    server.answer_next(200, json.dumps(DONE).encode())
    action = asking(server, http)

    assert Performed("the hook says that it is done: done so far", {"token": TOKEN}) == action.happened(
        proposed(action), TOKEN, 5
    )
    (request,) = server.requests
    assert ("GET", f"/states/{TOKEN}?key=5d24b8e0f3c9a7e1") == (request.method, request.path)
    signed = f"v1:{request.headers['X-Alert-Manager-Timestamp']}:".encode()
    assert (
        f"v1={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"
        == (request.headers["X-Alert-Manager-Signature"])
    )


@pytest.mark.parametrize(
    ("state", "ready", "detail"),
    [
        (DONE, True, "the hook says that it is done: done so far"),
        (RUNNING, None, "the hook still runs: running so far"),
        (FAILED, False, "the hook has failed: failed so far"),
        ({"status": "done", "detail": None}, True, "the hook says that it is done"),
        ({"status": "failed", "detail": ["x\ny"]}, False, "the hook has failed: ['x\\ny']"),
    ],
)
def test_hears_how_it_goes(
    server: HttpServer, http: Http, state: Mapping[str, Any], ready: bool | None, detail: str
) -> None:
    """In each of these cases it was called."""
    server.answer_next(200, json.dumps(state).encode(), times=2)
    action = asking(server, http)
    happened = action.happened(proposed(action), TOKEN, 5)

    assert happened is not None
    assert detail == happened.detail
    assert Ready(ready, detail) == action.ready(proposed(action), happened, 5)


def test_what_the_hook_does_not_know_did_not_happen(server: HttpServer, http: Http) -> None:
    """It keeps every token, and so would know."""
    server.answer_next(404, times=2)
    action = asking(server, http)

    assert action.happened(proposed(action), TOKEN, 5) is None
    assert Ready(None, "the hook does not know of it") == action.ready(
        proposed(action), Performed("", {"token": TOKEN}), 5
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"status": "perhaps"}'),
        (200, b'{"status": ["done"]}'),
        (200, b'{"status": {}}'),
        (200, b"[" * 100_000),
        (200, b" " * 100_000 + b'{"status": "done"}'),
        (204, b""),
        (302, b""),
        (403, b""),
        (410, b""),
        (500, b'{"status": "done"}'),
    ],
)
def test_what_is_no_answer_leaves_it_unknown(server: HttpServer, http: Http, status: int, body: bytes) -> None:
    """A person is asked then."""
    server.answer_next(status, body, times=2)
    action = asking(server, http)
    with pytest.raises(NotPerformed, match="whether it was done is not known: the hook: ") as raised:
        action.happened(proposed(action), TOKEN, 5)

    assert raised.value.in_doubt
    assert action.ready(proposed(action), Performed("", {"token": TOKEN}), 5).ready is None


@pytest.mark.parametrize("serve", [trouble.refusing, trouble.hanging, trouble.closing, trouble.dripping_body])
def test_silence_leaves_it_unknown(http: Http, serve: Any) -> None:
    """Though nothing of the question arrived."""
    serving: AbstractContextManager[str] = serve()
    with serving as url:
        action = rule(url, http, status_url=url + "/{{token}}")
        with pytest.raises(NotPerformed) as raised:
            action.happened(proposed(action), TOKEN, 0.3)
        ready = action.ready(proposed(action), Performed("", {"token": TOKEN}), 0.3)
    assert raised.value.in_doubt
    assert ready.ready is None
    assert ready.detail.startswith("the hook: 127.0.0.1")


def test_without_a_status_url_nothing_is_known(server: HttpServer, http: Http) -> None:
    """Nobody is asked."""
    action = rule(server.base_url, http)
    with pytest.raises(NotPerformed, match="the hook says nothing of that") as raised:
        action.happened(proposed(action), TOKEN, 5)

    assert raised.value.in_doubt
    assert Ready(None, "the hook says nothing of that") == action.ready(proposed(action), Performed(""), 5)
    assert [] == server.requests
    assert "" == action.note(proposed(action), "x", TOKEN, notifications.START, 5)


def test_another_way_than_was_proposed_is_not_taken(server: HttpServer, http: Http, tmp_path: Path) -> None:
    """What was a call when somebody approved it does not become a Job, nor the other way round."""
    with nowhere() as cluster:
        runs = made(job(tmp_path), http, cluster)
    calls = rule(server.base_url, http)
    for action, other in ((runs, calls), (calls, runs)):
        with pytest.raises(NotPerformed, match="when this was proposed") as raised:
            action.perform(proposed(other), stuck(), TOKEN, 5)
        assert not raised.value.in_doubt
        with pytest.raises(NotPerformed, match="when this was proposed") as raised:
            action.happened(proposed(other), TOKEN, 5)
        assert raised.value.in_doubt
        assert action.ready(proposed(other), Performed(""), 5).ready is None
    assert [] == server.requests


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": None}, "needs url or url_file or job"),
        ({"url_file": "/x"}, "has both url and url_file"),
        ({"secret": None}, "needs secret or secret_file"),
        ({"secret_file": "/x"}, "has both secret and secret_file"),
        ({"secret": "hunter2"}, "should have 16 characters or more"),
        ({"url": "hunter2"}, "is not an http"),
        ({"status_url": "https://a.example/hunter2"}, "should hold {{ token }}"),
        ({"status_url": "https://a.example/{{ token }}/{{ hunter2 }}"}, "should hold {{ token }}"),
        ({"status_url": "hunter2/{{ token }}"}, "is not an http"),
        ({"send_resolved": True}, "has send_resolved"),
    ],
)
def test_settings_are_of_one_piece(changes: Mapping[str, Any], words: str) -> None:
    """What is unfit is refused, and no value is told."""
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate({**call("https://a.example"), **changes})
    assert words in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_settings_say_what_they_do(tmp_path: Path) -> None:
    """In a word, as proposals do."""
    settings = (call("https://a.example"), job(tmp_path))
    assert ["hook", "job"] == [Settings.model_validate(each).does for each in settings]


def test_settings_show_no_secret() -> None:
    """However they are printed."""
    settings = Settings.model_validate(call("https://a.example", status_url="https://a.example/hunter2/{{ token }}"))
    for told in (str(settings), repr(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert not [each for each in (PATH, SECRET, "hunter2") if each in told]


@pytest.mark.parametrize("key", ["secret", "secret_file", "status_url", "http_config", "url"])
def test_a_job_is_not_called(tmp_path: Path, key: str) -> None:
    """Keys of a call are refused beside one, and what `global` says of calls is none of its."""
    value = {"http_config": {}, "status_url": "https://a.example/{{ token }}", "url": "https://a.example"}.get(
        key, SECRET
    )
    with pytest.raises(ValidationError, match=f"has (a job, and|both url and job).*{key if key != 'url' else ''}"):
        Settings.model_validate({**job(tmp_path), key: value})
    assert not Settings.takes_default("http_config", job(tmp_path, TEMPLATE))
    assert Settings.takes_default("http_config", call("https://a.example"))
