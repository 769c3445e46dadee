"""Watchdogs and the heartbeat, on `/status` and among the metrics."""

import html
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from outbox.listening import Listening
from outbox.store import Store
from outbox.watchdogs import Watch, Watchdogs
from pipeline import Pipeline
from tests.pipeline.parts import TEAM, Failing, Recorder, application, make_pipeline
from tests.samples import NOW

TOKEN = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"
SILENT = 'alert_manager_watchdog_silent{receiver="team",watchdog="alertname=\\"Watchdog\\""}'


@pytest.fixture
def pipeline(tmp_path: Path, failing: Failing, recorder: Recorder) -> Pipeline:
    """One that expects something, and calls somebody."""
    yaml = (
        f"{TEAM}watchdogs: [{{matchers: ['alertname=\"Watchdog\"'], within: 1m, receiver: team}}]\n"
        f"heartbeat: {{url: 'https://switch.example/{TOKEN}'}}\n"
    )
    return make_pipeline(tmp_path, failing, {"team/log/0": recorder}, yaml)


def words(client: FlaskClient) -> str:
    """What a reader sees of the page."""
    response = client.get("/status")
    assert 200 == response.status_code
    assert TOKEN not in response.text
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.text.partition("<body>")[2])).split())


def test_shows_what_never_came(client: FlaskClient) -> None:
    """Before anybody looked, too."""
    assert 'watchdog alertname="Watchdog" : never came; team is told after 60 s' in words(client)
    assert "heartbeat never taken yet" in words(client)
    metrics = client.get("/metrics").text
    assert f"{SILENT} 0.0" in metrics
    assert "alert_manager_heartbeat_last_success_timestamp_seconds 0.0" in metrics


def test_shows_what_is_silent_and_why_nobody_is_called(client: FlaskClient, pipeline: Pipeline, store: Store) -> None:
    """When it came last, since when it is said to be silent, and the reason."""
    (expected,) = pipeline.configuration.file.watchdogs
    lived = iter(range(0, 200, 6))
    watchdogs = Watchdogs(store._reading, store._writer, Listening(lambda: float(next(lived))))
    watchdogs.look([Watch(expected.key, expected.name, 60)], NOW)
    store.accept(b"{}", NOW, heard=[expected.key])
    for _ in range(15):
        watchdogs.look([Watch(expected.key, expected.name, 60)], NOW)
    store.heartbeats.settle(NOW)
    store.heartbeats.settle(NOW, "heartbeat: status 404")
    seen = words(client)
    assert "silent since 2026-03-02 07:30:" in seen
    assert "came last 2026-03-02 07:31:57 UTC ; team is told after 60 s" in seen
    assert (
        "heartbeat not sent (heartbeat: status 404, 2026-03-02 07:31:57 UTC ), taken last 2026-03-02 07:31:57" in seen
    )
    document = client.get("/api/v1/status").json or {}
    assert [True] == [each["silent"] for each in document["watchdogs"]]
    assert "heartbeat: status 404" == document["heartbeat"]["problem"]
    metrics = client.get("/metrics").text
    assert f"{SILENT} 1.0" in metrics
    (succeeded,) = re.findall(r"^alert_manager_heartbeat_last_success_timestamp_seconds (\S+)$", metrics, re.MULTILINE)
    assert NOW.timestamp() == float(succeeded)


def test_says_when_it_is_not_known(client: FlaskClient, failing: Failing) -> None:
    """The page is there all the same."""
    failing.failures["watchdogs"] = 1
    assert "watchdogs unknown: the disk is away" in words(client)


def test_without_any_there_is_no_word_of_it(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """Neither on the page nor among the metrics."""
    client = application(make_pipeline(tmp_path, store, {"team/log/0": recorder})).test_client()
    assert "watchdog" not in words(client)
    assert "heartbeat" not in words(client)
    assert "watchdog" not in client.get("/metrics").text
