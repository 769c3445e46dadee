"""Each benchmark, in the smallest: it runs, and ends with the line that is read by machines."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.far_sides import alertmanager, prometheus
from tests.service import ROOT

OPTIONS = {
    "acceptance": ["--seconds=0.3"],
    "latency": ["--count=2"],
    "storm": ["--groups=20", "--alerts=3"],
    "stored": ["--groups=20", "--few=10", "--many=100"],
    "enrichment": ["--pods=20"],
    "routing": ["--alerts=10", "--routes=4"],
}


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """All of them at once, for they mostly wait and nobody reads their times."""
    prometheus.require()
    alertmanager.require()
    with ExitStack() as stack:
        started = {}
        for name, options in OPTIONS.items():
            command = [sys.executable, "-m", f"benchmarks.{name}", "--repeats=1", *options]
            started[name] = stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            )
        yield started


def figures(run: subprocess.Popen[str]) -> dict[str, Any]:
    """Waits for a benchmark's end and returns its last line."""
    told, complaints = run.communicate(timeout=60)
    assert 0 == run.returncode, complaints
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def ratio(found: dict[str, Any]) -> float:
    """Returns how many times as much as the named other."""
    return float(found["ratio"]["median"])


def test_acceptance(runs: dict[str, subprocess.Popen[str]]) -> None:
    """Webhooks are taken by the service and by the bare Flask."""
    found = figures(runs["acceptance"])
    assert 0 == found["refused"]
    assert ratio(found) > 0


def test_latency(runs: dict[str, subprocess.Popen[str]]) -> None:
    """Each alert comes with its reading."""
    found = figures(runs["latency"])
    assert "2 of 2" == found["with_readings"]
    assert ratio(found) > 0


def test_storm(runs: dict[str, subprocess.Popen[str]]) -> None:
    """Every group's event comes, from the service and from Alertmanager."""
    found = figures(runs["storm"])
    assert (0, 0) == (found["missing"], found["alertmanager_missing"])
    assert ratio(found) > 0


def test_stored(runs: dict[str, subprocess.Popen[str]]) -> None:
    """Rows of the present tables are filled in, and the service delivers beside them."""
    found = figures(runs["stored"])
    assert 0 == found["missing"]
    assert ratio(found) > 0


def test_enrichment(runs: dict[str, subprocess.Popen[str]]) -> None:
    """Each of the pods is found, together and as events, with its own value."""
    found = figures(runs["enrichment"])
    assert (0, 0) == (found["wrong"], found["wrong_of_events"])
    assert 0 < found["queries_of_one_event"] <= 40
    assert min(found["queries_of_events"]) > 0
    assert ratio(found) > 0


def test_routing(runs: dict[str, subprocess.Popen[str]]) -> None:
    """Each of the trees is walked."""
    assert {"by value", "by pattern", "by pattern of pods"} == set(figures(runs["routing"])["seconds"])
