"""The switch outside is called while all is well, by one process, and hears nothing of us but that."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update
from structlog.testing import capture_logs

from building import build_running
from outbound import Http
from outbox.database import StoreError
from outbox.heartbeats import HeartbeatStatus
from outbox.records import Plan, Planned
from outbox.store import Store
from outbox.tables import deliveries
from pipeline import Running
from pipeline.heartbeat import Heartbeat
from tests.far_sides.http_server import HttpServer
from tests.far_sides.process import free_port
from tests.pipeline.parts import TEAM, Clock, body, configuration, make_pipeline
from tests.samples import notification, webhook

TOKEN = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"


@pytest.fixture
def switch() -> Iterator[HttpServer]:
    """A dead man's switch."""
    with HttpServer() as server:
        yield server


Make = Callable[..., Heartbeat]


@pytest.fixture
def make(tmp_path: Path, engine: Engine, store: Store, switch: HttpServer, clock: Clock) -> Make:
    """Makes what calls the switch, with more keys, and other URLs."""

    def made(more: str = "", url: str = "", ailing: Callable[[], str] = lambda: "", of: Store = store) -> Heartbeat:
        yaml = f"{TEAM}heartbeat: {{url: '{url or f'{switch.base_url}/{TOKEN}'}', every: 1m{more}}}\n"
        running = running_by(tmp_path, yaml, engine, store)
        return Heartbeat(lambda: running, of, clock, ailing)

    return made


def running_by(folder: Path, yaml: str, engine: Engine, store: Store) -> Running:
    """What runs with a configuration."""
    loaded = configuration(folder, yaml)
    return build_running(loaded, None, variables={}, engine=engine, store=store, http=Http())


def test_is_called_once_in_its_time_by_one_of_all(make: Make, switch: HttpServer, store: Store, clock: Clock) -> None:
    """By whichever process looks first, and what came of it is kept."""
    replicas = [make(), make()]
    assert [True, False] == [each.look() for each in replicas]
    clock.pass_seconds(59)
    assert [False, False] == [each.look() for each in replicas]
    clock.pass_seconds(1)
    assert [True, False] == [each.look() for each in reversed(replicas)]
    assert [("GET", f"/{TOKEN}")] * 2 == [(each.method, each.path) for each in switch.requests]
    assert HeartbeatStatus(clock()) == store.heartbeats.status()


def test_is_posted_to_where_that_is_wanted(make: Make, switch: HttpServer) -> None:
    """With no body, and who one is."""
    config = "{authorization: {type: GenieKey, credentials: hunter2}}"
    assert make(f", method: POST, http_config: {config}").look()
    (request,) = switch.requests
    assert ("POST", b"", "GenieKey hunter2") == (request.method, request.body, request.headers["Authorization"])


@pytest.mark.parametrize("jump", [3_600.0, -3_600.0], ids=["on", "back"])
def test_a_clock_that_is_set_keeps_no_call_back(make: Make, clock: Clock, jump: float) -> None:
    """One too many does no harm."""
    heartbeat = make()
    assert heartbeat.look()
    clock.pass_seconds(jump)
    assert heartbeat.look()


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (404, b"not found", "heartbeat: status 404"),
        (429, b"", "heartbeat: status 429"),
        (500, TOKEN.encode(), "heartbeat: status 500"),
        (301, b"", "heartbeat: status 301: a redirect is not followed; write the URL that it leads to"),
        (200, b"OK (not found)", "heartbeat: it was not counted: not found"),
        (200, b"OK (rate limited)\n", "heartbeat: it was not counted: rate limited"),
    ],
)
def test_says_what_came_of_it(
    make: Make, switch: HttpServer, store: Store, clock: Clock, status: int, said: bytes, expected: str
) -> None:
    """In the log, once, and for the page; it is tried again soon, by whichever process that is."""
    switch.answer_next(status, said, {"Location": f"{switch.base_url}/elsewhere/{TOKEN}"}, times=2)
    heartbeat, early, late = make(), make(), make()
    with capture_logs() as logs:
        assert not heartbeat.look()
        clock.pass_seconds(14)
        assert not early.look()
        assert 1 == len(switch.requests)
        clock.pass_seconds(1)
        assert not heartbeat.look()
        assert HeartbeatStatus(None, clock(), expected) == store.heartbeats.status()
        clock.pass_seconds(15)
        assert late.look()
        clock.pass_seconds(60)
        assert heartbeat.look()
    assert 4 == len(switch.requests)
    assert [("error", expected), ("info", None)] == [(each["log_level"], each.get("reason")) for each in logs]
    assert TOKEN not in str(logs)
    assert HeartbeatStatus(clock()) == store.heartbeats.status()


def test_one_that_is_away_is_named_without_its_secret(make: Make, store: Store) -> None:
    """The host is enough."""
    port = free_port()
    assert not make(url=f"http://user:{TOKEN}@127.0.0.1:{port}/{TOKEN}?{TOKEN}").look()
    assert f"heartbeat: 127.0.0.1:{port}: connection refused" == store.heartbeats.status().problem


