"""The WSGI application over a real store, with one receiver, "team", whose action the test holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from outbox.store import Store
from pipeline import Pipeline
from tests.far_sides.http_server import HttpServer
from tests.pipeline.parts import TEAM, Failing, Recorder, application, make_pipeline, started


@pytest.fixture
def recorder() -> Recorder:
    """The action of the receiver "team"."""
    return Recorder()


@pytest.fixture
def failing(store: Store) -> Failing:
    """The store, which fails when it is told to."""
    return Failing(store)


@pytest.fixture
def pipeline(tmp_path: Path, failing: Failing, recorder: Recorder) -> Pipeline:
    """The pipeline behind the client, not started."""
    return make_pipeline(tmp_path, failing, {"team/log/0": recorder}, f"web: {{max_body: 64KiB}}\n{TEAM}")


@pytest.fixture
def running(pipeline: Pipeline) -> Iterator[Pipeline]:
    """The pipeline behind the client, for tests in which it is to run."""
    with started(pipeline):
        yield pipeline


@pytest.fixture
def client(pipeline: Pipeline) -> FlaskClient:
    """Asks the application."""
    return application(pipeline).test_client()


@pytest.fixture
def hooks() -> Iterator[HttpServer]:
    """Where Slack takes answers to clicks."""
    with HttpServer() as server:
        yield server
