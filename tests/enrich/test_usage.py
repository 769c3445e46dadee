"""What is read out of the answers about use, request and limit."""

import math
from collections.abc import Mapping

import pytest

from alerts.findings import Gap, Reading
from enrich._base import Answers, NoAnswer
from enrich._target import BY_CONTAINER
from enrich._usage import Usage
from enrich._vector import Sample, Vector
from tests.enrich.lookup import NOW, alert

USAGE = Usage(
    name="threads",
    title="threads",
    unit="cores",
    resource="threads",
    metric="threads",
    counter=False,
    instance_use="node_threads{$matchers}",
    instance_limit="node_threads_max{$matchers}",
    instance_metric="node_threads",
)
CART = alert(namespace="shop", pod="cart-1")
Values = Mapping[tuple[str, str], float] | NoAnswer


def answers(use: Values, request: Values, limit: Values) -> Answers:
    """Returns answers about pod cart-1: values by namespace and container."""

    def vector(values: Values) -> Vector | NoAnswer:
        if isinstance(values, NoAnswer):
            return values
        return Vector(
            Sample({"namespace": namespace, "pod": "cart-1", "container": container, "resource": "threads"}, value)
            for (namespace, container), value in values.items()
        )

    vectors = {"use": vector(use), "request": vector(request), "limit": vector(limit)}
    return Answers({name: f"the {name}" for name in vectors}, vectors, NOW)


APP, PROXY, STAGING = ("shop", "app"), ("shop", "proxy"), ("staging", "app")


@pytest.mark.parametrize(
    ("labels", "use", "request_", "limit", "expected"),
    [
        ({}, {APP: 1}, {APP: 2}, {APP: 4}, "1.00 of 4.00 cores (25%), request 2.00 cores"),
        ({}, {APP: 1, PROXY: 2}, {APP: 2}, {APP: 4, PROXY: 4}, "3.00 of 8.00 cores (38%)"),
        ({}, {APP: 1, PROXY: 2}, {}, {APP: 4}, "3.00 cores"),
        ({"container": "app"}, {APP: 1, PROXY: 2}, {}, {APP: 4}, "1.00 of 4.00 cores (25%)"),
        # A container that has a limit and does not run adds nothing to either side.
        ({}, {APP: 1}, {}, {APP: 4, PROXY: 4}, "1.00 of 4.00 cores (25%)"),
        ({"namespace": ""}, {APP: 1}, {}, {APP: 4, STAGING: 2}, "1.00 of 4.00 cores (25%)"),
        ({"namespace": ""}, {APP: 1}, {STAGING: 1}, {STAGING: 2}, "1.00 cores"),
        ({}, {APP: 0}, {}, {APP: 0}, "0.00 cores"),
        ({}, {APP: 1}, {APP: math.nan}, {APP: math.nan}, "1.00 cores"),
        ({}, {APP: 1}, {}, {APP: math.inf}, "1.00 cores"),
        ({}, {APP: 6}, {}, {APP: 4}, "6.00 of 4.00 cores (150%)"),
    ],
)
def test_reads_the_use_and_its_bounds(
    labels: dict[str, str], use: Values, request_: Values, limit: Values, expected: str
) -> None:
    """Use is summed over the containers, and bounded only by what bounds all of them."""
    about = alert(**{**CART.labels, **labels})
    (found,) = USAGE.read(about, answers(use, request_, limit))
    assert ("threads", expected) == (found.name, found.text)


@pytest.mark.parametrize(
    ("labels", "use", "expected"),
    [
        ({}, {}, "no data: threads has no samples for pod shop/cart-1"),
        ({"container": "web"}, {APP: 1}, "no data: threads has no samples for pod shop/cart-1, container web"),
        ({"namespace": ""}, {}, "no data: threads has no samples for pod cart-1"),
        ({"namespace": "mail"}, {APP: 1}, "no data: threads has no samples for pod mail/cart-1"),
        ({}, {APP: math.nan, PROXY: 1}, "no data: Prometheus has nan for it"),
        ({}, {APP: math.inf}, "no data: Prometheus has inf for it"),
        ({"namespace": ""}, {APP: 1, STAGING: 1}, "the alert has no namespace label and pod cart-1 is in several"),
        ({}, NoAnswer("Prometheus timed out after 2s"), "Prometheus timed out after 2s"),
    ],
)
def test_says_why_the_use_is_not_known(labels: dict[str, str], use: Values, expected: str) -> None:
    """Without a use there is no reading, and the reason names what was looked for."""
    with pytest.raises(NoAnswer) as raised:
        USAGE.read(alert(**{**CART.labels, **labels}), answers(use, {APP: 1}, {APP: 1}))
    assert expected == str(raised.value)


def test_a_bound_that_was_not_answered_is_a_gap_of_its_own() -> None:
    """The use is told although the limit could not be asked for, with the gap beside it."""
    found = USAGE.read(CART, answers({APP: 1}, {APP: 2}, NoAnswer("Prometheus timed out after 2s")))
    reading, gap = found
    assert "1.00 cores, request 2.00 cores" == reading.text
    assert Gap("threads", "threads limit", "Prometheus timed out after 2s") == gap


def test_an_instance_has_a_limit_and_no_request() -> None:
    """An instance's use is measured against all there is of it."""
    about = alert(instance="node-1:9100")
    assert {"instance use", "instance limit"} == set(USAGE.questions([about]))
    vectors: dict[str, Vector | NoAnswer] = {
        name: Vector([Sample({"instance": "node-1:9100"}, value), Sample({"instance": "node-2:9100"}, 9)])
        for name, value in (("instance use", 3), ("instance limit", 4))
    }
    (found,) = USAGE.read(about, Answers(USAGE.questions([about]), vectors, NOW))
    assert "3.00 of 4.00 cores (75%)" == found.text


def test_a_reading_names_its_query_and_moment() -> None:
    """Who doubts a value can ask for it again, and for what it was before."""
    (found,) = USAGE.read(CART, answers({APP: 1}, {}, {}))
    assert isinstance(found, Reading)
    matchers = 'namespace="shop",pod="cart-1",container!="",container!="POD"'
    assert (f"sum(max {BY_CONTAINER} (threads{{{matchers}}}))", NOW, True) == (found.query, found.at, found.drawn)
