"""What an operator's machines ask for: /healthz, /readyz and /metrics."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

import telemetry
from alerts.notification import SendError
from pipeline import Pipeline
from tests.deliveries import add, add_destination
from tests.far_sides.process import require
from tests.pipeline.parts import TEAM, Failing, Recorder, body
from tests.samples import SEED, notification, webhook, wire_alert
from tests.service import ROOT, Service, eventually
from web.status import VERSION

Metrics = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(exposition: str) -> Metrics:
    """The samples, by name and labels; each family has a help text, and no sample comes twice."""
    samples: Metrics = {}
    for family in text_string_to_metric_families(exposition):
        assert family.documentation, family
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return samples


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """One sample; 0 where there is none."""
    return metrics.get((f"alert_manager_{name}", tuple(sorted(labels.items()))), 0.0)


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service, whose counts nobody else changes."""
    with Service(tmp_path_factory.mktemp("counting"), config_yaml=TEAM) as running:
        yield running


def fresh(service: Service, path: str = "/metrics") -> str:
    """Asks on a connection of its own, which either of the workers may take."""
    service.session.close()
    response = service.get(path)
    assert 200 == response.status_code
    return response.text


def test_is_healthy_while_its_threads_run(client: FlaskClient, pipeline: Pipeline) -> None:
    """Before they begin and after they have ended the process is of no use, and says so, to both who ask."""
    expected = {"status": "error", "error": "the pipeline's threads have ended"}

    def asked() -> list[tuple[int, object]]:
        return [(response.status_code, response.json) for response in map(client.get, ("/healthz", "/readyz"))]

    assert [(503, expected)] * 2 == asked()
    pipeline.start()
    assert [(200, {"status": "ok"})] * 2 == asked()
    pipeline.stop(5)
    assert [(503, expected)] * 2 == asked()


def test_is_not_ready_while_the_storage_fails(
    client: FlaskClient, running: Pipeline, failing: Failing, engine: Engine
) -> None:
    """Ready is who can keep an alert; healthy is who would not be helped by a restart."""
    failing.failures["probe"] = 1
    response = client.get("/readyz")
    expected = {"status": "error", "error": "the storage cannot be written: the disk is away"}
    assert (503, expected) == (response.status_code, response.json)
    assert 200 == client.get("/readyz").status_code
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE probes"))
    response = client.get("/readyz")
    assert 503 == response.status_code
    assert re.search(r"no such table: probes|relation .probes. does not exist", (response.json or {})["error"])
    assert 200 == client.get("/healthz").status_code


def test_tells_what_waits(client: FlaskClient, pipeline: Pipeline) -> None:
    """The backlog and its age are of the whole storage, and zero when nothing waits."""
    metrics = parsed(client.get("/metrics").text)
    names = ("storage_up", "events_pending", "oldest_pending_seconds")
    assert [1, 0, 0] == [value(metrics, name) for name in names]
    client.post("/alert", data=SEED)
    client.post("/alert", data=SEED)
    metrics = parsed(client.get("/metrics").text)
    assert [1, 2] == [value(metrics, name) for name in names[:2]]
    assert 0 < value(metrics, "oldest_pending_seconds") < 5


def test_tells_how_each_destination_stands(client: FlaskClient, engine: Engine) -> None:
    """What waits for it, since when, what it was never told, and whether it is paused; configured ones in any case."""
    now = datetime.now(UTC)
    add_destination(engine, "other/log/0", failures=3, failing_since=now, paused_until=now + timedelta(seconds=60))
    for state, minutes in (("pending", 1), ("retrying", 10), ("retrying", 5), ("dead", 60), ("delivered", 90)):
        received_at = now - timedelta(minutes=minutes)
        add(engine, state, notification("group", "other"), received_at=received_at, untold=int(state == "dead"))
    metrics = parsed(client.get("/metrics").text)
    paused = value(metrics, "destination_paused_seconds", destination="other/log/0")
    ages = [
        value(metrics, "deliveries_oldest_pending_seconds", destination="other/log/0"),
        value(metrics, "oldest_pending_seconds"),
    ]
    assert 50 < paused <= 60
    assert [True, True] == [600 <= age < 610 for age in ages]
    names = ("deliveries_pending", "deliveries_retrying", "deliveries_untold", "destination_failing")
    assert [3, 2, 1, 1] == [value(metrics, name, destination="other/log/0") for name in names]
    key = (("destination", "team/log/0"),)
    quiet = (*names, "deliveries_oldest_pending_seconds", "destination_paused_seconds")
    assert [0] * 6 == [metrics[f"alert_manager_{name}", key] for name in quiet]


