"""An instant vector's samples are found by their labels."""

import pytest

from enrich._vector import Sample, Vector

CART = Sample({"namespace": "shop", "pod": "cart-1"}, 1.0)
MAIL = Sample({"namespace": "mail", "pod": "cart-1"}, 2.0)
NODE = Sample({"instance": "node-1:9100"}, 3.0)
VECTOR = Vector(iter([CART, MAIL, NODE]))


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({"pod": "cart-1"}, [CART, MAIL]),
        ({"pod": "cart-1", "namespace": "mail"}, [MAIL]),
        ({"namespace": "mail", "pod": "cart-1"}, [MAIL]),
        ({"pod": "cart"}, []),
        ({"pod": "cart-."}, []),
        ({"container": "app"}, []),
        ({"pod": ""}, [NODE]),
        ({}, [CART, MAIL, NODE]),
    ],
)
def test_finds_by_labels(labels: dict[str, str], found: list[Sample]) -> None:
    """Samples are found by exact values, in any order of labels, and a missing label is an empty one."""
    assert found == VECTOR.where(**labels)


def test_nothing_is_found_in_an_empty_answer() -> None:
    """An empty vector has no samples for anything."""
    assert [] == Vector().where(pod="cart-1")
    assert () == Vector().samples


def test_finds_by_the_labels_that_were_asked_for() -> None:
    """Though a sample is read under others, as one of kube-state-metrics without `honor_labels` is."""
    moved = Sample({"pod": "cart-1"}, 4.0, {"pod": "exporter", "exported_pod": "cart-1"})
    vector = Vector([CART, moved])
    assert [CART, moved] == vector.where(pod="cart-1")
    assert [CART] == vector.stored({"pod": "cart-1"})
    assert [moved] == vector.stored({"pod": "exporter", "exported_pod": "cart-1"})
