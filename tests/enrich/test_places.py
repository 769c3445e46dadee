"""Which pods Kubernetes is asked about: of firing alerts, by names that it would take, the worst first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cluster.names import is_label, is_name
from enrich._base import NoAnswer
from enrich._places import MOST_PODS, Place, places
from tests.enrich.contract import HOSTILE
from tests.enrich.lookup import NOW, alert


def test_are_those_of_firing_alerts() -> None:
    """In the alerts' order; nothing of what is no pod, or is over."""
    pod = alert(namespace="shop", pod="cart-1", container="app")
    over = replace(pod, status="resolved", ends_at=NOW)
    assert [Place("shop", "cart-1"), None, None, Place("shop", "cart-1")] == places(
        [pod, alert(instance="node-1"), over, pod]
    )


def test_are_not_the_exporters() -> None:
    """The metric's own pod counts, not who told of it."""
    exported = alert(namespace="monitor", pod="ksm-1", exported_namespace="shop", exported_pod="cart-1")
    assert [Place("shop", "cart-1")] == places([exported])


def test_needs_a_namespace() -> None:
    """A pod may be in any: why it is not looked up is said."""
    (found,) = places([alert(pod="cart-1")])
    assert "the alert has no namespace label, and pod cart-1 may be in any" == str(found)


@pytest.mark.parametrize("value", [*HOSTILE, "..", ".", "a/b", "a..%2f", "-a", "a-", "A", "a\n", "x" * 254, "é"])
def test_takes_no_other_names(value: str) -> None:
    """Whatever a label holds, no URL is made of it."""
    assert not is_name(value)
    assert not is_label(value)
    found = places([alert(namespace="shop", pod=value), alert(namespace=value, pod="cart-1")])
    assert ["the alert's namespace and pod are no names that Kubernetes takes"] * 2 == [str(each) for each in found]


def test_a_pod_may_have_dots_and_a_namespace_may_not() -> None:
    """As RFC 1123 has labels and names."""
    assert (True, False) == (is_name("cart-1.example"), is_label("cart-1.example"))
    assert (True, True, False) == (is_name("x" * 253), is_label("x" * 63), is_label("x" * 64))


def test_are_the_worst_and_newest() -> None:
    """Of more pods than are looked up at a time; the others say so, and one pod counts once."""
    old = [replace(alert(namespace="a", pod=f"p-{at}"), starts_at=NOW - timedelta(hours=at)) for at in range(12)]
    critical = alert(namespace="a", pod="worst", severity="critical")
    found = places([*old, critical, critical])
    chosen = [each.pod for each in found if isinstance(each, Place)]
    assert [*(f"p-{at}" for at in range(MOST_PODS - 1)), "worst", "worst"] == chosen
    left_out = {str(each) for each in found if isinstance(each, NoAnswer)}
    assert {"left out: 10 pods at a time are looked up, the worst and newest"} == left_out