def test_every_metric_is_documented(counting: Service) -> None:
    """The table has each with its labels, and none that there is not."""
    counting.post(SEED, "?wait=5s")
    counting.post(b"nonsense")
    families = text_string_to_metric_families(fresh(counting))
    told = {family.name: {label for each in family.samples for label in each.labels} for family in families}
    # Nobody clicks here, there is no data source and no rule; the tests of these count them.
    told["alert_manager_slack_clicks"] = {"outcome"}
    told["alert_manager_enrichment_questions"] = {"source", "outcome"}
    told["alert_manager_enrichment_question_seconds"] = {"source"}
    told["alert_manager_remediations"] = {"rule", "verb", "result"}
    # Nor is anything expected, and nobody outside is called; tests/web/test_watching.py has these.
    told["alert_manager_watchdog_silent"] = {"watchdog", "receiver"}
    told["alert_manager_heartbeat_last_success_timestamp_seconds"] = set()
    rows = re.findall(
        r"^\| `(alert_manager_\w+)` \| ([^|]*)\|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE
    )
    documented = {name.removesuffix("_total"): set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert {name: labels - {"le"} for name, labels in told.items()} == documented


def test_tells_what_was_not_told(client: FlaskClient, running: Pipeline, recorder: Recorder) -> None:
    """Deliveries that died, by their destination."""
    recorder.failures.append(SendError("gone", permanent=True))
    client.post("/alert?wait=5s", data=SEED)
    assert 1 == value(parsed(client.get("/metrics").text), "deliveries_untold", destination="team/log/0")


def test_tells_that_the_storage_fails(client: FlaskClient, failing: Failing) -> None:
    """The metrics are there all the same, without those that the storage would have to tell."""
    failing.failures["waiting_events"] = 1
    response = client.get("/metrics")
    metrics = parsed(response.text)
    assert (200, 0.0) == (response.status_code, metrics["alert_manager_storage_up", ()])
    assert ("alert_manager_events_pending", ()) not in metrics


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Service]:
    """A service to which nothing happened yet: that something was rejected before would be told at any time."""
    with Service(tmp_path, config_yaml=TEAM) as running:
        yield running


