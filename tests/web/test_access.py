"""Who may do what: `web.auth` before each request."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from outbox.store import Store
from tests.pipeline.parts import TEAM, Recorder, application, make_pipeline
from tests.samples import NOW
from web import access
from web.logins import token_name

ALERTS, READS, CHANGES = "token-of-alertmanager", "token-of-prometheus-1", "token-of-operators-1"
PASSWORD = "correct horse"
HASH = generate_password_hash(PASSWORD, "pbkdf2:sha256:10")
ALERT = b'{"labels": {"alertname": "Crash"}}'
RELOAD, RETRY, METRICS = "/-/reload", "/api/v1/deliveries/1/retry", "/metrics"

Make = Callable[[str], FlaskClient]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One of one kind: nothing here depends on it."""
    return sqlite_url


@pytest.fixture
def make_application(tmp_path: Path, store: Store) -> Callable[[str], Flask]:
    """Makes the application with what `web.auth` is to say; as if everybody could reach it."""
    (tmp_path / "users").write_text(f"jane:{HASH}\n")

    def make(auth: str) -> Flask:
        users = str(tmp_path / "users")
        yaml = f"web: {{max_body: 64KiB, auth: {{{auth.replace('USERS', users)}}}}}\n{TEAM}"
        made = application(make_pipeline(tmp_path, store, {"team/log/0": Recorder()}, yaml))
        made.extensions["access"].listens_at([("0.0.0.0", 8080)])
        return made

    return make


@pytest.fixture
def make(make_application: Callable[[str], Flask]) -> Make:
    """Asks it."""
    return lambda auth: make_application(auth).test_client()


@pytest.fixture
def guarded(make: Make) -> FlaskClient:
    """Each permission has a token of its own; a user may look, another change."""
    return make(
        f"alert: {{tokens: [{ALERTS}]}}, read: {{tokens: [{READS}]}}, "
        f"change: {{tokens: [{CHANGES}], users_file: USERS}}"
    )


def bearer(token: str) -> dict[str, str]:
    """Returns a token's header."""
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str) -> dict[str, str]:
    """Returns a user's header."""
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


def asked(client: FlaskClient, path: str, headers: dict[str, str] | None = None) -> int:
    """Returns the status of what is asked for as it is meant to be."""
    if path == "/alert":
        return client.post(path, data=ALERT, headers=headers).status_code
    if path in (RELOAD, RETRY):
        return client.post(path, headers=headers).status_code
    return client.get(path, headers=headers).status_code


def said(response: TestResponse) -> str:
    """Returns what is wrong."""
    return str((response.json or {})["error"])


def test_is_open_at_first(make: Make) -> None:
    """But for what changes something: that nobody may who is not on the service's own machine."""
    client = make("")
    assert [200] * 4 == [asked(client, path) for path in ("/alert", "/", METRICS, RELOAD)]
    refused = client.post(RETRY, headers=bearer(CHANGES))
    assert 403 == refused.status_code
    assert "until web.auth.change says who may" in said(refused)


def test_keeps_each_apart(guarded: FlaskClient) -> None:
    """Who may change something may look; else what lets one do the one thing is of no use for another."""
    paths = ("/alert", "/", METRICS, "/api/v1/status", RELOAD, RETRY, "/nowhere")
    nobody = [401] * 7
    expected = {
        None: nobody,
        ALERTS: [200, *nobody[1:]],
        READS: [401, 200, 200, 200, 403, 403, 404],
        CHANGES: [401, 200, 200, 200, 200, 404, 404],
        "another": nobody,
    }
    for token, statuses in expected.items():
        headers = bearer(token) if token else None
        assert statuses == [asked(guarded, path, headers) for path in paths], token


def test_asks_for_a_log_in(guarded: FlaskClient) -> None:
    """With the schemes that would do, as RFC 9110 has it."""
    assert ['Bearer realm="alert-manager"'] == guarded.post("/alert", data=ALERT).headers.getlist("WWW-Authenticate")
    expected = ['Basic realm="alert-manager", charset="UTF-8"', 'Bearer realm="alert-manager"']
    for response in (guarded.get("/"), guarded.post(RETRY)):
        assert (401, expected) == (response.status_code, response.headers.getlist("WWW-Authenticate"))


def test_takes_users(guarded: FlaskClient) -> None:
    """By their passwords, and nothing that is half of it."""
    for path, status in (("/", 200), (RELOAD, 200), ("/alert", 401)):
        assert status == asked(guarded, path, basic("jane", PASSWORD))
    for wrong in (
        basic("jane", "x"),
        basic("joe", PASSWORD),
        basic("", ""),
        {"Authorization": "Basic !"},
        {"Authorization": "Basic"},
    ):
        assert 401 == asked(guarded, "/", wrong)


