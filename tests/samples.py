"""Payloads and notifications for tests, small and alike but for what a test is about."""

from datetime import UTC, datetime
from typing import Any

from alerts.model import Alert, AlertGroup, fingerprint
from alerts.notification import Notification

NOW = datetime(2026, 3, 2, 7, 31, 57, 339_000, UTC)

SEED = b"""{
       "annotations": {
         "description": "Pod customer/customer-rs-transformer-9b75b488c-cpfd7 (rs-transformer) is restarting 2.11 times / 10 minutes.",
         "runbook_url": "https://github.com/kubernetes-monitoring/kubernetes-mixin/tree/master/runbook.md#alert-name-kubepodcrashlooping",
         "summary": "Pod is crash looping."
       },
       "labels": {
         "alertname": "KubePodCrashLooping",
         "cluster": "cluster-main",
         "container": "rs-transformer",
         "endpoint": "http",
         "job": "kube-state-metrics",
         "namespace": "customer",
         "pod": "customer-rs-transformer-9b75b488c-cpfd7",
         "priority": "P0",
         "prometheus": "monitoring/kube-prometheus-stack-prometheus",
         "region": "us-west-1",
         "replica": "0",
         "service": "kube-prometheus-stack-kube-state-metrics",
         "severity": "CRITICAL"
       },
       "startsAt": "2022-03-02T07:31:57.339Z",
       "status": "firing"
     }"""  # noqa: E501
"""The body of the first curl that a newcomer tries."""


def wire_alert(name: str = "Crash", status: str = "firing", **labels: str) -> dict[str, Any]:
    """Returns an alert as Alertmanager writes it."""
    return {
        "status": status,
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": f"{name} happened."},
        "startsAt": "2026-03-02T07:31:57.339Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-03-02T08:00:00Z",
        "generatorURL": "http://prometheus.example/graph?g0.expr=up",
    }


def webhook(*alerts: dict[str, Any], group_key: str = '{}:{alertname="Crash"}', **keys: Any) -> dict[str, Any]:
    """Returns a webhook's payload; one firing alert unless some are given."""
    alerts = alerts or (wire_alert(),)
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "groupKey": group_key,
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": "alert-manager",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
        **keys,
    }


def model_alert(name: str = "Crash", status: str = "firing", **labels: str) -> Alert:
    """Returns an alert as the domain has it."""
    whole = {"alertname": name, **labels}
    return Alert(
        labels=whole,
        annotations={"summary": f"{name} happened."},
        status="firing" if status == "firing" else "resolved",
        starts_at=NOW,
        ends_at=None if status == "firing" else NOW,
        generator_url="",
        fingerprint=fingerprint(whole),
    )


def notification(group_key: str = "group", receiver: str = "team", *alerts: Alert, action: str = "log") -> Notification:
    """Returns a notification about a group; of one firing alert unless some are given."""
    return Notification(receiver, action, 0, AlertGroup(group_key, alerts or (model_alert(),)))
