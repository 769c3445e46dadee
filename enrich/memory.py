"""Memory: bytes in use now, against the request and the limit (of a pod) or all there are (of a node)."""

from __future__ import annotations

import units
from alerts.findings import Reading
from enrich._usage import Usage

# What grows by less of itself in an hour does not grow.
_GROWTH_AN_HOUR = 0.05
_SOON_SECONDS = 86_400.0


class Enricher(Usage):
    """The memory that a pod or an instance uses, from cAdvisor, kube-state-metrics and the node exporter."""

    def __init__(self) -> None:
        super().__init__(
            name="memory",
            title="memory",
            unit="bytes",
            resource="memory",
            # What the OOM killer goes by: https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/
            metric="container_memory_working_set_bytes",
            counter=False,
            instance_use="max by (cluster, instance) "
            "(node_memory_MemTotal_bytes{$matchers} - node_memory_MemAvailable_bytes{$matchers})",
            instance_limit="max by (cluster, instance) (node_memory_MemTotal_bytes{$matchers})",
            instance_metric="node_memory_MemAvailable_bytes",
            aside_promql="deriv(container_memory_working_set_bytes{$matchers}[15m])",
        )

    def remark(self, reading: Reading, aside: float) -> str:
        """Whether it grows, and when it will have reached its limit if that goes on."""
        if aside <= 0 or aside * 3_600 < _GROWTH_AN_HOUR * reading.value:
            return ""
        grows = f"growing {units.quantity(aside * 60, 'bytes')} a minute"
        if reading.limit is None or reading.value >= reading.limit:
            return grows
        seconds = (reading.limit - reading.value) / aside
        return f"{grows}, at its limit in {units.duration(seconds)}" if seconds < _SOON_SECONDS else grows
