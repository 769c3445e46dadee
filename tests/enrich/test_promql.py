"""PromQL to the letter: label values stay what they are."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from enrich import Prometheus
from enrich._promql import any_of, equal, only, quoted
from outbound import Http
from tests.enrich.lookup import Cluster


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cart-1", '"cart-1"'),
        ('a"b\\c\nd', '"a\\"b\\\\c\\nd"'),
        ("half an emoji: \ufffd", '"half an emoji: \\ufffd"'),
    ],
)
def test_quotes(text: str, expected: str) -> None:
    """What would end or break a PromQL string is escaped."""
    assert expected == quoted(text)


def test_what_is_no_name_is_not_asked_for() -> None:
    """A label of a megabyte would take Prometheus seconds; a matcher without any value is for nobody."""
    assert 'pod=~"a"' == any_of("pod", ["a", "b" * 2_000])
    assert 'pod=~"\0"' == any_of("pod", ["b" * 2_000])


def test_one_matcher_takes_many_values() -> None:
    """Values are told once, in order, and to the letter."""
    assert 'pod=~"a\\\\.b|c\\\\|d|e"' == any_of("pod", ["e", "a.b", "c|d", "e"])


def test_matchers_take_just_these_values() -> None:
    """Each to the letter."""
    assert 'namespace="shop",pod="a\\"b"' == equal({"namespace": "shop", "pod": 'a"b'})


def test_chooses_a_series_behind_an_aggregation() -> None:
    """By labels of any value; a name that Prometheus would want quoted, and that of a metric, choose nothing."""
    labels = {"__name__": "up", "pod": "$1", "my.label": "x"}
    assert '(sum by (pod) (x)) and on (pod) label_replace(vector(1), "pod", "$$1", "", "")' == only(
        "sum by (pod) (x)", labels
    )
    assert "sum(x)" == only("sum(x)", {})


# No NUL: Prometheus' text format, by which they get in, cannot hold one.
SPECIAL = st.sampled_from('\\".|*+?()[]{}^$-\n\r\ufffd aA')
ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
VALUES = st.text(SPECIAL | ANY, min_size=1, max_size=8)


@settings(
    max_examples=2,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(values=st.sets(VALUES, min_size=50, max_size=50), absent=VALUES)
def test_label_values_find_their_own_series(cluster: Cluster, http: Http, values: set[str], absent: str) -> None:
    """A value of any text finds exactly the series that has it, alone and among others."""
    metric = f"labelled_{time.monotonic_ns()}"
    for value in values:
        cluster.exporter.set(metric, {"text": value}, 1)
    cluster.scraped()
    client = Prometheus(cluster.server.url, http)

    def found(matchers: str) -> set[str]:
        samples = client.query(f"{metric}{{{matchers}}}", datetime.now(UTC), 5).samples
        return {sample.labels["text"] for sample in samples}

    assert values == found(any_of("text", values))
    for value in values:
        assert {value} == found(any_of("text", [value]))
        assert {value} == found(f"text={quoted(value)}")
        assert {value} == found(any_of("text", [value, *{absent} - values]))
