"""The main job, with real servers on both ends: from a metric that grows to people who know, and to its end."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.far_sides import trouble
from tests.far_sides.alertmanager import Alertmanager
from tests.far_sides.exporter import Exporter
from tests.far_sides.kubernetes import TOKEN, Kubernetes, container, terminated, waiting
from tests.far_sides.pagerduty import PagerDuty
from tests.far_sides.prometheus import Prometheus
from tests.far_sides.slack import SlackWebhook
from tests.samples import webhook, wire_alert
from tests.service import ROOT, Service

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
POD = "customer-rs-transformer-9b75b488c-cpfd7"
MIB = 2**20
PAGE_SECONDS = 5.0

RULES = """
groups:
- name: pods
  interval: 1s
  rules:
  - alert: PodHighMemory
    expr: |
      sum by (namespace, pod, container) (container_memory_working_set_bytes{container="rs-transformer"}) > 2e8
    labels: {severity: CRITICAL, cluster: cluster-main}
    annotations:
      summary: Memory is nearly used up.
      description: '{{ $labels.pod }} uses {{ $value | humanize1024 }}B.'
      runbook_url: https://runbooks.example/PodHighMemory
"""


def service(folder: Path, prometheus_url: str, slack: SlackWebhook, pagerduty: PagerDuty) -> Service:
    """The service with the shipped routes, and PagerDuty's address on loopback; not started."""
    environment = {
        "PROMETHEUS_URL": prometheus_url,
        "SLACK_WEBHOOK_URL": slack.url,
        "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
    }
    shipped = (ROOT / "config" / "default.yaml").read_text()
    return Service(folder / "service", environment, f"global: {{pagerduty_url: '{pagerduty.url}'}}\n{shipped}")


def attachment_text(message: dict[str, Any]) -> str:
    """All text of a Slack message below its top line."""
    blocks = message["attachments"][0]["blocks"]
    texts = (part for block in blocks for key in ("fields", "elements") for part in block.get(key, ()))
    found = [block["text"]["text"] for block in blocks if "text" in block]
    return "\n".join([*found, *(part["text"] for part in texts if part["type"] == "mrkdwn")])


def test_an_alert_of_a_real_prometheus_pages_with_true_readings_and_resolves(tmp_path: Path) -> None:
    """A rule fires, Alertmanager posts, PagerDuty and Slack hear what is so, and later that it is over."""
    with SlackWebhook() as slack, PagerDuty(known_keys=[ROUTING_KEY]) as pagerduty, Exporter() as exporter:

        def use_memory(memory_bytes: float) -> None:
            exporter.add_pod(
                "customer",
                POD,
                "rs-transformer",
                cpu_cores=0.42,
                memory_bytes=memory_bytes,
                cpu_limit_cores=0.5,
                cpu_request_cores=0.25,
                memory_limit_bytes=256 * MIB,
                memory_request_bytes=128 * MIB,
            )

        use_memory(220 * MIB)
        # Each is told another's address, and all have theirs before they start.
        prometheus = Prometheus(tmp_path, [exporter.url], RULES)
        alert_manager = service(tmp_path, prometheus.url, slack, pagerduty)
        alertmanager = Alertmanager(tmp_path, webhook_url=f"{alert_manager.url}/alert")
        prometheus.alertmanagers = (alertmanager.url,)
        with alert_manager, alertmanager, prometheus:
            trigger = pagerduty.wait_for_event(lambda event: event["event_action"] == "trigger", 30)
            message = slack.wait_for_message(lambda message: "FIRING" in message["text"], 5)
            page = alert_manager.get("/").text
            use_memory(90 * MIB)
            resolve = pagerduty.wait_for_event(lambda event: event["event_action"] == "resolve", 30)
            over = slack.wait_for_message(lambda message: "RESOLVED" in message["text"], 5)

    details = trigger["payload"]["custom_details"]
    readings = {
        "CPU": "0.42 of 0.50 cores (84%), request 0.25 cores",
        "memory": "220 MiB of 256 MiB (86%), request 128 MiB",
    }
    assert {**readings, "restarts": "0 in the last hour"}.items() <= details["readings"].items()
    assert "critical" == trigger["payload"]["severity"]
    assert {"num_firing": 1, "num_resolved": 0, "namespace": "customer", "pod": POD, "cluster": "cluster-main"} == {
        key: details[key] for key in ("num_firing", "num_resolved", "namespace", "pod", "cluster")
    }
    assert ["Runbook", "Prometheus", "Alertmanager"] == [link["text"] for link in trigger["links"]]
    assert trigger["dedup_key"] == resolve["dedup_key"]
    assert "resolved" == pagerduty.incident(resolve["dedup_key"]).state
    for text in readings.values():
        # A bar has the percentage beside it.
        assert re.sub(r" \(\d+%\)", "", text) in attachment_text(message)
        assert text in page
    colours = [each["attachments"][0]["color"] for each in (message, over)]
    assert ["#d40e0d", "#2eb67d"] == colours
    assert [] == [*pagerduty.refused, *slack.refused, *slack.pings]


