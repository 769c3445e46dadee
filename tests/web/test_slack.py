"""`POST /slack/interactions`: who may click, and Acknowledge."""

import json
import threading
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

import telemetry
from alerts.model import group_id
from outbox.database import StoreError
from outbox.records import EventKind
from outbox.store import Store
from pipeline import Pipeline
from tests.far_sides.http_server import HttpServer
from tests.pipeline.parts import TEAM, Failing, application, make_pipeline, started
from tests.samples import model_alert
from tests.service import eventually
from tests.web.clicks import GROUP, KEY, SECRET, form, heard, kept, payload, post, told

OUTCOMES = ("unsigned", "malformed", "other", "failed", "acknowledge")


class Held(Failing):
    """A store that keeps no event before the test lets it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.may_keep = threading.Event()
        self.may_keep.set()
        self.fails = False

    def accept(self, body: bytes, received_at: datetime, kind: EventKind = "alert", heard: Collection[str] = ()) -> int:
        """Waits, then keeps, or fails."""
        assert self.may_keep.wait(10)
        if self.fails:
            raise StoreError("the disk is away")
        return super().accept(body, received_at, kind, heard)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One of one kind: that each keeps what it is given is tested elsewhere."""
    return sqlite_url


@pytest.fixture
def failing(store: Store) -> Held:
    """The store, which fails, or waits, when it is told to; a group fires."""
    heard(store, model_alert())
    return Held(store)


@pytest.fixture
def pipeline(tmp_path: Path, failing: Held) -> Pipeline:
    """The pipeline behind the client, which does not run: what is kept stays to be looked at."""
    yaml = f"web: {{max_body: 64KiB, slack_signing_secret: {SECRET}}}\n{TEAM}"
    return make_pipeline(tmp_path, failing, {}, yaml)


@pytest.fixture
def client(pipeline: Pipeline, hooks: HttpServer) -> FlaskClient:
    """Asks the application."""
    return application(pipeline, [f"{hooks.base_url}/"]).test_client()


@pytest.fixture
def acknowledge(hooks: HttpServer) -> bytes:
    """Somebody clicks Acknowledge."""
    return form(payload("acknowledge", GROUP, f"{hooks.base_url}/actions/T1/1/x"))


@pytest.fixture
def lines() -> Any:
    """What is logged."""
    with capture_logs() as logged:
        yield logged


def test_acknowledges(client: FlaskClient, store: Store, acknowledge: bytes) -> None:
    """It is kept before it is answered, with who it was; the answer is empty, for Slack shows none."""
    response = post(client, acknowledge)
    assert (200, b"") == (response.status_code, response.data)
    ((key, acknowledgement),) = kept(store)
    assert (KEY, "jane", "slack") == (key, acknowledgement.by, acknowledgement.via)
    assert acknowledgement.silenced_until is None


def test_is_remembered(client: FlaskClient, pipeline: Pipeline, store: Store, acknowledge: bytes) -> None:
    """Once it is planned the group's history has who it was."""
    with started(pipeline):
        post(client, acknowledge)
        taken = eventually(lambda: store.histories([KEY])[KEY].acknowledged, "who has taken it over")
    assert taken is not None
    assert ("jane", "slack") == (taken.by, taken.via)


@pytest.mark.parametrize(
    "headers",
    [{"signature": None}, {"signature": "v0=" + "0" * 64}, {"signature": "é"}, {"timestamp": None}, {"timestamp": "1"}],
)
def test_takes_nothing_unsigned(
    client: FlaskClient, store: Store, acknowledge: bytes, headers: Mapping[str, str | None]
) -> None:
    """In whatever way it is wrong, the answer is the same, and nothing is kept."""
    response = post(client, acknowledge, headers=headers)
    expected = {"status": "error", "error": "the request is not signed as it should be"}
    assert (401, expected) == (response.status_code, response.json)
    assert [] == kept(store)


@pytest.mark.parametrize(("age", "status"), [(-400, 401), (-250, 200), (250, 200), (400, 401)])
def test_takes_nothing_old(client: FlaskClient, store: Store, acknowledge: bytes, age: float, status: int) -> None:
    """Five minutes are the limit, ahead of our clock as well."""
    assert status == post(client, acknowledge, age).status_code
    assert int(status == 200) == len(kept(store))


