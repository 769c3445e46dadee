"""The rules about the service itself: good by Prometheus' own judgement, tested each, with a page each."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.far_sides.process import require
from tests.prometheus.exposed import wrong
from tests.service import ROOT

FILE = ROOT / "prometheus" / "rules" / "alert-manager.yaml"
TESTS = FILE.parent / "tests" / FILE.name
SECTIONS = (
    "What it means",
    "Who is hurt",
    "First three commands",
    "Likely causes",
    "Fixes",
    "When to escalate",
)


def rules() -> list[dict[str, Any]]:
    """All of them."""
    return [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]


def by_name() -> pytest.MarkDecorator:
    """For each rule a test."""
    return pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs it."""
    require("promtool")
    command = [str(shutil.which("promtool")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_prometheus_takes_them() -> None:
    """Its own checker finds no fault."""
    checked = promtool("check", "rules", str(FILE))
    assert 0 == checked.returncode, checked.stdout + checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


def test_they_fire_when_they_should() -> None:
    """Prometheus' own unit tests of rules."""
    tested = promtool("test", "rules", str(TESTS))
    assert 0 == tested.returncode, tested.stdout + tested.stderr


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("oldest_pending_seconds) > 60", "oldest_pending_seconds) >= 60"),
        ("for: 3m", "for: 2m"),
        ('outcome=~"failed|left_alone"', 'outcome=~"failed|refused|left_alone"'),
        ("(alert_manager_deliveries_untold) > 0", "(alert_manager_deliveries_untold) > 2"),
    ],
)
def test_a_rule_that_is_changed_fails(tmp_path: Path, was: str, is_now: str) -> None:
    """The unit tests see it when a threshold, a time or a matcher is another."""
    text = FILE.read_text()
    assert was in text
    (tmp_path / FILE.name).write_text(text.replace(was, is_now))
    (tmp_path / "tests").mkdir()
    shutil.copy(TESTS, tmp_path / "tests")
    assert 0 != promtool("test", "rules", str(tmp_path / "tests" / TESTS.name)).returncode


@by_name()
def test_asks_for_what_is_exposed(rule: dict[str, Any]) -> None:
    """Each metric and label of its expression is one that the service has."""
    assert [] == wrong(rule["expr"])


@by_name()
def test_says_whom_it_concerns(rule: dict[str, Any]) -> None:
    """How bad it is, of what, and who sees to it; in words of its own, with a page that is there."""
    assert {"severity", "component", "team"} == rule["labels"].keys()
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert "alert-manager" == rule["labels"]["component"]
    assert {"summary", "description", "runbook_url"} == rule["annotations"].keys()
    assert f"https://alerts.example/runbooks/{rule['alert']}" == rule["annotations"]["runbook_url"]
    used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    kept = set(re.split(r",\s*", re.findall(r"by \(([^)]*)\)", rule["expr"])[0])) if "by (" in rule["expr"] else set()
    assert used <= kept


@by_name()
def test_is_tested_whole(rule: dict[str, Any]) -> None:
    """Its tests see it quiet, then firing, then over; where it waits, quiet a minute before its time, too."""
    points = []
    for each in yaml.safe_load(TESTS.read_text())["tests"]:
        own = [bool(at.get("exp_alerts")) for at in each["alert_rule_test"] if at["alertname"] == rule["alert"]]
        points += [own] if own else []
    assert points
    assert all(not each[0] and True in each and not each[-1] for each in points)
    if "for" in rule:
        assert all(each.index(True) >= 1 for each in points)


@by_name()
def test_has_a_page(rule: dict[str, Any]) -> None:
    """One page, in the same parts for each, with three commands."""
    text = (ROOT / "runbooks" / f"{rule['alert']}.md").read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    assert SECTIONS == tuple(re.findall(r"^## (.*)$", text, re.MULTILINE))
    commands = text.split("## First three commands")[1].split("## ")[0]
    assert 3 == len(re.findall(r"^\d\. .*\n+ +```", commands, re.MULTILINE))
    assert len(text.splitlines()) < 80


def test_all_are_listed() -> None:
    """docs/metrics.md has each, with how bad it is, in the rules' order."""
    rows = re.findall(r"^\| `(AlertManager\w+)` \| (\w+) \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    assert [(rule["alert"], rule["labels"]["severity"]) for rule in rules()] == rows


def test_no_page_is_left_over() -> None:
    """Each page about the service itself is of a rule."""
    pages = {each.stem for each in (ROOT / "runbooks").glob("AlertManager*.md")}
    assert {rule["alert"] for rule in rules()} == pages


def test_pages_name_what_is_there() -> None:
    """The metrics that pages name are exposed; the other pages that they lead to are there."""
    for page in (ROOT / "runbooks").glob("AlertManager*.md"):
        text = page.read_text()
        for name in re.findall(r"\balert_manager_\w+", text):
            assert [] == wrong(name), page.name
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / link).exists(), (page.name, link)
