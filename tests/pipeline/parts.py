"""What a pipeline is made of in tests: real configuration and storage; a clock, actions and enrichers to hold."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine

import enrich
from actions import Action
from alerts.findings import Finding, Gap
from alerts.model import Alert
from alerts.notification import Notification, Preview, Receipt, Thread
from building import configure
from config.schema import Configuration
from enrich._base import Answers
from enrich._vector import Sample, Vector
from outbound import Http
from outbox.database import StoreError
from outbox.queue import Queue
from outbox.records import DeliveryStatus
from outbox.store import Store
from outbox.writer import Writer
from pipeline import Pictures, Pipeline, Reloader, Running, Sources
from pipeline.reload import first
from pipeline.service import utc_now
from tests.samples import NOW
from tests.service import eventually
from web import create_web

TEAM = """
route: {receiver: team}
receivers: [{name: team, log_configs: [{}]}]
"""


def configuration(folder: Path, yaml: str = TEAM) -> Configuration:
    """Loads a configuration as the service does."""
    path = folder / "config.yaml"
    path.write_text(yaml)
    return configure({}, path)


class Clock:
    """A clock that the test moves on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Returns what it shows."""
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Moves it on."""
        self.now += timedelta(seconds=seconds)


class Recorder:
    """An action that remembers what it was to send, and fails as told: each element once, then never again."""

    def __init__(self, *failures: BaseException) -> None:
        self.sent: list[Notification] = []
        self.attempts: list[Notification] = []
        self.threads: list[Thread] = []
        self.failures = list(failures)
        self._lock = threading.Lock()

    def preview(self, notification: Notification) -> Preview:
        """Says which alerts it is about."""
        return Preview([alert.name for alert in notification.group.alerts])

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends to the list."""
        with self._lock:
            self.attempts.append(notification)
            self.threads.append(thread)
            if self.failures:
                raise self.failures.pop(0)
            self.sent.append(notification)
            return Receipt("sent", Thread(key="key"))

    def names(self) -> list[str]:
        """The names of the alerts that were sent, in order."""
        return [alert.name for each in self.sent for alert in each.group.alerts]


class Held:
    """An action whose sends last until the test lets them end."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.sent = 0

    def preview(self, notification: Notification) -> Preview:
        """Says which alerts it is about."""
        return Preview([alert.name for alert in notification.group.alerts])

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Waits, then sends."""
        self.begun.release()
        assert self.may_end.wait(10)
        self.sent += 1
        return Receipt("sent", thread)


class Enricher:
    """An enricher that asks one question and finds one gap, or does as it is told instead."""

    name = "load"
    title = "load"

    def __init__(
        self,
        questions: Callable[[], Mapping[str, str]] = lambda: {"load": "node_load1"},
        read: Callable[[Alert], tuple[Finding, ...]] = lambda alert: (Gap("load", "load", f"of {alert.name}"),),
    ) -> None:
        self._questions = questions
        self._read = read

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Asks."""
        return self._questions()

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """Finds something of each alert."""
        assert isinstance(answers["load"], Vector)
        return self._read(alert)


class Prometheus(enrich.Prometheus):
    """A Prometheus that answers at once, or does as it is told."""

    def __init__(self, answer: Callable[[], Any] = lambda: None) -> None:
        super().__init__("http://prometheus.example", Http())
        self.asked: list[str] = []
        self._answer = answer

    def query(
        self,
        promql: str,
        at: datetime,
        deadline_seconds: float,
        *,
        earliest: datetime | None = None,
        foreign: bool = False,
    ) -> Vector:
        """Answers."""
        self.asked.append(promql)
        self._answer()
        return Vector([Sample({}, 1.0)])


class Failing(Store):
    """A store whose methods, and its queue's, raise StoreError as often as `failures` says, by their names."""

    def __init__(self, store: Store) -> None:
        self.failures: dict[str, int] = defaultdict(int)
        super().__init__(store._engine, store.owner)
        self.queue = FailingQueue(self._engine, self._writer, self.owner, self.failures)

    def __getattribute__(self, name: str) -> Any:
        """Fails instead of a method, and counts down."""
        if not name.startswith("_") and name != "failures":
            _fail(self.failures, name)
        return super().__getattribute__(name)


class FailingQueue(Queue):
    """The queue of a failing store."""

    def __init__(self, engine: Engine, writer: Writer, owner: str, failures: dict[str, int]) -> None:
        super().__init__(engine, writer, owner)
        self._failures = failures

    def __getattribute__(self, name: str) -> Any:
        """Fails instead of a method, and counts down."""
        if not name.startswith("_"):
            _fail(self._failures, name)
        return super().__getattribute__(name)


def _fail(failures: dict[str, int], name: str) -> None:
    if failures[name] > 0:
        failures[name] -= 1
        raise StoreError("the disk is away")


def make_pipeline(
    folder: Path,
    store: Store,
    actions: Mapping[str, Action],
    yaml: str = TEAM,
    *,
    enrichers: Sequence[enrich.Enricher] = (),
    prometheus: enrich.Prometheus | None = None,
    clock: Callable[[], datetime] = utc_now,
    pictures: Pictures | None = None,
) -> Pipeline:
    """Makes a pipeline that is not started."""
    sources = Sources(enrichers, [prometheus] if prometheus else [])
    running = Running(configuration(folder, yaml), actions, sources, pictures or Pictures())
    return Pipeline(running, store, clock)


def application(pipeline: Pipeline, slack_hooks: Sequence[str] = ()) -> Flask:
    """Returns the WSGI application before a pipeline, which a reload leaves its actions."""
    path = pipeline.configuration.files[0]
    load = partial(configure, {}, path)

    def take(configuration: Configuration) -> None:
        pipeline.running = Running(configuration, pipeline.running.actions, pipeline.running.sources)

    reloader = Reloader(first(load, utc_now()), load, take)
    web = create_web(pipeline, reloader, slack_hooks)
    web.extensions["access"].listens_at([("127.0.0.1", 8080)])
    web.extensions["reloader"] = reloader
    return web


def body(*payload: Any) -> bytes:
    """Returns the body of one or more payloads that follow each other in a list, or of the webhook given."""
    return json.dumps(payload[0] if len(payload) == 1 else list(payload)).encode()


@contextmanager
def started(pipeline: Pipeline) -> Iterator[Pipeline]:
    """Runs a pipeline for the length of a block."""
    pipeline.start()
    try:
        yield pipeline
    finally:
        pipeline.stop(5)


def deliveries_of(store: Store, event_id: int) -> tuple[DeliveryStatus, ...]:
    """Returns where each delivery of an event stands."""
    status = store.event(event_id)
    assert status is not None
    return status.deliveries


def dead(pipeline: Pipeline, event_id: int) -> bool:
    """Waits until an event is at its end, and returns whether it is dead (which may have been announced since)."""

    def look() -> str:
        status = pipeline.store.event(event_id)
        return status.state if status is not None and status.state != "accepted" else ""

    return eventually(look, f"event {event_id} at its end") == "dead"


def settled(pipeline: Pipeline, event_id: int, timeout_seconds: float = 5.0) -> list[str]:
    """Waits until each delivery of an event is at its end, and returns what became of each."""

    def look() -> list[str]:
        status = pipeline.store.event(event_id)
        assert status is not None
        words = [each.word for each in status.deliveries]
        ended = status.state != "accepted" and not {"pending", "retrying"} & set(words)
        return words or [status.state] if ended else []

    return eventually(look, f"all deliveries of event {event_id} at their end", timeout_seconds)
