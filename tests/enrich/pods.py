"""The pods and nodes that the tests of CPU and memory look up, each made for one thing that can go wrong."""

from tests.enrich.lookup import MIB, Cluster
from tests.far_sides.exporter import Exporter


def add(
    exporter: Exporter,
    where: str,
    cores: tuple[float, float | None, float | None],
    mebibytes: tuple[float, float | None, float | None],
) -> None:
    """Adds a container, "namespace/pod/container", with its use, limit and request."""
    namespace, pod, container = where.split("/")
    use, limit, request = (each if each is None else each * MIB for each in mebibytes)
    exporter.add_pod(
        namespace,
        pod,
        container,
        cpu_cores=cores[0],
        cpu_limit_cores=cores[1],
        cpu_request_cores=cores[2],
        memory_bytes=use,
        memory_limit_bytes=limit,
        memory_request_bytes=request,
    )


def fill(cluster: Cluster) -> None:
    """Adds them all and waits until they can be asked for."""
    exporter = cluster.exporter
    add(exporter, "shop/cart-1/app", (0.42, 0.5, None), (220, 256, None))
    add(exporter, "shop/asking-1/app", (0.42, 0.5, 0.25), (220, 256, 128))
    add(exporter, "shop/two-1/app", (0.3, 0.5, None), (100, 200, None))
    add(exporter, "shop/two-1/proxy", (0.12, 0.5, None), (50, 56, None))
    add(exporter, "shop/partly-1/app", (0.42, 0.5, None), (220, 256, None))
    add(exporter, "shop/partly-1/proxy", (0.08, None, None), (30, None, None))
    # Two pods in two namespaces each, so that no value is found by pod or by namespace alone.
    for number, where in enumerate(("east/a/app", "east/b/app", "west/a/app", "west/b/app"), start=1):
        add(exporter, where, (number / 10, 1, None), (number * 10, 100, None))
    # Named so that the first one's name, read as a regular expression, takes the second one too.
    add(exporter, "shop/web.1/app", (0.1, None, None), (10, None, None))
    add(exporter, "shop/webx1/app", (0.9, None, None), (90, None, None))
    add(cluster.young, "shop/young-1/app", (0.42, 0.5, None), (220, 256, None))
    # What a container leaves behind when it restarts: its series stay for five minutes under another id.
    add(exporter, "shop/again-1/app", (0.42, 0.5, None), (220, 256, None))
    left = {"namespace": "shop", "pod": "again-1", "container": "app", "id": "/left", "name": "left"}
    exporter.count("container_cpu_usage_seconds_total", {**left, "cpu": "total"}, 0.3)
    exporter.set("container_memory_working_set_bytes", left, 200 * MIB)
    # An older cAdvisor, with a series for each processor.
    old = {"namespace": "shop", "pod": "old-1", "container": "app", "id": "/old", "name": "old"}
    for cpu, cores in (("cpu00", 0.2), ("cpu01", 0.1)):
        exporter.count("container_cpu_usage_seconds_total", {**old, "cpu": cpu}, cores)
    exporter.set("container_memory_working_set_bytes", old, 64 * MIB)
    for instance, used in (("node-1:9100", 3), ("node-10:9100", 1)):
        exporter.add_node(
            instance,
            cores=4,
            cpu_cores_used=used,
            memory_total_bytes=8192 * MIB,
            memory_available_bytes=(4 - used) * 2048 * MIB,
        )
    cluster.scraped()


SEVERAL = "the alert has no namespace label and pod a is in several"


def no_data(metric: str, what: str) -> str:
    """Returns the reason of a gap about what Prometheus does not know."""
    return f"no data: {metric} has no samples for {what}"