def test_takes_nothing_twice(client: FlaskClient, store: Store, acknowledge: bytes) -> None:
    """What comes again with the same signature is done already."""
    same = {"timestamp": str(int(time.time()))}
    assert [200, 200] == [post(client, acknowledge, headers=same).status_code for _ in range(2)]
    assert 1 == len(kept(store))


def test_has_no_button_without_a_secret(tmp_path: Path, failing: Held, acknowledge: bytes) -> None:
    """And says which key is missing."""
    response = post(application(make_pipeline(tmp_path, failing, {})).test_client(), acknowledge)
    assert 404 == response.status_code
    assert "web.slack_signing_secret is not set" in (response.json or {})["error"]


def test_reads_the_secret_anew(tmp_path: Path, failing: Held, lines: Any) -> None:
    """From its file, so that it can be rotated; while it cannot be read nobody is believed."""
    file = tmp_path / "secret"
    made = make_pipeline(tmp_path, failing, {}, f"web: {{slack_signing_secret_file: {file}}}\n{TEAM}")
    client = application(made).test_client()
    click = form(payload("runbook", "", ""))
    response = post(client, click)
    assert 503 == response.status_code
    assert str(file) not in response.text
    assert [f"{file}: No such file or directory"] == [each["error"] for each in lines]
    file.write_text(f"{SECRET}\n")
    assert 200 == post(client, click).status_code
    file.write_text("another")
    assert 401 == post(client, click).status_code


def test_refuses_nonsense(client: FlaskClient, store: Store) -> None:
    """Though it is signed."""
    response = post(client, b"payload={")
    assert (400, "error") == (response.status_code, (response.json or {})["status"])
    assert [] == kept(store)


@pytest.mark.parametrize(
    "document",
    [{"type": "view_submission"}, payload("runbook", "", "https://a.example"), payload("", GROUP, "https://a.example")],
)
def test_lets_the_rest_be(client: FlaskClient, store: Store, lines: Any, document: Any) -> None:
    """Slack tells of links, too, and of what is none of ours: it is answered, and nothing is done or said."""
    response = post(client, form(document))
    assert (200, b"") == (response.status_code, response.data)
    assert ([], []) == (kept(store), lines)


def test_takes_a_large_message_and_no_larger(client: FlaskClient) -> None:
    """A message comes back with each click of it; more than 1 MiB is none, whatever `web.max_body` is."""
    click = payload("runbook", "", "")
    assert 200 == post(client, form({**click, "message": {"text": "x" * 1_000_000}})).status_code
    response = post(client, form({**click, "message": {"text": "x" * 1_048_576}}))
    assert (413, "the body is longer than 1048576 bytes") == (response.status_code, (response.json or {})["error"])


@pytest.mark.parametrize("value", ["", "x", GROUP.upper(), f"1h:{GROUP}", "' OR 1=1 --" * 1_000])
def test_knows_its_own_values(client: FlaskClient, store: Store, hooks: HttpServer, value: str) -> None:
    """A button of another version does nothing, and says so."""
    assert 200 == post(client, form(payload("acknowledge", value, f"{hooks.base_url}/a"))).status_code
    assert "another version" in told(hooks)
    assert [] == kept(store)


@pytest.mark.parametrize("key", ["never heard of", "over"])
def test_acknowledges_what_fires(client: FlaskClient, store: Store, hooks: HttpServer, key: str) -> None:
    """A group that nobody heard of, and one that is over, cannot be taken over."""
    heard(store, model_alert(status="resolved"), key="over")
    assert 200 == post(client, form(payload("acknowledge", group_id(key), f"{hooks.base_url}/a"))).status_code
    assert "Nothing of this group fires any more." == told(hooks)
    assert [] == kept(store)


@pytest.mark.parametrize("method", ["group_key", "firing", "accept"])
def test_says_what_is_not_kept(
    client: FlaskClient, store: Store, failing: Held, hooks: HttpServer, acknowledge: bytes, method: str
) -> None:
    """Slack shows that it failed, and the person is told why; the same click counts when it comes again."""
    failing.failures[method] = 1
    same = {"timestamp": str(int(time.time()))}
    response = post(client, acknowledge, headers=same)
    assert 503 == response.status_code
    assert "it is not acknowledged. Try again." in (response.json or {})["error"]
    assert "it is not acknowledged. Try again." in told(hooks)
    assert [] == kept(store)
    assert 200 == post(client, acknowledge, headers=same).status_code
    assert 1 == len(kept(store))


