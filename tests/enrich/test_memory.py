"""memory as a real Prometheus knows it."""

import pytest

from enrich.memory import Enricher
from tests.enrich.lookup import Lookup, alert
from tests.enrich.pods import SEVERAL, no_data

METRIC = "container_memory_working_set_bytes"
WHOLE = "220 MiB of 256 MiB (86%)"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # One container, with and without saying which.
        ({"namespace": "shop", "pod": "cart-1", "container": "app"}, WHOLE),
        ({"namespace": "shop", "pod": "cart-1"}, WHOLE),
        ({"namespace": "shop", "pod": "cart-1", "container": "POD"}, WHOLE),
        ({"namespace": "shop", "pod": "asking-1"}, "220 MiB of 256 MiB (86%), request 128 MiB"),
        # Several containers: their sum, against a limit if each has one.
        ({"namespace": "shop", "pod": "two-1"}, "150 MiB of 256 MiB (59%)"),
        ({"namespace": "shop", "pod": "two-1", "container": "proxy"}, "50 MiB of 56 MiB (89%)"),
        ({"namespace": "shop", "pod": "partly-1"}, "250 MiB"),
        ({"namespace": "shop", "pod": "partly-1", "container": "app"}, WHOLE),
        ({"namespace": "shop", "pod": "partly-1", "container": "proxy"}, "30 MiB"),
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
        ({"namespace": "shop", "pod": "web.1"}, "10 MiB"),
        ({"namespace": "shop", "pod": "web.*"}, no_data(METRIC, "pod shop/web.*")),
        ({"namespace": "shop", "pod": "web.1|webx1"}, no_data(METRIC, "pod shop/web.1|webx1")),
        # What is not there.
        ({"namespace": "shop", "pod": "gone-1"}, no_data(METRIC, "pod shop/gone-1")),
        ({"namespace": "mail", "pod": "cart-1"}, no_data(METRIC, "pod mail/cart-1")),
        ({"pod": "gone-1", "container": "app"}, no_data(METRIC, "pod gone-1, container app")),
        ({"namespace": "shop", "pod": "cart-1", "container": "web"}, no_data(METRIC, "pod shop/cart-1, container web")),
        # A container that restarted, whose old series lingers; one that kube-state-metrics does not know.
        ({"namespace": "shop", "pod": "again-1"}, WHOLE),
        ({"namespace": "shop", "pod": "old-1"}, "64 MiB"),
        # Nodes.
        ({"instance": "node-1:9100"}, "6.0 GiB of 8.0 GiB (75%)"),
        ({"instance": "node-1.:9100"}, no_data("node_memory_MemAvailable_bytes", "instance node-1.:9100")),
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
    expected = [f"{tens}0 MiB of 100 MiB ({tens}0%)" for tens in (2, 4, 1, 3)]
    node = "2.0 GiB of 8.0 GiB (25%)"
    found = lookup.texts(Enricher(), *alerts, alert(), alert(pod="a"), alert(instance="node-10:9100"))
    assert [*expected, "", SEVERAL, node] == found
