"""The exporter speaks Prometheus's text format as cAdvisor, kube-state-metrics and node-exporter do."""

import re
from collections.abc import Iterator

import pytest
import requests

from tests.far_sides.exporter import Exporter


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """An exporter whose series have no past."""
    with Exporter(history_seconds=0) as server:
        yield server


def scrape(exporter: Exporter) -> str:
    """Returns what /metrics says now."""
    return requests.get(exporter.url, timeout=5).text


def value(exporter: Exporter, start: str) -> float:
    """Returns the value of the one sample whose line starts so."""
    (line,) = [line for line in scrape(exporter).splitlines() if line.startswith(start)]
    return float(line.rsplit(" ", 1)[1])


def test_escapes_label_values(exporter: Exporter) -> None:
    """Backslash, quote and newline are escaped in label values."""
    exporter.set("up_to_date", {"path": 'a\\b"c\nd'}, 1)
    assert '# TYPE up_to_date gauge\nup_to_date{path="a\\\\b\\"c\\nd"} 1.0\n' == scrape(exporter)


def test_changes_and_removes_series(exporter: Exporter) -> None:
    """A series holds its last value until it is removed with all that share its labels."""
    exporter.set("a", {"pod": "x", "n": "1"}, 1)
    exporter.set("a", {"pod": "x", "n": "1"}, 2)
    exporter.set("a", {"pod": "y"}, 3)
    assert 2 == value(exporter, 'a{n="1"')
    exporter.remove({"pod": "x"})
    assert '# TYPE a gauge\na{pod="y"} 3.0\n' == scrape(exporter)


def test_counters_never_fall(exporter: Exporter) -> None:
    """A counter goes on from where it stands when its rate changes."""
    exporter.count("served_total", {}, per_second=1000)
    first = value(exporter, "served_total{")
    exporter.count("served_total", {}, per_second=0)
    second = value(exporter, "served_total{")
    assert first < second
    assert second == value(exporter, "served_total{")


def test_tells_the_past_once() -> None:
    """The first scrape of a series has its past with timestamps, later ones its value alone."""
    with Exporter(history_seconds=10, scrape_interval_seconds=5) as exporter:
        exporter.count("served_total", {}, per_second=2)
        samples = [line.split(" ") for line in scrape(exporter).splitlines()[1:]]
        times = [int(sample[2]) for sample in samples]
        assert [0, 5000, 10_000] == [at - times[0] for at in times]
        assert [0, 10, 20] == [round(float(sample[1]) - float(samples[0][1]), 6) for sample in samples]
        assert 2 == len(scrape(exporter).splitlines()[1].split(" "))


def test_makes_a_pods_series(exporter: Exporter) -> None:
    """A container has its usage and its limits, beside the pause container and the sum of its pod."""
    exporter.add_pod("shop", "cart-1", "app", cpu_cores=0.4, memory_bytes=1000, memory_limit_bytes=2000)
    exporter.add_pod("shop", "cart-1", "proxy", memory_bytes=500, cpu_request_cores=0.1, restarts=3)
    assert 1000 == value(exporter, 'container_memory_working_set_bytes{container="app"')
    pause = value(exporter, 'container_memory_working_set_bytes{container="POD"')
    assert 1500 + pause == value(exporter, 'container_memory_working_set_bytes{container=""')
    assert 2000 == value(exporter, 'kube_pod_container_resource_limits{container="app"')
    assert 0.1 == value(exporter, 'kube_pod_container_resource_requests{container="proxy"')
    assert 3 == value(exporter, 'kube_pod_container_status_restarts_total{container="proxy"')
    assert 1 == value(exporter, "kube_pod_info{")


def test_forgets_a_removed_container(exporter: Exporter) -> None:
    """A container that was removed is not in its pod's sum when another changes."""
    exporter.add_pod("shop", "cart-1", "app", memory_bytes=1000)
    exporter.add_pod("shop", "cart-1", "proxy", memory_bytes=500)
    exporter.remove({"pod": "cart-1", "container": "proxy"})
    exporter.add_pod("shop", "cart-1", "app", memory_bytes=2000)
    pause = value(exporter, 'container_memory_working_set_bytes{container="POD"')
    assert 2000 + pause == value(exporter, 'container_memory_working_set_bytes{container=""')
    assert 'container="proxy"' not in scrape(exporter)


def test_labels_containers_as_cadvisor_does(exporter: Exporter) -> None:
    """A container's series name its cgroup, image and id; the pod's own has none of image and name."""
    exporter.add_pod("shop", "cart-1", "app", cpu_cores=0.4, cpu_limit_cores=0.5)
    text = scrape(exporter)
    uid = r"[0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12}"
    pod = rf"/kubepods\.slice/kubepods-burstable\.slice/kubepods-burstable-pod{uid}\.slice"
    assert re.search(
        rf'container_cpu_usage_seconds_total\{{container="app",cpu="total",id="{pod}/cri-containerd-'
        r'([0-9a-f]{64})\.scope",image="registry\.example/app:1\.0",name="\1",namespace="shop",pod="cart-1"\}',
        text,
    )
    assert re.search(
        rf'container_cpu_usage_seconds_total\{{container="",cpu="total",id="{pod}",image="",name="",', text
    )
    assert re.search(
        r'kube_pod_container_resource_limits\{container="app",namespace="shop",node="node-1",pod="cart-1",'
        r'resource="cpu",uid="[-0-9a-f]{36}",unit="core"\} 0\.5\n',
        text,
    )


def test_makes_a_nodes_series(exporter: Exporter) -> None:
    """A node has each mode of each processor, and its memory."""
    exporter.add_node("node-1:9100", cores=2, cpu_cores_used=1.5, memory_total_bytes=8000, memory_available_bytes=2000)
    assert 16 == scrape(exporter).count("node_cpu_seconds_total{")
    assert 8000 == value(exporter, 'node_memory_MemTotal_bytes{instance="node-1:9100"}')
    assert 2000 == value(exporter, 'node_memory_MemAvailable_bytes{instance="node-1:9100"}')


def test_answers_metrics_only(exporter: Exporter) -> None:
    """Another path is not found."""
    assert 404 == requests.get(f"{exporter.base_url}/", timeout=5).status_code
