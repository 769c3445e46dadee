"""The shipped configuration, with whatever variables are set."""

from itertools import product
from pathlib import Path

import pytest

from config.document import ConfigError
from config.load import DEFAULT_FILE
from routing import take
from tests.config.conftest import load_file

SLACK = {"": {}, "slack": {"SLACK_WEBHOOK_URL": "https://hooks.slack.example/services/x"}}
PAGERDUTY = {
    "": {},
    "routing key": {"PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef"},
    "integration key": {"PAGERDUTY_INTEGRATION_KEY": "0123456789abcdef0123456789abcdef"},
}
PROMETHEUS = {"": {}, "prometheus": {"PROMETHEUS_URL": "http://prometheus.example:9090"}}


@pytest.mark.parametrize(("slack", "pagerduty", "prometheus"), list(product(SLACK, PAGERDUTY, PROMETHEUS)))
def test_uses_what_is_set(slack: str, pagerduty: str, prometheus: str) -> None:
    """What is set is used, what is not is left out, and a receiver without anything writes to the log."""
    configuration = load_file(None, {**SLACK[slack], **PAGERDUTY[pagerduty], **PROMETHEUS[prometheus]})
    on_call = [*(["pagerduty"] if pagerduty else []), *(["slack"] if slack else [])]

    assert {"on-call": on_call or ["log"], "chat": ["slack"] if slack else ["log"]} == {
        each.name: [action.kind for action in each.actions] for each in configuration.receivers
    }
    assert (prometheus != "") == (configuration.file.prometheus is not None)


def test_says_who_is_told_in_the_log_alone() -> None:
    """Each receiver of which no variable is set, for a secret may be missing."""
    (warning,) = load_file(None, PAGERDUTY["routing key"]).warnings

    assert f"{DEFAULT_FILE}:16:3 receivers[1]: tells the log alone: none of its variables is set" == warning
    assert () == load_file(None, SLACK["slack"]).warnings


def test_tells_every_end() -> None:
    """Whoever is told that something fires is told that it is over."""
    configuration = load_file(None, {**SLACK["slack"], **PAGERDUTY["routing key"]})

    assert {True} == {each.settings.send_resolved for one in configuration.receivers for each in one.actions}


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ("critical", "on-call"),
        ("CRITICAL", "on-call"),
        ("cRiTiCaL", "on-call"),
        ("critical ", "chat"),
        ("noncritical", "chat"),
        ("warning", "chat"),
        ("", "chat"),
        (None, "chat"),
    ],
)
def test_critical_alerts_page(severity: str | None, expected: str) -> None:
    """Critical alerts, in any letter case, go to who is on call, all others to the chat."""
    labels = {} if severity is None else {"severity": severity}

    assert [expected] == list(take(load_file(None).file.route, labels).receivers)


def test_empty_variables_are_not_set() -> None:
    """A variable that a deployment leaves empty is as if it were not there."""
    names = ("SLACK_WEBHOOK_URL", "PAGERDUTY_ROUTING_KEY", "PAGERDUTY_INTEGRATION_KEY", "PROMETHEUS_URL")
    configuration = load_file(None, dict.fromkeys(names, ""))

    assert ["log", "log"] == [action.kind for each in configuration.receivers for action in each.actions]


def test_takes_secrets_from_files(tmp_path: Path) -> None:
    """Mounted secrets do as well as variables."""
    (tmp_path / "slack").write_text("https://hooks.slack.example/services/x\n")
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    variables = {
        "SLACK_WEBHOOK_URL_FILE": str(tmp_path / "slack"),
        "PAGERDUTY_INTEGRATION_KEY_FILE": str(tmp_path / "key"),
    }

    assert ["pagerduty", "slack", "slack"] == [
        action.kind for each in load_file(None, variables).receivers for action in each.actions
    ]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SLACK_WEBHOOK_URL": "hunter2"}, "is not an http:// or https:// URL"),
        ({"SLACK_WEBHOOK_URL_FILE": "/nowhere"}, "SLACK_WEBHOOK_URL_FILE: /nowhere: No such file or directory"),
    ],
    ids=["no URL", "no file"],
)
def test_what_is_set_wrongly_is_an_error(variables: dict[str, str], expected: str) -> None:
    """What is set and cannot be used is no reason to write pages to the log."""
    with pytest.raises(ConfigError) as caught:
        load_file(None, variables)

    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_is_the_shipped_one_by_any_name(tmp_path: Path) -> None:
    """Named outright, or through a link, it still leaves out what is not set."""
    link = tmp_path / "link.yaml"
    link.symlink_to(DEFAULT_FILE)

    assert [load_file(None).receivers] * 2 == [load_file(DEFAULT_FILE).receivers, load_file(link).receivers]


def test_a_copy_of_it_is_a_users_own(tmp_path: Path) -> None:
    """In a user's file a variable that is not set is an error."""
    copy = tmp_path / "copy.yaml"
    copy.write_text(DEFAULT_FILE.read_text())

    with pytest.raises(ConfigError, match="the variable SLACK_WEBHOOK_URL is not set"):
        load_file(copy)
