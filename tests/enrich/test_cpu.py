"""CPU as a real Prometheus knows it."""

import pytest

from alerts.findings import Reading
from enrich.cpu import Enricher
from tests.enrich.lookup import Cluster, Lookup, alert
from tests.enrich.pods import SEVERAL, no_data

METRIC = "container_cpu_usage_seconds_total"
WHOLE = "0.42 of 0.50 cores (84%)"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # One container, with and without saying which.
        ({"namespace": "shop", "pod": "cart-1", "container": "app"}, WHOLE),
        ({"namespace": "shop", "pod": "cart-1"}, WHOLE),
        ({"namespace": "shop", "pod": "cart-1", "container": "POD"}, WHOLE),
        ({"namespace": "shop", "pod": "asking-1"}, "0.42 of 0.50 cores (84%), request 0.25 cores"),
        # Several containers: their sum, against a limit if each has one.
        ({"namespace": "shop", "pod": "two-1"}, "0.42 of 1.00 cores (42%)"),
        ({"namespace": "shop", "pod": "two-1", "container": "proxy"}, "0.12 of 0.50 cores (24%)"),
        ({"namespace": "shop", "pod": "partly-1"}, "0.50 cores"),
        ({"namespace": "shop", "pod": "partly-1", "container": "app"}, WHOLE),
        ({"namespace": "shop", "pod": "partly-1", "container": "proxy"}, "0.080 cores"),
        # Without a namespace: found where there is one such pod only.
        ({"pod": "cart-1"}, WHOLE),
        ({"pod": "a"}, SEVERAL),
        # Labels that the exporter's own pushed aside.
        (
            {
                "exported_namespace": "shop",
                "exported_pod": "cart-1",
                "namespace": "monitoring",
                "pod": "kube-state-metrics-1",
                "container": "kube-state-metrics",
            },
            WHOLE,
        ),
        # A name is a name and no regular expression.
        ({"namespace": "shop", "pod": "web.1"}, "0.10 cores"),
        ({"namespace": "shop", "pod": "web.*"}, no_data(METRIC, "pod shop/web.*")),
        ({"namespace": "shop", "pod": "web.1|webx1"}, no_data(METRIC, "pod shop/web.1|webx1")),
        # What is not there.
        ({"namespace": "shop", "pod": "gone-1"}, no_data(METRIC, "pod shop/gone-1")),
        ({"namespace": "mail", "pod": "cart-1"}, no_data(METRIC, "pod mail/cart-1")),
        ({"pod": "gone-1", "container": "app"}, no_data(METRIC, "pod gone-1, container app")),
        ({"namespace": "shop", "pod": "cart-1", "container": "web"}, no_data(METRIC, "pod shop/cart-1, container web")),
        # A container that restarted, whose old series lingers; one that kube-state-metrics does not know.
        ({"namespace": "shop", "pod": "again-1"}, WHOLE),
        ({"namespace": "shop", "pod": "old-1"}, "0.30 cores"),
        # Nodes.
        ({"instance": "node-1:9100"}, "3.00 of 4.00 cores (75%)"),
        ({"instance": "node-1.:9100"}, no_data("node_cpu_seconds_total", "instance node-1.:9100")),
        # What names neither has none, and nothing is missing.
        ({"namespace": "shop"}, ""),
        ({}, ""),
    ],
)
def test_tells_the_use(lookup: Lookup, labels: dict[str, str], expected: str) -> None:
    """The use of what the labels name, against its limit, or why there is none."""
    assert [expected] == lookup.texts(Enricher(), alert(**labels))


def test_each_of_many_gets_its_own(lookup: Lookup) -> None:
    """Asked about at once, two pods of the same names in two namespaces, and a node, get their own values."""
    alerts = [alert(namespace=namespace, pod=pod) for pod in ("b", "a") for namespace in ("east", "west")]
    expected = [f"0.{tenths}0 of 1.00 cores ({tenths}0%)" for tenths in (2, 4, 1, 3)]
    node = "1.00 of 4.00 cores (25%)"
    found = lookup.texts(Enricher(), *alerts, alert(), alert(pod="a"), alert(instance="node-10:9100"))
    assert [*expected, "", SEVERAL, node] == found


def cores(lookup: Lookup, pod: str) -> float:
    """Returns the cores in use by a pod, as a number."""
    ((reading,),) = lookup.findings(Enricher(), [alert(namespace="shop", pod=pod)])
    assert isinstance(reading, Reading), reading.text
    return reading.value


def test_a_young_counter_gives_its_true_rate(lookup: Lookup) -> None:
    """Of a container that runs for seconds the use is what it is, and not a part of it."""
    assert pytest.approx(0.42, rel=0.05) == cores(lookup, "young-1")


def test_a_reset_counter_gives_its_true_rate(cluster: Cluster, lookup: Lookup) -> None:
    """A counter that began again at 0 is not taken for a fall."""
    cluster.exporter.add_pod("shop", "reset-1", "app", cpu_cores=0.42)
    cluster.scraped()
    metric = "container_cpu_usage_seconds_total"
    (series,) = cluster.server.query(f'{metric}{{pod="reset-1",container="app"}}')
    labels = {name: value for name, value in series.labels.items() if name not in ("__name__", "job", "instance")}
    cluster.exporter.set(metric, labels, 0)
    cluster.exporter.count(metric, labels, 0.42)
    cluster.server.wait_until(f'resets({metric}{{pod="reset-1",container="app"}}[5m]) > 0')
    assert pytest.approx(0.42, rel=0.05) == cores(lookup, "reset-1")


def test_what_only_waits_is_not_busy(cluster: Cluster, lookup: Lookup) -> None:
    """Of a node's modes idle, iowait and steal are no use of its processors."""
    for mode, share in (("user", 0.25), ("idle", 0.25), ("iowait", 0.25), ("steal", 0.25)):
        labels = {"instance": "node-2:9100", "cpu": "0", "mode": mode}
        cluster.exporter.count("node_cpu_seconds_total", labels, share)
    cluster.scraped()
    assert ["0.25 of 1.00 cores (25%)"] == lookup.texts(Enricher(), alert(instance="node-2:9100"))