def test_one_that_hangs_is_given_up(make: Make, switch: HttpServer, store: Store) -> None:
    """Within its own time."""
    switch.delay_seconds = 30
    assert not make(", timeout: 1s").look()
    assert "timed out after 1s" in store.heartbeats.status().problem


def test_reads_its_url_from_a_file(
    tmp_path: Path, engine: Engine, store: Store, switch: HttpServer, clock: Clock
) -> None:
    """Anew each time; what is wrong with it does not repeat it."""
    file = tmp_path / "url"
    running = running_by(tmp_path, f"{TEAM}heartbeat: {{url_file: {file}}}\n", engine, store)
    heartbeat = Heartbeat(lambda: running, store, clock)
    assert not heartbeat.look()
    assert f"heartbeat: {file}: No such file or directory" == store.heartbeats.status().problem
    file.write_text(f"ftp://{TOKEN}")
    clock.pass_seconds(15)
    assert not heartbeat.look()
    assert "heartbeat: its URL is not an http:// or https:// URL" == store.heartbeats.status().problem
    file.write_text(f"{switch.base_url}/{TOKEN}\n")
    clock.pass_seconds(15)
    assert heartbeat.look()


def test_goes_by_what_holds_for_all(
    tmp_path: Path, engine: Engine, store: Store, switch: HttpServer, clock: Clock
) -> None:
    """`global.http_config`; a reload that leaves that as it is leaves the connections."""
    said = "global: {http_config: {basic_auth: {username: me, password: hunter2}}}\n"
    yaml = f"{TEAM}{said}heartbeat: {{url: '{switch.base_url}/{TOKEN}'}}\n"
    running = running_by(tmp_path, yaml, engine, store)
    assert Heartbeat(lambda: running, store, clock).look()
    assert "Basic bWU6aHVudGVyMg==" == switch.requests[0].headers["Authorization"]
    again = configuration(tmp_path, yaml.replace("heartbeat: {", "heartbeat: {every: 2m, "))
    after = build_running(again, running, variables={}, engine=engine, store=store, http=Http())
    assert running.heartbeat is after.heartbeat


def test_is_not_called_while_threads_have_ended(make: Make, switch: HttpServer, store: Store) -> None:
    """With the reason; and again when they are back."""
    ailing = "not all of the pipeline's threads run"
    assert not make(ailing=lambda: ailing).look()
    assert ailing == store.heartbeats.status().problem
    assert [] == switch.requests
    assert make().look()


def test_is_not_called_while_the_storage_is_away(
    make: Make, switch: HttpServer, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is a write: who cannot make it is not well."""
    heartbeat = make()

    def fail(*_: Any) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(store.heartbeats, "claim", fail)
        assert not heartbeat.look()
    assert ["the storage cannot be used: the disk is full"] == [each["reason"] for each in logs]
    assert [] == switch.requests
    assert heartbeat.look()


def test_is_not_called_while_something_waits_for_long(
    tmp_path: Path, make: Make, switch: HttpServer, store: Store, clock: Clock
) -> None:
    """An event that nobody plans."""
    heartbeat = make(", pending_for: 5m")
    make_pipeline(tmp_path, store, {}, clock=clock).accept(body(webhook()))
    clock.pass_seconds(300)
    assert heartbeat.look()
    clock.pass_seconds(60)
    assert not heartbeat.look()
    expected = "what was accepted waits for longer than 5m to be told; /status and the page show where"
    assert expected == store.heartbeats.status().problem
    assert 1 == len(switch.requests)


@pytest.mark.parametrize(
    ("row", "expected_seconds"),
    [
        ({"attempts": 0, "due_at": 0}, 0),
        ({"attempts": 0, "due_at": 1_000}, 1_000),
        ({"attempts": 3, "due_at": 1_000}, 0),
        ({"attempts": 3, "due_at": 1_000, "wanted_at": 500}, 500),
        ({"state": "delivered"}, None),
    ],
    ids=["at once", "held", "retried", "retried by hand", "done"],
)
def test_what_is_held_does_not_wait_before(
    store: Store, engine: Engine, clock: Clock, row: dict[str, Any], expected_seconds: int | None
) -> None:
    """An end that is held on purpose is late only once it is due."""
    event_id = store.accept(b"{}", clock())
    (event,) = store.claim_events(clock(), 30)
    store.plan([Plan(event, (Planned(notification("group", "team")),))])
    moments = {key: clock() + timedelta(seconds=row[key]) for key in row.keys() & {"due_at", "wanted_at"}}
    with engine.begin() as connection:
        connection.execute(update(deliveries).where(deliveries.c.event_id == event_id).values({**row, **moments}))
    expected = None if expected_seconds is None else clock() + timedelta(seconds=expected_seconds)
    assert expected == store.heartbeats.oldest_waiting()


def test_without_one_nothing_is_called(tmp_path: Path, engine: Engine, store: Store, clock: Clock) -> None:
    """It is off unless it is set."""
    running = running_by(tmp_path, TEAM, engine, store)
    assert not Heartbeat(lambda: running, store, clock).look()
    assert HeartbeatStatus() == store.heartbeats.status()
