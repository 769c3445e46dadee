"""What Prometheus' HTTP API answers, read into samples and series.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from enrich._vector import Sample, Series, Vector

MOST_SERIES = 200_000
# Of a range each has many values.
_MOST_RANGES = 100
_KINDS = ("vector", "matrix", "scalar", "string")
_MAX_ERROR = 200
_MAX_WARNINGS = 3

# What a label is called where another exporter, or Prometheus' own scraping, has given it another name: the first that
# there is goes before what stands under the usual name, which is then the exporter's.
_OTHER_NAMES = (
    ("namespace", ("exported_namespace", "container_label_io_kubernetes_pod_namespace")),
    ("pod", ("exported_pod", "pod_name", "container_label_io_kubernetes_pod_name")),
    ("container", ("exported_container", "container_name", "container_label_io_kubernetes_container_name")),
    ("node", ("exported_node",)),
)
_ANY_OTHER_NAME = frozenset(other for _, others in _OTHER_NAMES for other in others)


class Unfit(Exception):
    """An answer that is well and not read; the message says what it is: more series than are read, or no vector."""


def vector(document: Any, at: datetime | None) -> Vector:
    """An instant vector.

    Args:
        at: the moment that it is of; None where none was named.

    Raises:
        Unfit: it has more than 200,000 samples, or is another kind of answer.
        KeyError, TypeError, ValueError, IndexError, OverflowError: it is none.
    """
    return Vector((_sample(each) for each in _result(document, "vector", MOST_SERIES)), at, _warnings(document))


def matrix(document: Any) -> list[Series]:
    """A range vector.

    Raises:
        Unfit: it has more than a hundred series, or is another kind of answer.
        KeyError, TypeError, ValueError, IndexError, OverflowError: it is none.
    """
    return [
        Series(_labels(each), tuple((float(seconds), float(value)) for seconds, value in each["values"]))
        for each in _result(document, "matrix", _MOST_RANGES)
    ]


def one_line(error: str) -> str:
    """The beginning of an error, without half surrogate pairs: JSON may hold them, and nothing could store them."""
    return " ".join(error.encode(errors="replace").decode().split())[:_MAX_ERROR]


def _result(document: Any, kind: str, most: int) -> list[Any]:
    data = document["data"]
    found = data["result"]
    if data["resultType"] in _KINDS and data["resultType"] != kind:
        raise Unfit(f"a {data['resultType']}, and no {kind}")
    if data["resultType"] != kind or not isinstance(found, list):
        raise ValueError(f"not a {kind}")
    if len(found) > most:
        raise Unfit(f"{len(found):,} series, more than {most:,}")
    return found


def _warnings(document: Any) -> tuple[str, ...]:
    """What it warns of and what it only wants to have said, as far as anybody would read it."""
    said = [each for kind in ("warnings", "infos") for each in document.get(kind) or () if isinstance(each, str)]
    return tuple(one_line(each) for each in said[:_MAX_WARNINGS])


def _sample(each: Any) -> Sample:
    stored = _labels(each)
    if _ANY_OTHER_NAME.isdisjoint(stored):
        return Sample(stored, float(each["value"][1]))
    labels = dict(stored)
    for usual, others in _OTHER_NAMES:
        named = next(filter(None, map(labels.get, others)), None)
        if named:
            labels[usual] = named
    return Sample(labels, float(each["value"][1]), stored)


def _labels(each: Any) -> dict[str, str]:
    labels: Any = each["metric"]
    if not isinstance(labels, dict) or any(type(value) is not str for value in labels.values()):
        raise TypeError("labels are text")
    return labels
