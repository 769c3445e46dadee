"""What Prometheus answers, read; how it is asked is in test_prometheus.py."""

from typing import Any

import pytest

from enrich import _answer
from enrich._vector import Sample, Series
from tests.enrich.lookup import NOW


def document(kind: str, *result: Any) -> dict[str, Any]:
    """Returns a successful answer."""
    return {"status": "success", "data": {"resultType": kind, "result": list(result)}}


def test_reads_a_matrix() -> None:
    """Each series with its values and their times; numbers that are none are kept for what they are."""
    told = document("matrix", {"metric": {"exported_pod": "b", "pod": "ksm"}, "values": [[1, "0.5"], [2.5, "+Inf"]]})
    expected = [Series({"exported_pod": "b", "pod": "ksm"}, ((1.0, 0.5), (2.5, float("inf"))))]
    assert expected == _answer.matrix(told)
    assert [] == _answer.matrix(document("matrix"))


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        document("vectors"),
        document("matrix", {"metric": {}}),
        document("matrix", {"metric": {}, "values": [[1]]}),
        document("matrix", {"metric": {}, "values": [[1, "many"]]}),
        document("matrix", {"metric": {}, "values": 7}),
        document("matrix", {"metric": None, "values": []}),
    ],
)
def test_anything_else_is_no_matrix(wrong: Any) -> None:
    """It is an error of a few kinds, each of which means the same."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        _answer.matrix(wrong)


def test_reads_no_more_than_a_hundred_series() -> None:
    """Each has many values."""
    with pytest.raises(_answer.Unfit, match=r"^101 series, more than 100$"):
        _answer.matrix(document("matrix", *[{"metric": {}, "values": []}] * 101))


def test_knows_which_labels_are_prometheus_own() -> None:
    """What is called otherwise here is to be asked for as it is called there."""
    (sample,) = _answer.vector(
        document("vector", {"metric": {"exported_pod": "b", "pod": "ksm", "job": "x"}, "value": [1, "1"]}), NOW
    ).samples
    there = {"exported_pod": "b", "pod": "ksm", "job": "x"}
    assert Sample({"exported_pod": "b", "pod": "b", "job": "x"}, 1.0, there) == sample
    assert there == sample.stored
