"""CPU: cores in use over five minutes, against the request and the limit (of a pod) or all there are (of a node)."""

from __future__ import annotations

import units
from alerts.findings import Reading
from enrich._promql import per_second
from enrich._usage import Usage

_BUSY = 'node_cpu_seconds_total{$matchers,mode!~"idle|iowait|steal"}'
_WORTH_A_WORD = 0.01


class Enricher(Usage):
    """The CPU that a pod or an instance uses, from cAdvisor, kube-state-metrics and the node exporter."""

    def __init__(self) -> None:
        super().__init__(
            name="cpu",
            title="CPU",
            unit="cores",
            resource="cpu",
            metric="container_cpu_usage_seconds_total",
            counter=True,
            # Two Prometheus jobs, or a pair of replicas, may both tell of each CPU.
            instance_use=f"sum by (cluster, instance) (max by (cluster, instance, cpu, mode) ({per_second(_BUSY)}))",
            instance_limit="count by (cluster, instance) "
            '(max by (cluster, instance, cpu) (node_cpu_seconds_total{$matchers,mode="idle"}))',
            instance_metric="node_cpu_seconds_total",
            aside_promql="rate(container_cpu_cfs_throttled_periods_total{$matchers}[5m])"
            " / rate(container_cpu_cfs_periods_total{$matchers}[5m])",
        )

    def remark(self, reading: Reading, aside: float) -> str:
        """In how many of its periods it had to wait; there are none without a limit."""
        return f"throttled {units.percent(aside)} of the time" if aside >= _WORTH_A_WORD else ""
