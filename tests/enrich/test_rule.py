"""What an alert says of its rule: the expression, and which of its series are the alert's own."""

from urllib.parse import quote

import pytest

from enrich._base import NoAnswer
from enrich._rule import expression, own, undecided
from enrich._vector import Sample, Vector
from tests.enrich.lookup import alert

WRITTEN = 'a{x="&#"} > 1'


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"http://prometheus.example:9090/graph?g0.expr={quote(WRITTEN)}&g0.tab=1", WRITTEN),
        ("http://a/graph?g1.expr=b", ""),
        ("http://a/graph?g0.expr=a&g0.expr=b", "a"),
        ("http://a/graph?" + "a=b&" * 200 + "g0.expr=a", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_finds_the_expression(url: str, expected: str) -> None:
    """As Prometheus writes it; where there is none, or the URL is none, it is empty."""
    assert expected == expression(url)


def samples(*labels: dict[str, str]) -> Vector:
    """Returns an answer with series of these labels."""
    return Vector([Sample(each, 1.0) for each in labels])


@pytest.mark.parametrize(
    ("series", "mine", "maybe"),
    [
        ({"pod": "a"}, True, False),
        ({"pod": "b"}, False, False),
        ({"__name__": "x", "pod": "a", "namespace": "shop"}, True, False),
        ({}, True, False),
        ({"pod": "a", "replica": "1"}, False, True),
        ({"pod": "b", "replica": "1"}, False, False),
        ({"replica": "1"}, False, True),
    ],
)
def test_tells_whose_a_series_is(series: dict[str, str], mine: bool, maybe: bool) -> None:
    """The alert's own has its labels; one with labels that it lacks, and agrees in all others, may be."""
    about = alert(namespace="shop", pod="a", severity="critical")
    assert (mine, maybe) == (bool(own(samples(series), about)), bool(undecided(samples(series), about)))


def test_those_that_agree_in_most_are_its_own() -> None:
    """A rule's aggregation beside them is not."""
    found = own(samples({"pod": "a"}, {}, {"pod": "a", "namespace": "shop"}), alert(namespace="shop", pod="a"))
    assert [{"pod": "a", "namespace": "shop"}] == [each.labels for each in found]


def test_does_not_look_through_series_of_too_many_kinds() -> None:
    """Each kind is looked through by itself."""
    with pytest.raises(NoAnswer, match="series of 21 kinds"):
        own(samples(*({f"label_{at}": "a"} for at in range(21))), alert(pod="a"))