def test_leaves_open_what_asks_whether_it_lives(guarded: FlaskClient) -> None:
    """And what has a signature of its own, which says so itself."""
    assert "threads have ended" in said(guarded.get("/healthz"))
    with guarded.get("/static/style.css") as style:
        assert 200 == style.status_code
    assert 404 == guarded.get("/charts/x.svg").status_code
    for path in ("/slack/interactions", "/pagerduty/webhook"):
        assert "is not set" in said(guarded.post(path, data=b"x"))


def test_decides_of_each_endpoint(make_application: Callable[[str], Flask]) -> None:
    """What is open to everybody whatever is set is on one list, and nothing stands there that is not."""
    endpoints = {each.endpoint for each in make_application("").url_map.iter_rules()}
    assert set() == access.OPEN - endpoints


def test_reading_stays_open(make: Make) -> None:
    """Where only who may change something is set, whoever looks."""
    client = make(f"change: {{tokens: [{CHANGES}]}}")
    assert [200, 401, 200] == [asked(client, "/"), asked(client, RELOAD), asked(client, RELOAD, bearer(CHANGES))]
    assert 200 == asked(client, "/", bearer("of somebody else"))


def test_slows_log_ins(guarded: FlaskClient) -> None:
    """429 with a time for a person; who was right before may go on."""
    assert 200 == asked(guarded, "/", basic("jane", PASSWORD))
    assert [401] * 5 == [asked(guarded, "/", basic("jane", f"x{number}")) for number in range(5)]
    slowed = guarded.get("/", headers=basic("jane", "x"))
    assert (429, "1") == (slowed.status_code, slowed.headers["Retry-After"])
    assert 200 == asked(guarded, "/", basic("jane", PASSWORD))
    assert 200 == asked(guarded, "/", bearer(READS))


def test_never_tells_alertmanager_429(make: Make) -> None:
    """It would drop the page; 503 it tries again."""
    client = make("alert: {users_file: USERS}")
    assert [401] * 5 == [asked(client, "/alert", basic("jane", f"x{number}")) for number in range(5)]
    slowed = client.post("/alert", data=ALERT, headers=basic("jane", "x"))
    assert (503, "1") == (slowed.status_code, slowed.headers["Retry-After"])


def test_keeps_what_it_does_not_take(guarded: FlaskClient, store: Store) -> None:
    """Alertmanager does not send it again, and it may have been a page: the first of many is kept, and announced."""
    assert [401] * 3 == [asked(guarded, "/alert") for _ in range(3)]
    said = store.losses.announce("rejected", (), "", NOW)
    assert said is not None
    assert "alert-manager rejected 1 webhook body" in str(said)


def test_says_what_cannot_be_checked(make: Make, tmp_path: Path) -> None:
    """With its file in the log, and not in the answer; nobody is let in, and Alertmanager comes again."""
    client = make("alert: {users_file: USERS}, read: {users_file: USERS}")
    (tmp_path / "users").write_text("jane\n")
    with capture_logs() as lines:
        for path in ("/alert", "/"):
            assert 503 == asked(client, path, basic("jane", PASSWORD))
    assert {f"{tmp_path / 'users'}: line 1: has no hash as `python app.py hash-password` makes one"} == {
        each["error"] for each in lines
    }
    assert str(tmp_path) not in client.get("/", headers=basic("jane", PASSWORD)).text


def test_says_who_changes_something(guarded: FlaskClient) -> None:
    """In the log, and what; of who may not, nothing of the kind."""
    with capture_logs() as lines:
        asked(guarded, RETRY, basic("jane", PASSWORD))
        asked(guarded, RETRY, bearer(CHANGES))
        asked(guarded, RETRY, bearer(READS))
        asked(guarded, RETRY, {**bearer(CHANGES), "Sec-Fetch-Site": "cross-site"})
    found = [(each["who"], each["path"]) for each in lines if each["event"] == "somebody changes something"]
    assert [("jane", RETRY), (token_name(CHANGES), RETRY)] == found


def test_shows_no_secret(guarded: FlaskClient) -> None:
    """In no answer, and no line of the log."""
    with capture_logs() as lines:
        answers = [
            guarded.get(path, headers=headers).text
            for path in ("/", "/status", "/api/v1/status", METRICS)
            for headers in (bearer(READS), bearer("hunter2-hunter2-hunter2"), basic("hunter2", "hunter2"))
        ]
    seen = "".join([*answers, repr(lines)])
    assert lines
    assert [] == [each for each in ("hunter2", ALERTS, READS, CHANGES, PASSWORD, HASH) if each in seen]


