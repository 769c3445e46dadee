"""Memory: bytes in use now, against the request and the limit (of a pod) or all there are (of a node)."""

from __future__ import annotations

from enrich._usage import Usage


class Enricher(Usage):
    """The memory that a pod or an instance uses, from cAdvisor, kube-state-metrics and the node exporter."""

    def __init__(self) -> None:
        super().__init__(
            name="memory",
            title="memory",
            unit="bytes",
            resource="memory",
            # What the OOM killer goes by: https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/
            container_use="container_memory_working_set_bytes{$matchers}",
            instance_use="max by (instance) "
            "(node_memory_MemTotal_bytes{$matchers} - node_memory_MemAvailable_bytes{$matchers})",
            instance_limit="max by (instance) (node_memory_MemTotal_bytes{$matchers})",
            metrics=("container_memory_working_set_bytes", "node_memory_MemAvailable_bytes"),
        )
