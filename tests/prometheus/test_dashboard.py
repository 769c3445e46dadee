"""The dashboard: what Grafana takes, of what is exposed, with no data source of somebody's."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.prometheus.exposed import metrics, wrong
from tests.service import ROOT

FILE = ROOT / "prometheus" / "dashboards" / "alert-manager.json"
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
ROWS = ("Acceptance", "Delivery", "Enrichment", "Backlog", "Remediation", "Itself")
_GIVEN = {"$__rate_interval": "5m", "$job": "alert-manager", "$receiver": "on-call"}
# What these types of panels have, by Grafana's own schema.
_OPTIONS = {
    "stat": {"colorMode", "graphMode", "justifyMode", "orientation", "textMode", "reduceOptions"},
    "timeseries": {"legend", "tooltip"},
}


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    """As Grafana reads it."""
    document: dict[str, Any] = json.loads(FILE.read_text())
    return document


@pytest.fixture(scope="module")
def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something."""
    return [each for each in dashboard["panels"] if each["type"] != "row"]


def expressions(document: object) -> list[str]:
    """Every PromQL in it, with values for its variables."""
    found = []
    if isinstance(document, dict):
        if isinstance(document.get("expr"), str):
            found.append(document["expr"])
        found += [each for value in document.values() for each in expressions(value)]
    elif isinstance(document, list):
        found += [each for value in document for each in expressions(value)]
    return found


def filled(expression: str) -> str:
    """As Grafana asks it."""
    for name, value in _GIVEN.items():
        expression = expression.replace(name, value)
    return expression


def test_asks_for_what_is_exposed(dashboard: dict[str, Any]) -> None:
    """Each expression can be read, and each metric and label of it is one that the service has."""
    found = {each: wrong(filled(each)) for each in expressions(dashboard)}
    assert len(found) > 50
    assert {} == {each: problems for each, problems in found.items() if problems}
    assert not any("$" in filled(each) for each in found)


def test_shows_every_metric(dashboard: dict[str, Any]) -> None:
    """What is exposed is shown, but for the worst of what is shown apart."""
    asked = set(re.findall(r"alert_manager_\w+", " ".join(expressions(dashboard))))
    whole = {re.sub(r"_(bucket|count|sum)$", "", name) for name in metrics() if name != "up"}
    shown = {re.sub(r"_bucket$", "", name) for name in asked}
    assert {"alert_manager_oldest_pending_seconds"} == whole - shown


def test_has_a_row_for_each_part(dashboard: dict[str, Any]) -> None:
    """In the order in which an alert goes through them."""
    rows = [each["title"] for each in dashboard["panels"] if each["type"] == "row"]
    assert ROWS == tuple(title.partition(":")[0] for title in rows)


def test_names_no_data_source(dashboard: dict[str, Any], panels: list[dict[str, Any]]) -> None:
    """Whoever imports it chooses one; all panels, queries and variables ask that one."""
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert ("datasource", "prometheus") == tuple(variables["datasource"][key] for key in ("type", "query"))
    own = [each["datasource"] for each in (*panels, *(target for each in panels for target in each["targets"]))]
    own += [each["datasource"] for each in variables.values() if each["type"] == "query"]
    assert all(each == DATA_SOURCE for each in own)
    uids = Counter(re.findall(r'"uid": "([^"]*)"', FILE.read_text()))
    assert {"${datasource}", "-- Grafana --", "alert-manager"} == uids.keys()


def test_its_variables_ask_for_what_is_exposed(dashboard: dict[str, Any]) -> None:
    """A job and a receiver are found among the service's own series."""
    for each in dashboard["templating"]["list"]:
        if each["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.*), (\w+)\)", each["query"]["query"])
        assert found
        assert [] == wrong(filled(found[1]))
        assert found[2] in metrics()[found[1].partition("{")[0]]


def test_is_laid_out(dashboard: dict[str, Any], panels: list[dict[str, Any]]) -> None:
    """No two panels overlap, none is wider than the page, no two have one id, each row is full."""
    ids = [each["id"] for each in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: Counter[tuple[int, int]] = Counter()
    for each in dashboard["panels"]:
        at = each["gridPos"]
        assert {"h", "w", "x", "y"} == at.keys()
        assert at["x"] + at["w"] <= 24
        taken.update((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))
    assert {1} == set(taken.values())
    assert len(taken) == 24 * (1 + max(y for _, y in taken))


def test_each_panel_is_whole(panels: list[dict[str, Any]]) -> None:
    """A title, a word on what is seen, a unit, and queries with letters of their own."""
    for each in panels:
        assert each["title"]
        assert each["description"], each["title"]
        assert each["fieldConfig"]["defaults"]["unit"]
        assert _OPTIONS[each["type"]] == each["options"].keys()
        letters = [target["refId"] for target in each["targets"]]
        assert len(set(letters)) == len(letters) > 0
        for target in each["targets"]:
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= _kept(target["expr"])
    assert len({each["title"] for each in panels}) == len(panels)


def _kept(expression: str) -> set[str]:
    """The labels that are left of a result."""
    return {name for names in re.findall(r"by \(([^)]*)\)", expression) for name in re.split(r",\s*", names)}


def test_is_one_that_grafana_reads(dashboard: dict[str, Any]) -> None:
    """The top level is that of a dashboard (not of an export of one) of Grafana 10 or later."""
    assert {"title", "uid", "panels", "templating", "time", "schemaVersion", "annotations"} <= dashboard.keys()
    assert not {"__inputs", "__requires", "id", "dashboard"} & dashboard.keys()
    assert 30 <= dashboard["schemaVersion"] <= 42
    assert len(dashboard["uid"]) <= 40