@pytest.mark.parametrize(
    ("fails", "expected"),
    [(False, "It took a while, but it is acknowledged."), (True, "it is not acknowledged. Try again.")],
)
def test_does_not_wait_for_the_storage(
    client: FlaskClient, store: Store, failing: Held, hooks: HttpServer, acknowledge: bytes, fails: bool, expected: str
) -> None:
    """While it hangs the answer is that nothing is kept yet; the person is told what comes of it in the end."""
    failing.may_keep.clear()
    failing.fails = fails
    response = post(client, acknowledge)
    assert (503, "it is not kept yet") == (response.status_code, (response.json or {})["error"])
    assert [] == hooks.requests
    failing.may_keep.set()
    assert expected in told(hooks)
    assert int(not fails) == len(kept(store))


def test_takes_so_many_at_once(client: FlaskClient, failing: Held, hooks: HttpServer, acknowledge: bytes) -> None:
    """While the storage hangs only so many wait for it, and no more: four, and thirty-two behind them."""
    failing.may_keep.clear()
    seen: list[str] = []

    def click(number: int) -> None:
        seen.append((post(client, acknowledge + b"&n=%d" % number).json or {})["error"])

    clicking = [threading.Thread(target=click, args=(number,)) for number in range(50)]
    for each in clicking:
        each.start()
    for each in clicking:
        each.join(10)
    assert {"it is not kept yet": 36, "too much is being kept already": 14} == {one: seen.count(one) for one in seen}
    failing.may_keep.set()
    assert 36 == len(hooks.wait_for(36))


def nobody_told(lines: Any) -> list[Any]:
    """Waits until the log says that nobody was told, and returns its lines."""
    found = lambda: [each for each in lines if "nobody is told what came of a click" in each["event"]]  # noqa: E731
    return eventually(found, "a line of the log")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://hooks.slack.com/a",
        "https://hooks.slack.com.evil.example/a",
        "https://hooks.slack.com@evil.example/a",
        "file:///etc/passwd",
        "{}/a",
    ],
)
def test_tells_nobody_else(pipeline: Pipeline, hooks: HttpServer, lines: Any, url: str) -> None:
    """What came of a click goes to Slack and nowhere else, though the request was signed."""
    client = application(pipeline, ["https://hooks.slack.com/"]).test_client()
    assert 200 == post(client, form(payload("acknowledge", "", url.format(hooks.base_url)))).status_code
    assert "none of Slack's" in nobody_told(lines)[0]["event"]
    assert [] == hooks.requests


@pytest.mark.parametrize(("status", "headers"), [(404, {}), (500, {}), (302, {"Location": "/elsewhere"})])
def test_says_who_is_not_told(
    client: FlaskClient, hooks: HttpServer, lines: Any, status: int, headers: dict[str, str]
) -> None:
    """In the log, without the URL, which is a secret for half an hour; no redirect is followed."""
    hooks.answer_next(status, b"expired_url", headers)
    post(client, form(payload("acknowledge", "", f"{hooks.base_url}/actions/s3cret")))
    assert [status] == [each["status"] for each in nobody_told(lines)]
    assert 1 == len(hooks.requests)
    assert "s3cret" not in json.dumps(lines)


def test_is_for_slack_alone(client: FlaskClient) -> None:
    """A link leads nowhere."""
    assert 405 == client.get("/slack/interactions").status_code


def test_counts_clicks(client: FlaskClient, failing: Held, acknowledge: bytes) -> None:
    """By what was clicked, or why nothing was done."""

    def counted() -> dict[str, float]:
        return {name: telemetry.SLACK_CLICKS.labels(name)._value.get() for name in OUTCOMES}

    before = counted()
    post(client, acknowledge, age_seconds=400)
    post(client, b"payload={")
    post(client, form(payload("runbook", "", "")))
    failing.failures["accept"] = 1
    post(client, acknowledge)
    post(client, acknowledge)
    assert dict.fromkeys(OUTCOMES, 1) == {name: value - before[name] for name, value in counted().items()}