@pytest.mark.parametrize(
    ("prometheus", "reason"),
    [
        pytest.param(trouble.hanging, "did not answer within 2s|timed out after", id="hangs"),
        pytest.param(trouble.refusing, "connection refused", id="refuses"),
        pytest.param(trouble.nonsense, "something that is not its API's", id="answers nonsense"),
        pytest.param(trouble.unavailable, "answered with status 503", id="answers 503"),
        pytest.param(trouble.dripping_body, "did not answer within 2s|timed out after", id="drips"),
    ],
)
def test_a_prometheus_in_trouble_delays_and_loses_no_page(
    tmp_path: Path, prometheus: Callable[[], AbstractContextManager[str]], reason: str
) -> None:
    """Twenty alerts at once each page within five seconds, and say what is missing."""
    pods = [f"pod-{number}" for number in range(20)]

    def post(pod: str) -> float:
        labels = {"alertname": "PodDown", "severity": "critical", "namespace": "customer", "pod": pod}
        begun = time.monotonic()
        assert '{"status":"success"}' == alert_manager.post({"labels": labels, "status": "firing"}).text
        return begun

    with (
        prometheus() as prometheus_url,
        SlackWebhook() as slack,
        PagerDuty(known_keys=[ROUTING_KEY]) as pagerduty,
        service(tmp_path, prometheus_url, slack, pagerduty) as alert_manager,
        ThreadPoolExecutor(len(pods)) as clients,
    ):
        posted_at = dict(zip(pods, clients.map(post, pods), strict=True))
        pagerduty.wait_for(len(pods), 15)
        requests_seen = list(pagerduty.requests)
    paged_at = {each.json()["payload"]["custom_details"]["pod"]: each.received_at for each in requests_seen}
    late = {pod: paged_at[pod] - begun for pod, begun in posted_at.items() if paged_at[pod] - begun > PAGE_SECONDS}
    assert {} == late
    for each in requests_seen:
        readings = each.json()["payload"]["custom_details"]["readings"]
        # Prometheus is not asked that.
        readings.pop("also firing", None)
        assert {"CPU", "memory", "restarts"} <= set(", ".join(readings).split(", "))
        assert all(re.search(reason, text) for text in readings.values()), readings


def test_the_second_message_of_a_pod_tells_of_the_first(tmp_path: Path) -> None:
    """Two groups of one pod: in Slack, on the pager and on the page; what is in the same message is not told twice."""
    pod = {"namespace": "customer", "pod": POD}
    first = [wire_alert("PodCrashLooping", severity="critical", container=name, **pod) for name in ("app", "proxy")]
    second = wire_alert("PodHighMemory", severity="critical", **pod)
    with SlackWebhook() as slack, PagerDuty(known_keys=[ROUTING_KEY]) as pagerduty:
        with service(tmp_path, "", slack, pagerduty) as alert_manager:
            for number, alerts in enumerate((first, [second])):
                alert_manager.post(webhook(*alerts, group_key=f"group {number}"), "?wait=5s")
            message = slack.wait_for_message(lambda message: "PodHighMemory" in message["text"], 5)
            event = pagerduty.wait_for_event(lambda event: "PodHighMemory" in event["payload"]["summary"], 5)
            page = alert_manager.get("/").text
        told = [request.json() for request in slack.requests]
    text = "2 alerts; this pod: PodCrashLooping (2, critical)"
    assert f"*also firing* {text}" in attachment_text(message)
    assert text == event["payload"]["custom_details"]["readings"]["also firing"]
    assert event["payload"]["summary"].endswith("also firing 2 alerts)")
    assert text in page
    assert ["PodHighMemory" in each["text"] for each in told] == [
        "also firing" in attachment_text(each) for each in told
    ]


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "denied"])
def test_tells_what_kubernetes_says(tmp_path: Path, allowed: bool) -> None:
    """Where it is configured events and logs are in the message, or why they are not; the token is nowhere."""
    now = datetime.now(UTC)
    with SlackWebhook() as slack, Kubernetes() as kubernetes:
        kubernetes.add_pod("customer", POD, container("app", state=waiting(), last=terminated(now)))
        kubernetes.add_event("customer", ("Pod", POD), "BackOff", "Back-off restarting failed container", now)
        kubernetes.add_log("customer", POD, "app", "panic: password=hunter2\n", previous=True)
        kubernetes.denied |= set() if allowed else {"list events", "get pods/log"}
        config = f"""
            enrichment: {{kubernetes: {{kubeconfig: '{kubernetes.kubeconfig(tmp_path)}'}}, enrichers: [events, logs]}}
            route: {{receiver: chat}}
            receivers: [{{name: chat, slack_configs: [{{api_url: '{slack.url}'}}]}}]
        """
        with Service(tmp_path / "service", {}, config) as running:
            labels = {"alertname": "A", "namespace": "customer", "pod": POD, "container": "app"}
            running.post({"status": "firing", "labels": labels}, "?wait=5s")
            text = attachment_text(slack.wait_for_message())
            page = running.get("/").text
            written = running.log + running.database.read_bytes().decode(errors="replace")
    if allowed:
        assert "warning BackOff: Back-off restarting failed container" in text
        assert "*log of app before it ended*\n```\npanic: password=***\n```" in text
    else:
        assert "events: Kubernetes does not allow it: needs list events in namespace customer" in text
        assert "log: Kubernetes does not allow it: needs get pods/log in namespace customer" in text
    for each in (text, page, written):
        assert TOKEN not in each
        assert "hunter2" not in each
