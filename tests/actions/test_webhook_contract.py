"""A webhook against each status that HTTP has, and against whatever an alert may hold."""

import hashlib
import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from actions.webhook import Action, Settings
from alerts.notification import Notification, Receipt, SendError, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.notifications import alert, notification
from tests.far_sides.http_server import HttpServer, Request

RETRYABLE = {408, 425, 429, *range(500, 600)}
# Cloudflare's, nginx', proxies': what no standard names, too.
STATUSES = sorted({*(int(each) for each in HTTPStatus if each >= 200), 299, 399, 419, 444, 499, 520, 524, 530, 599})
HOSTILE = [
    'x", "admin": true, "y": "',
    '{"admin": true}',
    '["a", "b"]',
    "[" * 100_000,
    "{{ status }}",
    "\r\nX-Admin: 1\r\n\r\n",
    "\u202e\u2028\x00\x1b[31m",
    "é🔥" * 50_000,
    "a: b\n- c",
    "</script><script>alert(1)</script>",
]


@pytest.fixture
def receiver() -> Iterator[HttpServer]:
    """One that answers 200, unless a test says otherwise."""
    with HttpServer() as server:
        yield server


def sent(receiver: HttpServer, http: Http, told: Notification | None = None, **changes: Any) -> Receipt | SendError:
    """Sends one notification and returns what came of it."""
    action = Action(Settings.model_validate({"url": f"{receiver.base_url}/hook", **changes}), http)
    try:
        return action.send(told or notifications.seed(), Thread(), 5)
    except SendError as error:
        return error


@pytest.mark.parametrize("status", STATUSES)
def test_judges_every_status(receiver: HttpServer, http: Http, status: int) -> None:
    """2xx is a yes; what may be better later is tried again, all else is not."""
    receiver.answer_next(status, b"" if status in (204, 205, 304) else b"because")
    came = sent(receiver, http)
    assert 1 == len(receiver.requests)
    if status < 300:
        assert Receipt(f"posted, status {status}", Thread()) == came
    else:
        assert isinstance(came, SendError)
        assert (status not in RETRYABLE, status == 429) == (came.permanent, came.throttled)
        assert f"status {status}" in str(came)


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_huge_answer_is_bounded(receiver: HttpServer, http: Http, status: int) -> None:
    """Megabytes are neither kept nor told."""
    receiver.answer_next(status, b"no " * 3_000_000)
    came = sent(receiver, http)
    assert len(came.detail if isinstance(came, Receipt) else str(came)) < 400


def by_hand(secret: bytes, message: bytes) -> str:
    """Returns an HMAC-SHA256 as RFC 2104 writes it, in two hashes."""
    key = (secret if len(secret) <= 64 else hashlib.sha256(secret).digest()).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in key) + message).digest()
    return hashlib.sha256(bytes(each ^ 0x5C for each in key) + inner).hexdigest()


@pytest.mark.parametrize("secret", ["s", "s3cret", "gehe\u00edm🔥", "x" * 500])
@pytest.mark.parametrize("payload", [None, {"text": "{{ leading.summary }} é"}])
def test_is_signed_as_the_standard_says(receiver: HttpServer, http: Http, secret: str, payload: Any) -> None:
    """Whoever computes it from the bytes that came has the same; no other secret or time gives it."""
    before = int(time.time())
    sent(receiver, http, secret=secret, payload=payload)
    (request,) = receiver.requests
    stamp = request.headers["X-Signature-Timestamp"]
    assert before <= int(stamp) <= int(time.time())
    signature = request.headers["X-Signature"].removeprefix("sha256=")
    assert by_hand(secret.encode(), f"{stamp}.".encode() + request.body) == signature
    assert by_hand(f"{secret}x".encode(), f"{stamp}.".encode() + request.body) != signature
    assert by_hand(secret.encode(), f"{int(stamp) + 1}.".encode() + request.body) != signature


def hostile(text: str) -> Notification:
    """Returns a group that holds a text wherever it may."""
    return notification(alert({"alertname": text, "pod": text, text: text}, {"summary": text, "description": text}))


def strict(request: Request) -> Any:
    """Returns what came as JSON, if it is what the standard calls so."""
    return json.loads(request.body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(each)[:30] for each in HOSTILE])
def test_what_an_alert_holds_is_text(receiver: HttpServer, http: Http, text: str) -> None:
    """In Alertmanager's body, and where a payload names it: never a key, nor a mapping where a text was meant."""
    told = hostile(text)
    sent(receiver, http, told)
    assert text == strict(receiver.requests[-1])["alerts"][0]["labels"]["alertname"]
    payload = {
        "bare": "{{ leading.summary }}",
        "filtered": "{{ leading.labels.pod | trim }}",
        "indexed": "{{ common_labels['pod'] }}",
        "inside": "it is {{ leading.summary }}",
        "go": "{{ .CommonLabels.pod }}",
        "json": "{{ leading.annotations | tojson }}",
    }
    came = sent(receiver, http, told, payload=payload)
    posted = strict(receiver.requests[-1])
    cut = text if len(text) <= 20_000 else f"{text[:20_000]}…"
    assert isinstance(came, Receipt)
    assert () == came.template_errors
    assert payload.keys() == posted.keys()
    assert (cut, cut.strip(), cut) == (posted["bare"], posted["filtered"], posted["indexed"])
    assert (f"it is {cut}", cut) == (posted["inside"], posted["go"])
    assert {"summary": cut, "description": cut} == posted["json"]
    assert "X-Admin" not in receiver.requests[-1].headers


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(each)[:30] for each in HOSTILE])
def test_a_payload_in_one_text_is_json_all_the_same(receiver: HttpServer, http: Http, text: str) -> None:
    """One that says `tojson` of what alerts hold is what it was written as; one that does not may be text."""
    told = hostile(text)
    sent(receiver, http, told, payload='{"a": {{ leading.labels.pod | tojson }}, "n": {{ alerts | length }}}')
    cut = text if len(text) <= 20_000 else f"{text[:20_000]}…"
    assert {"a": cut, "n": 1} == strict(receiver.requests[-1])
    sent(receiver, http, told, payload='{"a": "{{ leading.labels.pod }}"}')
    assert isinstance(strict(receiver.requests[-1]), str | dict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), ("true", True), ("null", None), ("1e999", "1e999"), ("NaN", "NaN"), ('"x"', '"x"'), ("007", "007")],
)
def test_a_number_is_one(receiver: HttpServer, http: Http, text: str, expected: Any) -> None:
    """What renders as a number, true, false or null is that; what only looks like one is text."""
    sent(receiver, http, hostile(text), payload={"a": "{{ leading.labels.pod }}"})
    assert {"a": expected} == strict(receiver.requests[-1])


def test_keys_that_fall_together_are_one(receiver: HttpServer, http: Http) -> None:
    """The last one counts, and nothing fails."""
    payload = {"{{ status }}": "a", "firing": "b", "{{ zzzz }}": "c"}
    came = sent(receiver, http, payload=payload)
    assert isinstance(came, Receipt)
    assert {"firing": "b", "{{ zzzz }}": "c"} == strict(receiver.requests[-1])
    assert 1 == len(came.template_errors)
