"""The log: one line a notification."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
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


def told(settings: dict[str, Any], http: Http, lines: list[Any], notification: Any = None) -> dict[str, Any]:
    """Returns the line that is written with settings."""
    action = Action(Settings.model_validate(settings), http)
    action.send(notification or notifications.seed(), Thread(), 1)
    line: dict[str, Any] = lines[-1]
    return line


def test_writes_texts_of_the_users_own(http: Http, lines: list[Any]) -> None:
    """Words on one line, and fields beside the line's own or in their place; an empty one leaves it out."""
    fields = {"team": "{{ common_labels.namespace }}", "summary": "{{ subject }}", "runbook_url": ""}
    fields["long"] = "x" * 9_000
    line = told({"title": "{{ status }}\n{{ leading.name }}", "fields": fields}, http, lines)
    assert ("firing KubePodCrashLooping", "customer") == (line["event"], line["team"])
    assert "customer/customer-rs-transformer-9b75b488c-cpfd7" == line["summary"]
    assert (False, 4_000, "critical") == ("runbook_url" in line, len(line["long"]), line["severity"])
    assert "[FIRING] KubePodCrashLooping" == told({"title": " "}, http, lines)["event"]


def test_writes_a_digest_in_our_words(http: Http, lines: list[Any]) -> None:
    """What is written for one group may say nothing of many."""
    line = told({"title": "{{ status }}", "fields": {"team": "x"}}, http, lines, notifications.storm())
    assert (True, False) == (line["event"].startswith("[DIGEST] 4,812 alerts"), "team" in line)


@pytest.mark.parametrize("hostile", ["a\nlevel=critical", "\x1b[31mred", "\u202eevil", "x" * 100_000])
def test_is_one_line_whatever_stands_in_it(http: Http, lines: list[Any], hostile: str) -> None:
    """As JSON, which `log_format: json` writes, it is one; nothing that an alert holds is a field's name."""
    alert = notifications.alert({"alertname": hostile, hostile: hostile}, {"summary": hostile, "description": hostile})
    line = told({"title": "{{ leading.summary }}"}, http, lines, notifications.notification(alert))
    assert 1 == len(json.dumps(line).splitlines())
    assert len(line["event"]) <= 4_000
    assert hostile not in line


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"title": "{{ nothing"}, "line 1"),
        ({"fields": {"level": "x"}}, "is the log's own"),
        ({"fields": {"self": "x"}}, "is the log's own"),
        ({"fields": {"no word": "x"}}, "should be letters, digits and _"),
        ({"fields": {"a": "{% if %}"}}, "line 1"),
        ({"fields": ["a"]}, "valid mapping|should be a mapping|valid dictionary"),
    ],
)
def test_refuses_nonsense(settings: dict[str, Any], message: str) -> None:
    """Each setting says what is wrong with it."""
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate(settings)