def test_counts_over_all_workers(counted: Service) -> None:
    """Whichever worker took, planned or delivered an alert, each of them tells the same whole."""
    before = parsed(fresh(counted))
    both = wire_alert("A", pod="a"), wire_alert("B", "resolved", pod="b")
    mixed = [body(webhook(*both, group_key=f"mixed {number}")) for number in range(10)]
    bodies = [*mixed, *(body(wire_alert("C", pod="c", number=str(number))) for number in range(10))]

    def post(each: bytes) -> int:
        return counted.session.post(f"{counted.url}/alert", data=each, headers={"Connection": "close"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert [200] * 20 == list(pool.map(post, bodies))

    def settled() -> Metrics | None:
        metrics = parsed(fresh(counted))
        delivered = value(metrics, "deliveries_total", receiver="team", action="log", outcome="delivered")
        # What waits is asked before what was counted is read: more may have been delivered in between.
        waits = value(metrics, "events_pending") or value(metrics, "deliveries_pending", **team)
        return metrics if delivered == 20 + already and not waits else None

    team = {"destination": "team/log/0"}
    already = value(before, "deliveries_total", receiver="team", action="log", outcome="delivered")
    after = eventually(settled, "all deliveries")
    assert after is not None
    grown = {
        "firing": ("alerts_received_total", {"status": "firing"}, 20),
        "resolved": ("alerts_received_total", {"status": "resolved"}, 10),
        "accepted": ("events_total", {"outcome": "accepted"}, 20),
        "planned": ("events_total", {"outcome": "planned"}, 20),
        "acceptance": ("acceptance_seconds_count", {}, 20),
        "delivered": ("webhook_to_delivered_seconds_count", {"receiver": "team", "action": "log"}, 20),
        "gaps": ("enrichment_gaps_total", {"enricher": "cpu"}, 30),
    }
    assert {name: expected for name, (_, _, expected) in grown.items()} == {
        name: value(after, metric, **labels) - value(before, metric, **labels)
        for name, (metric, labels, _) in grown.items()
    }
    assert value(after, "enrichment_seconds_count") > value(before, "enrichment_seconds_count")
    assert 0 < value(after, "webhook_to_delivered_seconds_sum", receiver="team", action="log") < 20 * 5
    assert value(after, "acceptance_seconds_bucket", le="+Inf") == value(after, "acceptance_seconds_count")
    assert [0, 0] == [value(after, "events_pending"), value(after, "deliveries_pending", **team)]
    assert [400] * 3 == [post(b"nonsense") for _ in range(3)]
    rejected = value(parsed(fresh(counted)), "events_total", outcome="rejected")
    assert 3 == rejected - value(before, "events_total", outcome="rejected")
    counts = [key for key in after if key[0].endswith(("_total", "_count"))]

    def same_from_each() -> bool:
        # That some were rejected is told a little later, and counted as a delivery then.
        first, *others = (parsed(fresh(counted)) for _ in range(7))
        return all({key: first[key] for key in counts} == {key: each[key] for key in counts} for each in others)

    eventually(same_from_each, "each worker to tell the same", 10)


def test_counts_are_kept_when_a_worker_ends(counting: Service) -> None:
    """What an ended worker counted still counts, and its successor counts on."""
    counting.post(SEED)
    accepted = value(parsed(fresh(counting)), "events_total", outcome="accepted")
    old = counting.worker_pids
    os.kill(old[0], signal.SIGTERM)
    os.kill(old[1], signal.SIGKILL)
    eventually(lambda: len(set(counting.worker_pids) - set(old)) == 2, "two new workers", 10)
    counting.session.close()
    for number in range(1, 4):
        assert 200 == counting.post(SEED).status_code
        assert accepted + number == value(parsed(fresh(counting)), "events_total", outcome="accepted")


def test_metrics_are_as_prometheus_wants_them(counting: Service) -> None:
    """Prometheus' own linter has nothing to say, and all of the service's metrics begin with its name."""
    counting.post(SEED, "?wait=5s")
    counting.post(b"nonsense")
    response = counting.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert {"alert_manager"} == {"_".join(name.split("_")[:2]) for name, _ in parsed(response.text)}
    require("promtool")
    promtool = str(shutil.which("promtool"))
    checked = subprocess.run([promtool, "check", "metrics"], input=response.content, capture_output=True, timeout=30)
    assert (0, b"", b"") == (checked.returncode, checked.stdout, checked.stderr)


def test_no_label_of_a_metric_is_a_secret_or_a_strangers(counting: Service) -> None:
    """Labels come from the configuration and from a few words, never from what alerts say."""
    counting.post(body(wire_alert("s3cret", severity="s3cret", receiver="s3cret")), "?wait=5s")
    assert "s3cret" not in counting.get("/metrics").text


def test_an_attempt_that_failed_counts(client: FlaskClient, running: Pipeline, recorder: Recorder) -> None:
    """Each outcome of each receiver and action has a count of its own."""
    recorder.failures.append(RuntimeError("boom"))

    def count() -> float:
        metrics = parsed(client.get("/metrics").text)
        return value(metrics, "deliveries_total", receiver="team", action="log", outcome="retrying")

    attempts = telemetry.ATTEMPTS.labels("team", "log")
    before, attempts_before = count(), attempts._value.get()
    client.post("/alert?wait=5s", data=SEED)
    assert before < count()
    assert attempts_before < attempts._value.get()


def test_what_may_come_is_there_at_nought(client: FlaskClient) -> None:
    """Before anything has happened: else nobody would see the first of it."""
    metrics = parsed(client.get("/metrics").text)
    team = {"receiver": "team", "action": "log"}
    expected = [
        ("events_total", {"outcome": "dead"}),
        ("deliveries_total", {**team, "outcome": "dead"}),
        ("delivery_warnings_total", team),
        ("config_reloads_total", {"outcome": "bad"}),
    ]
    keys = [(f"alert_manager_{name}", tuple(sorted(labels.items()))) for name, labels in expected]
    assert [] == [key for key in keys if key not in metrics]


def test_tells_when_it_heard_last_and_what_fires(client: FlaskClient, running: Pipeline) -> None:
    """The last payload, and alerts by their severity in our words."""
    assert 0 == value(parsed(client.get("/metrics").text), "last_webhook_timestamp_seconds")
    before = datetime.now(UTC).timestamp()
    client.post("/alert?wait=5s", data=body(webhook(wire_alert("A", severity="P1"), wire_alert("B", severity="odd"))))
    metrics = parsed(client.get("/metrics").text)
    assert before <= value(metrics, "last_webhook_timestamp_seconds") <= datetime.now(UTC).timestamp()
    told = [value(metrics, "alerts_firing", severity=each) for each in ("critical", "error", "warning", "info")]
    assert [1, 1, 0, 0] == told
    assert 0 < value(metrics, "storage_probe_seconds") < 5
    assert value(metrics, "storage_size_bytes") > 10_000
    sends = value(metrics, "send_seconds_count", receiver="team", action="log")
    assert sends == value(metrics, "delivery_attempts_total", receiver="team", action="log") > 0


def test_tells_what_is_known_without_the_storage(client: FlaskClient, failing: Failing) -> None:
    """Which version runs is to be seen above all when it does not work."""
    failing.failures["probe"] = 1
    metrics = parsed(client.get("/metrics").text)
    (build,) = (dict(labels) for name, labels in metrics if name == "alert_manager_build_info")
    assert {"version", "python", "storage"} == build.keys()
    assert (VERSION, failing.kind) == (build["version"], build["storage"])
    assert value(metrics, "config_hash") > 0


def test_tells_which_processes_and_threads_live(counted: Service) -> None:
    """Of both workers; one that was killed counts as begun once more, and is not among those that live."""
    first = parsed(fresh(counted))
    threads = {labels[0][1] for name, labels in first if name == "alert_manager_thread_running"}
    assert {"planner", "deliverer", "outcomes", "fallback", "tidy", "release", "remedies", "reloader"} <= threads
    assert [1.0] * len(threads) == [value(first, "thread_running", thread=each) for each in threads]
    assert [2, 2] == [value(first, "worker_processes"), value(first, "worker_starts_total")]
    os.kill(counted.worker_pids[0], signal.SIGKILL)
    eventually(lambda: value(parsed(fresh(counted)), "worker_starts_total") == 3, "another", 15)
    eventually(lambda: value(parsed(fresh(counted)), "worker_processes") == 2, "two that live", 15)
    assert 1 == value(parsed(fresh(counted)), "thread_running", thread="planner")


def test_tells_that_a_thread_has_ended(client: FlaskClient, pipeline: Pipeline) -> None:
    """As it ends, by whatever: what it did is not done any more."""
    pipeline.start()
    running = [
        value(parsed(client.get("/metrics").text), "thread_running", thread=each) for each in ("tidy", "outcomes")
    ]
    pipeline.stop(5)
    ended = [value(parsed(client.get("/metrics").text), "thread_running", thread=each) for each in ("tidy", "outcomes")]
    assert ([1, 1], [0, 0]) == (running, ended)
