"""What is counted by names of the configuration."""

import time
from concurrent.futures import Future
from pathlib import Path

from prometheus_client import REGISTRY

from alerts.findings import Finding, Gap, Reading
from pipeline import Running, begin_counts
from pipeline.counts import asked
from pipeline.lookups import Batch, Lookups
from tests.pipeline.parts import Recorder, configuration
from tests.samples import NOW


def count(name: str, **labels: str) -> float | None:
    """What a metric is; None where it is not there."""
    return REGISTRY.get_sample_value(f"alert_manager_{name}", labels)


def test_what_is_found_counts_beside_what_is_not(tmp_path: Path) -> None:
    """Of each enricher, over all alerts that were looked up together."""
    running = Running(configuration(tmp_path), {"team/log/0": Recorder()})
    found: list[tuple[Finding, ...]] = [
        (Reading("seen", "seen", 1.0, "cores", NOW, "up"), Gap("unseen", "unseen", "no data")),
        (Reading("seen", "seen", 2.0, "cores", NOW, "up"), Gap("seen", "seen", "no data")),
    ]
    run: Future[list[tuple[Finding, ...]]] = Future()
    run.set_result(found)
    now = time.monotonic()
    lookups = Lookups(1)
    assert found == lookups.found(Batch(running, [], 2, True, now, now + 5, run))
    lookups.stop()
    counts = [
        count(f"enrichment_{kind}_total", enricher=name) for kind in ("readings", "gaps") for name in ("seen", "unseen")
    ]
    assert [2, None, 1, 1] == counts


def test_questions_that_were_not_asked_took_no_time() -> None:
    """They are counted, and are in no histogram."""
    for outcome in ("answered", "failed", "left_alone"):
        asked("Prometheus moon", outcome, 0.5)
    counts = [
        count("enrichment_questions_total", source="Prometheus moon", outcome=each)
        for each in ("answered", "left_alone")
    ]
    assert [1, 1, 2] == [*counts, count("enrichment_question_seconds_count", source="Prometheus moon")]


def test_a_configurations_names_are_there_at_nought(tmp_path: Path) -> None:
    """Before anything is told; once more changes nothing."""
    yaml = """
route: {receiver: moon}
receivers:
- name: moon
  log_configs: [{}]
"""
    running = Running(configuration(tmp_path, yaml), {"moon/log/0": Recorder()})
    labels = {"receiver": "moon", "action": "log", "outcome": "dead"}
    assert count("deliveries_total", **labels) is None
    begin_counts(running)
    begin_counts(running)
    assert 0 == count("deliveries_total", **labels)
