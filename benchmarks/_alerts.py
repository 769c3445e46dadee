"""What is sent: alerts of about the size that a cluster's rules make, each run's and each group's distinct."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal
from urllib.parse import quote

Kind = Literal["webhook", "alerts"]
"""Alertmanager's webhook, as the service takes it, or `POST /api/v2/alerts`, as Alertmanager does."""

_STARTED = "2026-01-01T00:00:00.000Z"
_NEVER = "0001-01-01T00:00:00Z"


def pod(run: str, group: int, alert: int = 0) -> str:
    """The name of the pod that an alert is about."""
    return f"{run}-{group}-{alert}"


def body(kind: Kind, run: str, group: int, alerts: int = 1) -> bytes:
    """One request's body: a group of so many alerts.

    Args:
        run: what tells this run's groups from another's.
    """
    labels = [_labels(run, group, number) for number in range(alerts)]
    if kind == "alerts":
        posted = [{"labels": each, "annotations": _annotations(each), **_origin(each)} for each in labels]
        return json.dumps(posted).encode()
    common = {name: value for name, value in labels[0].items() if name != "pod" or alerts == 1}
    firing = {"status": "firing", "startsAt": _STARTED, "endsAt": _NEVER}
    document = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="PodHighMemory", group="{labels[0]["group"]}"}}',
        "truncatedAlerts": 0,
        "receiver": "alert-manager",
        "status": "firing",
        "groupLabels": {"alertname": "PodHighMemory", "group": labels[0]["group"]},
        "commonLabels": common,
        "commonAnnotations": {"summary": "Memory is nearly used up."},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": [
            {
                **firing,
                "labels": each,
                "annotations": _annotations(each),
                "fingerprint": hashlib.blake2b(each["pod"].encode(), digest_size=8).hexdigest(),
                **_origin(each),
            }
            for number, each in enumerate(labels)
        ],
    }
    return json.dumps(document).encode()


def _labels(run: str, group: int, alert: int) -> dict[str, str]:
    return {
        "alertname": "PodHighMemory",
        "cluster": "cluster-main",
        "container": "rs-transformer",
        "group": f"{run}-{group}",
        "namespace": "customer",
        "pod": pod(run, group, alert),
        "severity": "critical",
    }


def _annotations(labels: dict[str, str]) -> dict[str, str]:
    return {
        "summary": "Memory is nearly used up.",
        "description": f"{labels['pod']} uses 220MiB of the 256MiB that it may have, and more every minute.",
        "runbook_url": "https://runbooks.example/PodHighMemory",
    }


def _origin(labels: dict[str, str]) -> dict[str, Any]:
    """The rule's expression, as each of its alerts has it."""
    expression = quote(f'memory{{namespace="{labels["namespace"]}"}} > 0.9')
    return {"generatorURL": f"http://prometheus.example:9090/graph?g0.expr={expression}&g0.tab=1"}
