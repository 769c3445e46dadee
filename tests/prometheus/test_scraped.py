"""A real Prometheus scrapes the real service: the dashboard shows something, and the rules can be asked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.far_sides.prometheus import Prometheus
from tests.prometheus.test_dashboard import FILE as DASHBOARD
from tests.prometheus.test_rules import FILE as RULES
from tests.samples import webhook, wire_alert
from tests.service import Service

JOB = "far-sides"
CONFIG = """
prometheus: {{url: '{prometheus}'}}
route: {{receiver: team}}
receivers: [{{name: team, log_configs: [{{}}]}}]
watchdogs: [{{matchers: ['alertname="Watchdog"'], within: 1h, receiver: team}}]
heartbeat: {{url: '{prometheus}/-/healthy', every: 10s}}
"""
# Nobody clicks, and there is no rule.
EMPTY = {"Clicks in Slack", "Results", "By rule", "Fixed in a day", "Unknown in a day"}


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that has scraped a service with two workers several times, of which an alert was told meanwhile."""
    folder = tmp_path_factory.mktemp("scraping")
    service = Service(folder / "service")
    rules = RULES.read_text().replace('job="alert-manager"', f'job="{JOB}"')
    with Prometheus(folder, [service.url], rules) as prometheus:
        (folder / "service" / "config.yaml").write_text(CONFIG.format(prometheus=prometheus.url))
        service.environment["CONFIG_FILE"] = str(folder / "service" / "config.yaml")
        with service:
            prometheus.wait_until("alert_manager_build_info", timeout_seconds=20)
            assert 200 == service.post(webhook(wire_alert("A", pod="a", namespace="b")), "?wait=5s").status_code
            delivered = 'alert_manager_deliveries_total{outcome="delivered"} > 0'
            prometheus.wait_until(delivered, timeout_seconds=20)
            prometheus.wait_until("count_over_time(up[1m]) >= 5", timeout_seconds=20)
            yield prometheus


def filled(expression: str) -> str:
    """As Grafana asks it."""
    return expression.replace("$__rate_interval", "1m").replace("$job", JOB).replace("$receiver", ".*")


def test_each_panel_shows_something(scraping: Prometheus) -> None:
    """Prometheus itself can read each expression, and each panel has a series."""
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    shown = {
        panel["title"]: sum(len(scraping.query(filled(each["expr"]))) for each in panel["targets"])
        for panel in panels
        if panel["type"] != "row"
    }
    assert EMPTY == {title for title, series in shown.items() if not series}


def test_the_rules_can_be_asked(scraping: Prometheus) -> None:
    """Prometheus evaluates each, and of a service that is well none fires."""
    answer = requests.get(f"{scraping.url}/api/v1/rules", timeout=10).json()
    rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
    assert {("ok", "")} == {(rule["health"], rule.get("lastError", "")) for rule in rules}
    assert len(rules) == RULES.read_text().count("- alert: ")
    assert [] == [rule["name"] for rule in rules if rule["state"] != "inactive"]


def test_no_series_has_a_strangers_label(scraping: Prometheus) -> None:
    """As Prometheus keeps them: what an alert says is the value of no label."""
    answer = requests.get(f"{scraping.url}/api/v1/series", {"match[]": '{__name__=~"alert_manager_.+"}'}, timeout=10)
    series = answer.json()["data"]
    assert 50 < len(series) < 1000
    assert not {"A", "a", "b"} & {value for each in series for value in each.values()}
