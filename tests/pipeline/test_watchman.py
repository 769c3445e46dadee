"""What feeds a watchdog, who is told where it starves, and what becomes of that."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from alerts.notification import SendError
from alerts.payload import PayloadError
from outbox.listening import JOIN_SECONDS, Listening
from outbox.store import Store
from outbox.tables import watchdogs as table
from outbox.watchdogs import Watchdogs
from pipeline import Pipeline, Running
from pipeline.fallback import Fallback
from pipeline.watchman import Watchman
from tests.pipeline.parts import Clock, Recorder, body, configuration, make_pipeline, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

WATCHED = """
external_url: https://alerts.example/
route: {receiver: team}
receivers:
- {name: team, log_configs: [{}]}
- name: on-call
  fallback: team
  log_configs: [{}]
  hook_configs: [{url: https://hooks.example/do, secret: an-unguessable-secret-of-32-chars, kinds: [Pod]}]
watchdogs:
- {matchers: ['alertname="Watchdog"'], within: 1m, receiver: on-call}
"""
WATCHDOG = wire_alert("Watchdog", severity="none")


class Lived:
    """A clock that nobody sets but the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Returns what it shows."""
        return self.now


@pytest.fixture
def on_call() -> Recorder:
    """The action of the receiver that is paged."""
    return Recorder()


@pytest.fixture
def lived() -> Lived:
    """What processes live through."""
    return Lived()


@pytest.fixture
def watched(store: Store, lived: Lived) -> Store:
    """A store whose clock of silence the test moves on."""
    store.watchdogs = Watchdogs(store._reading, store._writer, Listening(lived))
    return store


@pytest.fixture
def pipeline(tmp_path: Path, watched: Store, recorder: Recorder, on_call: Recorder, clock: Clock) -> Pipeline:
    """A pipeline that is not started."""
    return make_pipeline(tmp_path, watched, {"team/log/0": recorder, "on-call/log/0": on_call}, WATCHED, clock=clock)


@pytest.fixture
def watchman(pipeline: Pipeline, watched: Store, clock: Clock) -> Watchman:
    """Looks when the test says so, by the configuration that holds."""
    return Watchman(lambda: pipeline.configuration, watched, clock)


Passes = Callable[[float], None]


@pytest.fixture
def passes(watchman: Watchman, lived: Lived, clock: Clock) -> Passes:
    """Has seconds go by, in which it is looked every two."""

    def go_by(seconds: float) -> None:
        for _ in range(int(seconds / 2)):
            lived.now += 2
            clock.pass_seconds(2)
            watchman.look()

    watchman.look()
    go_by(JOIN_SECONDS)
    return go_by


def heard(engine: Engine) -> int:
    """How often it was heard of."""
    with engine.connect() as connection:
        return int(connection.execute(select(table.c.heard)).scalar_one())


BESIDE = wire_alert("Other", severity="info")


@pytest.mark.parametrize(
    "payload",
    [
        webhook(WATCHDOG),
        webhook(BESIDE, WATCHDOG),
        webhook(wire_alert("Other", "resolved"), WATCHDOG),
        WATCHDOG,
        [BESIDE, WATCHDOG],
    ],
    ids=["alone", "of a group", "beside an end", "bare", "of a list"],
)
def test_is_fed_by_what_fires(pipeline: Pipeline, passes: Passes, engine: Engine, payload: Any) -> None:
    """However it comes, and though it came before: a duplicate was heard of as well."""
    pipeline.accept(body(payload))
    assert 1 == heard(engine)
    pipeline.accept(body(payload))
    assert 2 == heard(engine)


@pytest.mark.parametrize(
    "payload", [webhook(wire_alert("Watchdog", "resolved"), BESIDE), webhook(BESIDE)], ids=["its end", "another"]
)
def test_is_not_fed_by_anything_else(pipeline: Pipeline, passes: Passes, engine: Engine, payload: Any) -> None:
    """An end of it least of all: Prometheus says that it does not fire."""
    pipeline.accept(body(payload))
    assert 0 == heard(engine)


def test_is_not_fed_by_what_is_rejected(pipeline: Pipeline, passes: Passes, engine: Engine) -> None:
    """What is answered with an error comes to nothing."""
    with pytest.raises(PayloadError):
        pipeline.accept(body({"alerts": [WATCHDOG, {"labels": 3}]}))
    assert 0 == heard(engine)


def test_duplicates_keep_it_quiet(pipeline: Pipeline, passes: Passes, recorder: Recorder, on_call: Recorder) -> None:
    """Alertmanager says the same each minute; nobody is paged, and its own route is told of it once."""
    with started(pipeline):
        for _ in range(8):
            pipeline.accept(body(webhook(WATCHDOG)))
            passes(40)
        assert [] == on_call.sent
        eventually(lambda: recorder.sent, "its own route is told")
    assert {"Watchdog"} == set(recorder.names())


def test_pages_and_tells_that_it_is_back(pipeline: Pipeline, passes: Passes, on_call: Recorder) -> None:
    """The receiver, by what tells somebody and not by its rule; with this service's page beside."""
    with started(pipeline):
        pipeline.accept(body(webhook(WATCHDOG)))
        passes(70)
        eventually(lambda: on_call.sent, "a page")
        pipeline.accept(body(webhook(WATCHDOG)))
        passes(2)
        eventually(lambda: len(on_call.sent) == 2, "its end")
    said = [(each.group.status, each.group.alerts[0].summary) for each in on_call.sent]
    assert ("firing", 'alertname="Watchdog" has not come for 1m') == said[0]
    assert ("resolved", True) == (said[1][0], said[1][1].startswith('alertname="Watchdog" is back after 1m'))
    assert ["https://alerts.example/"] * 2 == [each.page_url for each in on_call.sent]


def test_a_page_that_dies_is_told_elsewhere(
    tmp_path: Path,
    pipeline: Pipeline,
    passes: Passes,
    watched: Store,
    recorder: Recorder,
    on_call: Recorder,
    clock: Clock,
) -> None:
    """It is the news of a destination that fails that is told nowhere else; this is a page like any other."""
    on_call.failures.append(SendError("no such channel", permanent=True))
    fallback = Fallback(lambda: configuration(tmp_path, WATCHED), watched, clock)
    with started(pipeline):
        passes(64)
        eventually(lambda: on_call.attempts, "an attempt")

        def announced() -> bool:
            fallback.look()
            return bool(recorder.sent)

        eventually(announced, "the fallback is told")
    assert "1 notification could not be delivered to on-call/log/0: no such channel" in {
        each.group.alerts[0].summary for each in recorder.sent
    }


def test_one_that_is_new_in_a_reload_has_its_time(
    tmp_path: Path, pipeline: Pipeline, passes: Passes, watched: Store, on_call: Recorder
) -> None:
    """And pages after it, though it never came."""
    passes(600)
    more = WATCHED + "- {matchers: ['alertname=\"Other\"'], within: 2m, receiver: on-call}\n"
    pipeline.running = Running(configuration(tmp_path, more), pipeline.running.actions)
    passes(118)
    key = pipeline.configuration.file.watchdogs[1].key
    assert watched.watchdogs.standing([key])[key].silent_since is None
    passes(6)
    assert watched.watchdogs.standing([key])[key].silent_since is not None


def test_without_any_nothing_is_written(tmp_path: Path, watched: Store, clock: Clock, engine: Engine) -> None:
    """Who expects nothing does not listen."""
    Watchman(lambda: configuration(tmp_path), watched, clock).look()
    assert not watched.watchdogs.any()
