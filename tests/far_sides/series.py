"""The series that cAdvisor, kube-state-metrics and node-exporter make, with the labels they give them."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PAUSE_MEMORY_BYTES = 303_104


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its value now and how much it grows each second, 0 for a gauge."""

    name: str
    labels: Mapping[str, str]
    value: float = 0.0
    per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Container:
    """What one container uses, may use and asked for; None makes no series."""

    name: str
    cpu_cores: float | None = None
    memory_bytes: float | None = None
    cpu_limit_cores: float | None = None
    memory_limit_bytes: float | None = None
    cpu_request_cores: float | None = None
    memory_request_bytes: float | None = None
    restarts: int = 0


def pod_series(namespace: str, pod: str, node: str, containers: Sequence[Container]) -> list[Series]:
    """Returns all series of one pod; its own cgroup (container "") holds the sum, as on a real node."""
    where = {"namespace": namespace, "pod": pod}
    uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{namespace}/{pod}"))
    known = {**where, "uid": uid}
    cgroup = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid.replace('-', '_')}.slice"
    pause = Container("POD", cpu_cores=0.0, memory_bytes=PAUSE_MEMORY_BYTES)
    total = Container(
        "",
        cpu_cores=sum(one.cpu_cores or 0.0 for one in containers),
        memory_bytes=sum(one.memory_bytes or 0.0 for one in containers) + PAUSE_MEMORY_BYTES,
    )
    found = [Series("kube_pod_info", {**known, "node": node, "created_by_kind": "ReplicaSet"}, 1.0)]
    for one in (total, pause, *containers):
        found += _cadvisor(one, where, cgroup)
    for one in containers:
        found += _kube_state(one, known, node)
    return found


def _cadvisor(container: Container, where: Mapping[str, str], cgroup: str) -> list[Series]:
    name, image = "", ""
    if container.name:
        name = hashlib.sha256(f"{cgroup}/{container.name}".encode()).hexdigest()
        image = f"registry.example/{container.name}:1.0"
        cgroup = f"{cgroup}/cri-containerd-{name}.scope"
    if container.name == "POD":
        image = "registry.k8s.io/pause:3.9"
    labels = {**where, "container": container.name, "id": cgroup, "image": image, "name": name}
    found = []
    if container.cpu_cores is not None:
        total = {**labels, "cpu": "total"}
        found.append(Series("container_cpu_usage_seconds_total", total, per_second=container.cpu_cores))
    if container.memory_bytes is not None:
        found.append(Series("container_memory_working_set_bytes", labels, container.memory_bytes))
    return found


def _kube_state(container: Container, known: Mapping[str, str], node: str) -> list[Series]:
    labels = {**known, "container": container.name}
    amounts = (
        ("limits", "cpu", "core", container.cpu_limit_cores),
        ("limits", "memory", "byte", container.memory_limit_bytes),
        ("requests", "cpu", "core", container.cpu_request_cores),
        ("requests", "memory", "byte", container.memory_request_bytes),
    )
    found = [
        Series(
            f"kube_pod_container_resource_{kind}",
            {**labels, "node": node, "resource": resource, "unit": unit},
            value,
        )
        for kind, resource, unit, value in amounts
        if value is not None
    ]
    return [*found, Series("kube_pod_container_status_restarts_total", labels, container.restarts)]


def node_series(
    instance: str,
    cores: int,
    cpu_cores_used: float,
    memory_total_bytes: float,
    memory_available_bytes: float,
) -> list[Series]:
    """Returns one node's series, one for each mode of each processor; what is not used is idle."""
    used = cpu_cores_used / cores
    modes = {"user": used * 0.75, "system": used * 0.25, "idle": 1.0 - used}
    quiet = dict.fromkeys(("iowait", "irq", "nice", "softirq", "steal"), 0.0)
    where = {"instance": instance}
    processors = [
        Series("node_cpu_seconds_total", {**where, "cpu": str(cpu), "mode": mode}, per_second=share)
        for cpu in range(cores)
        for mode, share in {**modes, **quiet}.items()
    ]
    return [
        *processors,
        Series("node_memory_MemTotal_bytes", where, memory_total_bytes),
        Series("node_memory_MemAvailable_bytes", where, memory_available_bytes),
    ]
