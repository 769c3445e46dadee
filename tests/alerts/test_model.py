"""Alert and AlertGroup, and the fingerprint that has to be Prometheus' own."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from alerts.model import Alert, AlertGroup, Status, common, fingerprint
from alerts.payload import parse
from tests.far_sides import alertmanager

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

ODD_LABELS = (
    {"alertname": "Plain", "severity": "critical"},
    {"alertname": "Ünïcödé 火 🔥", "pod": "a\u0301"},
    {"alertname": "Whitespace", "a": " ", "b": "\t", "c": "\n", "d": "x\ry"},
    {"alertname": "Special", "a": '"', "b": "\\", "c": "{}=,!~", "d": "\x00\x7f"},
    {"alertname": "Case", "B": "1", "a": "2", "_": "3", "A": "4", "a1": "5", "aB": "6"},
    {"z": "no name"},
    {"alertname": "Empty", "empty": ""},
    {"alertname": "Long", "x": "0123456789" * 1_000},
)


def alert(status: Status = "firing", **labels: str) -> Alert:
    """Returns an alert with these labels."""
    ends_at = None if status == "firing" else NOON
    return Alert(labels, {}, status, NOON, ends_at, "", fingerprint(labels))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, 14695981039346656037),
        ({"name": "garland, briggs", "fear": "love is not enough"}, 5799056148416392346),
        ({"first-label": "first-label-value"}, 5146282821936882169),
        ({"first-label": "first-label-value", "second-label": "second-label-value"}, 3195800080984914717),
        (
            {
                "third-label": "third-label-value",
                "first-label": "first-label-value",
                "second-label": "second-label-value",
            },
            13843036195897128121,
        ),
    ],
    ids=["none", "garland", "single", "double", "triple"],
)
def test_fingerprint_is_that_of_prometheus(labels: dict[str, str], expected: int) -> None:
    """The values are those of https://github.com/prometheus/common/blob/main/model/signature_test.go."""
    assert f"{expected:016x}" == fingerprint(labels)


def test_fingerprint_has_sixteen_digits() -> None:
    """Leading zeros stay, as Go's %016x writes them."""
    # Found by trying; its hash begins with two zeros.
    found = next(each for each in (fingerprint({"n": str(n)}) for n in range(10_000)) if each.startswith("00"))

    assert 16 == len(found)


def test_fingerprint_keeps_names_and_values_apart() -> None:
    """What moves from a name to its value, or to the next pair, makes another alert."""
    assert 3 == len({fingerprint({"ab": "c"}), fingerprint({"a": "bc"}), fingerprint({"a": "b", "c": ""})})


def test_fingerprint_is_that_of_a_real_alertmanager(tmp_path: Path) -> None:
    """An Alertmanager that is given odd labels names the same fingerprints."""
    with alertmanager.Alertmanager(tmp_path, config_yaml="route: {receiver: a}\nreceivers: [{name: a}]") as server:
        server.post_alerts([{"labels": labels} for labels in ODD_LABELS])
        answer = requests.get(f"{server.url}/api/v2/alerts", timeout=5)
    told: list[dict[str, Any]] = answer.json()

    assert [each["fingerprint"] for each in told] == [fingerprint(each["labels"]) for each in told]
    bodies = [json.dumps({"labels": labels}).encode() for labels in ODD_LABELS]
    ours = [alert.fingerprint for body in bodies for group in parse(body, NOON) for alert in group.alerts]
    assert sorted(each["fingerprint"] for each in told) == sorted(ours)


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ([], {}),
        ([{"a": "1", "b": "2"}], {"a": "1", "b": "2"}),
        ([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}, {"a": "1", "c": "4"}], {"a": "1"}),
        ([{"a": ""}, {}], {}),
    ],
    ids=["of nothing", "of one", "of three", "an empty value is not a missing one"],
)
def test_common_is_what_all_share(mappings: list[dict[str, str]], expected: dict[str, str]) -> None:
    """Only a pair that each of them has is common."""
    assert expected == common(mappings)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("firing",), "firing"),
        (("resolved", "firing"), "firing"),
        (("resolved", "resolved"), "resolved"),
    ],
    ids=["one fires", "one of two fires", "none fires"],
)
def test_group_fires_while_any_alert_does(statuses: tuple[Status, ...], expected: Status) -> None:
    """A group's status is that of its alerts."""
    assert expected == AlertGroup("g", tuple(map(alert, statuses))).status


def test_group_splits_its_alerts_in_order() -> None:
    """Firing and resolved alerts each keep the payload's order."""
    alerts = (alert("firing", n="1"), alert("resolved", n="2"), alert("firing", n="3"), alert("resolved", n="4"))
    group = AlertGroup("g", alerts)

    assert (alerts[0], alerts[2]) == group.firing
    assert (alerts[1], alerts[3]) == group.resolved


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"summary": "s", "description": "d"}, "s"),
        ({"summary": "", "description": "d"}, "d"),
        ({}, ""),
    ],
    ids=["summary", "description", "neither"],
)
def test_summary_falls_back(annotations: dict[str, str], expected: str) -> None:
    """An alert without a summary is told by its description."""
    assert expected == replace(alert(), annotations=annotations).summary


@pytest.mark.parametrize(
    ("labels", "expected"),
    [({"alertname": "Down"}, "Down"), ({"alertname": ""}, "alert"), ({}, "alert")],
    ids=["named", "empty", "missing"],
)
def test_name_falls_back(labels: dict[str, str], expected: str) -> None:
    """An alert without a name still has something to be called."""
    assert expected == alert("firing", **labels).name