PROXY = "trusted_proxy: {header: X-User, addresses: [10.1.0.0/16, 'fd00::/8'], may_change: [jane]}"


@pytest.mark.parametrize(
    ("peer", "user", "expected"),
    [
        ("10.1.2.3", "jane", (200, 404)),
        ("::ffff:10.1.2.3", "jane", (200, 404)),
        ("fd00::7", "joe", (200, 403)),
        ("10.2.0.1", "jane", (403, 403)),
        ("", "jane", (403, 403)),
        ("10.1.2.3", "", (403, 403)),
        ("10.1.2.3", "joe, jane", (403, 403)),
        ("10.1.2.3", "x" * 300, (403, 403)),
    ],
)
def test_believes_a_proxy(make: Make, peer: str, user: str, expected: tuple[int, int]) -> None:
    """That comes from where it is said to; who may change something is named, and the rest may look."""
    client = make(PROXY)
    client.environ_base["REMOTE_ADDR"] = peer
    assert expected == (asked(client, "/", {"X-User": user}), asked(client, RETRY, {"X-User": user}))
    assert 200 == asked(client, "/alert", {"X-User": user})


def test_lets_a_proxy_tell_of_no_alerts(make: Make) -> None:
    """Where these have credentials of their own."""
    client = make(f"{PROXY}, alert: {{tokens: [{ALERTS}]}}")
    client.environ_base["REMOTE_ADDR"] = "10.1.2.3"
    assert [401, 200] == [asked(client, "/alert", {"X-User": "jane"}), asked(client, "/alert", bearer(ALERTS))]


@pytest.mark.parametrize(
    ("listening", "headers", "status"),
    [
        ([("127.0.0.1", 8080), ("::1", 8080, 0, 0)], {}, 404),
        ([("127.0.0.1", 8080)], {"Host": "[::1]:8080"}, 404),
        ([("127.0.0.1", 8080), ("0.0.0.0", 8081)], {}, 403),
        ([("127.0.0.1", 8080), "/run/alert-manager.sock"], {}, 403),
        ([], {}, 403),
        ([("127.0.0.1", 8080)], {"Host": "evil.example"}, 403),
        ([("127.0.0.1", 8080)], {"X-Forwarded-For": "203.0.113.7"}, 403),
        ([("127.0.0.1", 8080)], {"Sec-Fetch-Site": "cross-site"}, 403),
        ([("127.0.0.1", 8080)], {"Origin": "http://evil.example"}, 403),
        ([("127.0.0.1", 8080)], {"Origin": "null"}, 403),
        ([("127.0.0.1", 8080)], {"Origin": "http://localhost"}, 404),
    ],
)
def test_lets_its_own_machine(
    make_application: Callable[[str], Flask], listening: list[object], headers: dict[str, str], status: int
) -> None:
    """Where it listens nowhere else, and is asked by that name, by no page of somebody else's and through no proxy."""
    made = make_application("")
    made.extensions["access"].listens_at(listening)
    assert status == asked(made.test_client(), RETRY, headers)


def test_is_asked_even_on_its_own_machine(make_application: Callable[[str], Flask]) -> None:
    """Once it is said who may."""
    made = make_application(f"change: {{tokens: [{CHANGES}]}}")
    made.extensions["access"].listens_at([("127.0.0.1", 8080)])
    assert [401, 404] == [asked(made.test_client(), RETRY), asked(made.test_client(), RETRY, bearer(CHANGES))]


def test_heeds_no_other_page(guarded: FlaskClient) -> None:
    """Though the browser sends the log-in along."""
    led_here = {"Sec-Fetch-Site": "cross-site", **basic("jane", PASSWORD)}
    assert [403, 403] == [asked(guarded, path, led_here) for path in (RELOAD, RETRY)]


def test_holds_after_a_reload(make_application: Callable[[str], Flask], tmp_path: Path) -> None:
    """It is the configuration that holds which is asked."""
    made = make_application("")
    client = made.test_client()
    assert 200 == asked(client, "/")
    (tmp_path / "config.yaml").write_text(f"web: {{auth: {{read: {{tokens: [{READS}]}}}}}}\n{TEAM}")
    assert 200 == asked(client, RELOAD)
    assert [401, 200] == [asked(client, "/"), asked(client, "/", bearer(READS))]


def test_reads_what_is_refused(make: Make) -> None:
    """A body too long is drained as ever, so that its sender sees the answer."""
    client = make(f"alert: {{tokens: [{ALERTS}]}}")
    assert 401 == client.post("/alert", data=b"x" * 70_000).status_code
