"""CPU: cores in use over five minutes, against the request and the limit (of a pod) or all there are (of a node)."""

from __future__ import annotations

from enrich._prometheus import per_second
from enrich._usage import Usage

_BUSY = 'node_cpu_seconds_total{$matchers,mode!~"idle|iowait|steal"}'


class Enricher(Usage):
    """The CPU that a pod or an instance uses, from cAdvisor, kube-state-metrics and the node exporter."""

    def __init__(self) -> None:
        super().__init__(
            name="cpu",
            title="CPU",
            unit="cores",
            resource="cpu",
            # Older cAdvisors have a series for each CPU.
            container_use=f"sum without (cpu) ({per_second('container_cpu_usage_seconds_total{$matchers}')})",
            # Two Prometheus jobs, or a pair of replicas, may both tell of each CPU.
            instance_use=f"sum by (instance) (max by (instance, cpu, mode) ({per_second(_BUSY)}))",
            instance_limit="count by (instance) "
            '(max by (instance, cpu) (node_cpu_seconds_total{$matchers,mode="idle"}))',
            metrics=("container_cpu_usage_seconds_total", "node_cpu_seconds_total"),
        )
