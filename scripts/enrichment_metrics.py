"""Which metrics each enricher asks for, as the table in docs/enrichment.md: `python -m scripts.enrichment_metrics`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from alerts.model import Alert
from enrich import find
from enrich._base import Answers, Asks, FollowsUp
from enrich._vector import Sample, Vector

_METRIC = re.compile(r"\b([a-z][a-z0-9_]*)\{")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Of everything there is something to ask.
_LABELS = (
    {"namespace": "shop", "pod": "cart-1", "persistentvolumeclaim": "data"},
    {"namespace": "shop", "deployment": "cart"},
    {"namespace": "shop", "statefulset": "cart"},
    {"namespace": "shop", "daemonset": "cart"},
    {"namespace": "shop", "job_name": "cart"},
    {"node": "node-1"},
    {"instance": "node-1:9100", "job": "node-exporter"},
)
_ANSWERED = {"owner_kind": "ReplicaSet", "owner_name": "cart-7d9f", "node": "node-1"}
# Who tells of a metric, by how its name begins.
_EXPORTERS = (
    ("kube_", "kube-state-metrics"),
    ("container_", "cAdvisor (the kubelet)"),
    ("kubelet_", "the kubelet"),
    ("node_", "the node exporter"),
)


def metrics(enricher: Asks) -> list[str]:
    """The metrics that an enricher asks for, by name."""
    alerts = [Alert({"alertname": "A", **labels}, {}, "firing", _NOW, None, "", "0") for labels in _LABELS]
    asked = dict(enricher.questions(alerts))
    if isinstance(enricher, FollowsUp):
        samples = [Sample({**labels, **_ANSWERED}, 1.0) for labels in _LABELS]
        asked |= enricher.follow_up(alerts, Answers(asked, dict.fromkeys(asked, Vector(samples)), _NOW))
    return sorted({name for promql in asked.values() for name in _METRIC.findall(promql)})


def _told_by(names: Iterable[str]) -> Iterable[str]:
    for beginning, exporter in _EXPORTERS:
        found = [f"`{name}`" for name in names if name.startswith(beginning)]
        if found:
            yield f"{exporter}: {', '.join(found)}"


def table() -> str:
    """A row for each enricher."""
    told = {name: "<br>".join(_told_by(metrics(each))) for name, each in find().items() if isinstance(each, Asks)}
    rows = [f"| `{name}` | {text} |" for name, text in told.items() if text]
    return "\n".join(["| enricher | asks for |", "| --- | --- |", *rows])


if __name__ == "__main__":
    print(table())
