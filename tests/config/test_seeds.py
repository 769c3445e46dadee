"""Alertmanager's configurations as teams have them: after what errors ask for they load, and lead where they led."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.matchers import Matcher
from app import cli
from config.schema import Configuration
from tests.far_sides import process

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

FOLDER = Path(__file__).with_name("seeds")
NAMES = sorted(each.stem for each in FOLDER.glob("*.yaml"))
# What is wrong with a file, and what to write instead: the error, the text, and the text that the error asks for.
EDITS: Mapping[str, list[tuple[str, str, str]]] = {
    "slo-page": [
        (
            "f.yml:12:5 receivers[0].pagerduty_configs[0].service_key: is of the Events API v1: add an integration "
            "of the Events API v2 to the service, and write its key as routing_key",
            "service_key:",
            "routing_key:",
        )
    ]
}
SLACK_FILE = "/etc/alertmanager/secrets/alertmanager-secrets/slack_webhook_url"


HARMLESS = (
    "No such file or directory; it is read when it is used",
    "is Alertmanager's to keep; it has no effect here",
    "is Alertmanager's to keep; here it is only what delivery.stale_after goes by where that is not set",
    "templates[0]: there is no file /etc/alertmanager/templates/*.tmpl",
    "one that is not heard of any more ends here after delivery.stale_after",
)


def edited(name: str) -> str:
    """Returns a file with what its errors ask for."""
    text = (FOLDER / f"{name}.yaml").read_text()
    for _, before, after in EDITS.get(name, ()):
        assert before in text
        text = text.replace(before, after)
    return text


@pytest.mark.parametrize("name", EDITS)
def test_errors_ask_for_edits(problems_of: Problems, name: str) -> None:
    """As it is pasted, a file has these errors and no others."""
    assert [error for error, _, _ in EDITS[name]] == problems_of((FOLDER / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_loads_after_the_edits(load_yaml: Load, name: str) -> None:
    """What is left are warnings: of files that are not on this machine, and of timings that Alertmanager keeps."""
    warnings = load_yaml(edited(name)).warnings

    assert [] == [each for each in warnings if not each.endswith(HARMLESS)]


def test_warns_of_each_file(load_yaml: Load) -> None:
    """A secret's file that is not there is named where it stands."""
    warnings = load_yaml(edited("staging")).warnings

    assert [
        f"f.yml:3:3 global.slack_api_url_file: {SLACK_FILE}: No such file or directory; it is read when it is used",
        f"f.yml:23:9 receivers[1].slack_configs[0].api_url_file: {SLACK_FILE}: "
        "No such file or directory; it is read when it is used",
    ] == ["f.yml" + each.rpartition("/f.yml")[2] for each in warnings if SLACK_FILE in each]


@pytest.mark.parametrize("name", ["runbook", "production", "operations"])
def test_reads_the_inhibition(load_yaml: Load, name: str) -> None:
    """Its first rule keeps warnings back while the same is critical."""
    rule = load_yaml(edited(name)).file.inhibit_rules[0]

    assert (('severity="critical"',), ('severity="warning"',)) == (
        tuple(map(str, rule.sources)),
        tuple(map(str, rule.targets)),
    )
    assert "alertname" == rule.equal[0]


API = {"service": "seedtest-api"}
LED = [
    ("pagerduty-guide", {"severity": "critical"}, "pagerduty-critical"),
    ("pagerduty-guide", {"severity": "warning", "namespace": "dev"}, "pagerduty-notifications"),
    ("pagerduty-guide", {"severity": "info"}, "pagerduty-notifications"),
    ("pagerduty-guide", {"severity": "critical", "component": "database"}, "pagerduty-database"),
    ("pagerduty-filter", {"severity": "critical"}, "pagerduty-critical"),
    ("pagerduty-filter", {"severity": "warning"}, "null"),
    ("pagerduty-filter", {"severity": "info"}, "pagerduty-notifications"),
    ("slo-page", {"alertname": "APISLOErrorRateBreach", "severity": "critical"}, "pagerduty-oncall"),
    ("slo-page", {"alertname": "APILatencyP95High", "severity": "warning"}, "slack-warnings"),
    ("operations", {"alertname": "ServiceDown", "severity": "critical"}, "critical-alerts"),
    ("operations", {"alertname": "HighLatency", "severity": "warning"}, "warning-alerts"),
    ("operations", {"severity": "critical", "category": "database"}, "critical-alerts,database-team"),
    ("operations", {"severity": "warning", "category": "database"}, "database-team"),
    ("operations", {"severity": "warning", "category": "business"}, "business-team"),
    ("operations", {"severity": "warning", "category": "infrastructure"}, "infrastructure-team"),
    ("operations", {"severity": "info"}, "warning-alerts"),
    ("runbook", {**API, "severity": "critical", "alertname": "TestCritical"}, "pagerduty-seedtest"),
    ("runbook", {**API, "severity": "warning", "alertname": "TestWarning"}, "slack-seedtest"),
    ("runbook", {**API, "severity": "info"}, "slack-seedtest"),
    ("runbook", {"namespace": "seedtest", "severity": "info", "alertname": "TestInfo"}, "slack-lowprio"),
    ("runbook", {"namespace": "phase1", "severity": "warning"}, "slack-phase1"),
    ("runbook", {"namespace": "phase1", "severity": "critical"}, "null"),
    ("runbook", {"severity": "critical"}, "null"),
    ("staging", {**API, "severity": "critical"}, "slack-staging"),
    ("staging", {**API, "severity": "page"}, "null"),
    ("staging", {"severity": "critical"}, "null"),
    ("production", {**API, "severity": "critical"}, "pagerduty-production"),
    ("production", {**API, "severity": "info"}, "slack-production"),
    ("production", {"service": "other", "severity": "critical"}, "null"),
]


@pytest.mark.parametrize(("name", "labels", "receivers"), LED)
def test_alertmanager_tells_whom_the_page_says(name: str, labels: dict[str, str], receivers: str) -> None:
    """The file as it is pasted, read by a real amtool."""
    process.require("amtool")
    pairs = [str(Matcher(each, "=", value)) for each, value in labels.items()]
    command = ["amtool", "config", "routes", "test", f"--config.file={FOLDER / name}.yaml", *pairs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)

    assert receivers == done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("name", "labels", "receivers"), LED)
def test_tells_whom_the_page_says(tmp_path: Path, name: str, labels: dict[str, str], receivers: str) -> None:
    """So does the file after its edits, read by us."""
    file = tmp_path / "f.yml"
    file.write_text(edited(name))
    pairs = [f"{each}={value}" for each, value in labels.items()]
    done = CliRunner().invoke(cli, ["route-test", f"--config={file}", *pairs])

    assert (0, receivers) == (done.exit_code, done.stdout.rstrip("\n").rpartition("\n")[2])
