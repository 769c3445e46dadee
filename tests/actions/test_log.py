"""The log: one line a notification."""

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from actions.log import Action, Settings
from alerts.notification import Receipt, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.contract import ActionContract


class TestLogContract(ActionContract):
    """What every action holds."""

    kind = "log"


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """What is logged."""
    with capture_logs() as captured:
        yield captured


def test_writes_one_line(http: Http, lines: list[Any]) -> None:
    """The line has the state, the worst alert's words and what was found of it."""
    thread = Thread(key="x")
    assert Receipt("written to the log", thread) == Action(Settings(), http).send(notifications.seed(), thread, 1)
    expected = {
        "event": "[FIRING] KubePodCrashLooping",
        "log_level": "info",
        "severity": "critical",
        "summary": "Pod is crash looping.",
        "description": notifications.ANNOTATIONS["description"],
        "subject": "customer/customer-rs-transformer-9b75b488c-cpfd7",
        "firing": 1,
        "resolved": 0,
        "notes": "",
        "runbook_url": notifications.ANNOTATIONS["runbook_url"],
        "findings": {"CPU": "0.42 of 0.50 cores (84%), request 0.25 cores", "memory": "220 MiB of 256 MiB (86%)"},
    }
    assert [expected] == lines


def test_counts_a_mixed_group(http: Http, lines: list[Any]) -> None:
    """Of a group the alert that fires stands for all, with the gaps of its findings."""
    Action(Settings(), http).send(notifications.mixed(), Thread(), 1)
    (line,) = lines
    assert ("[FIRING] PodTrouble", "cart-2", 1, 1) == (
        line["event"],
        line["subject"],
        line["firing"],
        line["resolved"],
    )
    assert "Prometheus timed out after 2s" == line["findings"]["memory"]


def test_writes_notes(http: Http, lines: list[Any]) -> None:
    """What else a reader should know is a field of its own."""
    Action(Settings(), http).send(notifications.noted("still firing, 4h", "4th\ntime"), Thread(), 1)
    assert ["still firing, 4h; 4th time"] == [line["notes"] for line in lines]


def test_writes_a_digest_as_one_line(http: Http, lines: list[Any]) -> None:
    """Of a storm the counts are written, not the alerts."""
    Action(Settings(), http).send(notifications.storm(), Thread(), 1)
    expected = {
        "event": "[DIGEST] 4,812 alerts in 4,800 groups: 1,204 critical, 3,000 warning firing; 608 resolved",
        "log_level": "info",
        "severity": "critical",
        "firing": 4_204,
        "resolved": 608,
        "groups": 4_800,
        "notes": "",
        "page_url": notifications.DIGEST_PAGE,
    }
    assert [expected] == lines


def test_writes_that_a_destination_fails(http: Http, lines: list[Any]) -> None:
    """What was not told elsewhere is in the log."""
    told = notifications.delivery_failing()
    Action(Settings(), http).send(told, Thread(), 1)
    (line,) = lines
    annotations = told.group.alerts[0].annotations
    expected = ("[FIRING] DeliveryFailing", "critical", annotations["summary"], annotations["description"])
    assert expected == (line["event"], line["severity"], line["summary"], line["description"])


def test_writes_excerpts(http: Http, lines: list[Any]) -> None:
    """Beside the readings, by their titles."""
    told = notifications.notification(notifications.alert(), findings=[notifications.LOG])
    Action(Settings(), http).send(told, Thread(), 5)
    assert {"log of app before it ended": notifications.LOG.text} == lines[0]["findings"]
