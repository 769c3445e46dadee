"""Prometheus' HTTP API, as Thanos, Mimir and VictoriaMetrics speak it too.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from alerts.matchers import Matcher, all_match
from config.base import SecretError
from enrich._base import NoAnswer
from enrich._breaker import Breaker
from enrich._vector import Sample, Vector
from outbound import Answer, Http, OutboundError, OutboundTimeout

MOST_SERIES = 200_000
# Of all answers that are kept together.
_MOST_KEPT = 200_000
# Who was given less has not failed when it did not answer.
_FAIR_SECONDS = 0.2
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


class Prometheus:
    """A server that speaks Prometheus' HTTP API.

    It is left alone for a while when it fails again and again, and not asked the same twice within a few seconds.

    Args:
        url: its base URL, a path prefix included.
        http: the connections to use.
        name: what people call it where there are several; "" where there is one.
        matchers: which alerts it knows about: those whose labels match all of these.
        headers: what is to be sent along with a question; they are secret.
        cache_seconds: for how long an answer is good for the same question.
    """

    def __init__(
        self,
        url: str,
        http: Http,
        *,
        name: str = "",
        matchers: Sequence[Matcher] = (),
        headers: Callable[[], Mapping[str, str]] = dict,
        cache_seconds: float = 0.0,
    ) -> None:
        self._url = url.rstrip("/")
        self._http = http
        self._headers = headers
        self._named = f"Prometheus {name}" if name else "Prometheus"
        self._matchers = tuple(matchers)
        self._breaker = Breaker(time.monotonic)
        self._cache = _Cache(cache_seconds)

    def knows(self, labels: Mapping[str, str]) -> bool:
        """Whether it is to be asked about an alert with these labels."""
        return all_match(self._matchers, labels)

    def query(self, promql: str, at: datetime, deadline_seconds: float, *, earliest: datetime | None = None) -> Vector:
        """Ask one instant query, unless the answer is known.

        Args:
            promql: by POST, so that its length does not matter.
            at: the moment that it is evaluated at.
            deadline_seconds: for the whole exchange; Prometheus is told, too.
            earliest: where it is asked about several moments, the first of them; `at` is the last.

        Raises:
            NoAnswer: with the reason, in words for the person on call.
        """
        known = self._cache.get(promql, earliest or at, at)
        if known is not None:
            return known
        if refusal := self._breaker.refusal():
            raise NoAnswer(f"{self._named} {refusal}")
        try:
            vector = self._vector(self._ask(promql, at, deadline_seconds), at)
        except _Broken as reason:
            if deadline_seconds >= _FAIR_SECONDS:
                self._breaker.failed(str(reason))
            raise NoAnswer(f"{self._named} {reason}") from None
        except NoAnswer:
            # It is well, and the question was not.
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        self._cache.keep(promql, vector)
        return vector

    def _ask(self, promql: str, at: datetime, deadline_seconds: float) -> Answer:
        form = {"query": promql, "time": f"{at.timestamp():.3f}", "timeout": f"{deadline_seconds:.3f}"}
        url = f"{self._url}/api/v1/query"
        try:
            headers = self._headers()
        except SecretError as error:
            raise _Broken(f"cannot be asked: {error}") from None
        try:
            return self._http.post(url, data=form, headers=headers, deadline_seconds=deadline_seconds)
        except OutboundTimeout:
            raise _Broken(f"timed out after {round(deadline_seconds, 1):g}s") from None
        except OutboundError as error:
            raise _Broken(f"at {error}") from None

    def _vector(self, answer: Answer, at: datetime) -> Vector:
        try:
            document = answer.json()
        except ValueError:
            document = None
        broken = answer.status == 429 or answer.status >= 500
        if isinstance(document, dict) and document.get("status") == "error":
            said = f"says: {_one_line(str(document.get('error') or f'status {answer.status}'))}"
            raise _Broken(said) if broken else NoAnswer(f"{self._named} {said}")
        if answer.status != 200:
            # Also of what stands before it: a login, a path that is not there.
            raise _Broken(f"answered with status {answer.status}")
        try:
            result = _result(document)
            if len(result) > MOST_SERIES:
                raise NoAnswer(f"{self._named} answered with {len(result):,} series, more than {MOST_SERIES:,}")
            return Vector((_sample(each) for each in result), at, _warnings(document))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            raise _Broken("answered with something that is not its API's") from None


class _Broken(Exception):
    """It is not the question that is wrong; the message follows the server's name."""


class _Cache:
    """Answers that are good for a few seconds, the latest of each question."""

    def __init__(self, seconds: float) -> None:
        self._within = timedelta(seconds=seconds)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Vector] = OrderedDict()
        self._samples = 0

    def get(self, promql: str, first: datetime, last: datetime) -> Vector | None:
        """What was answered about a moment that is near all of these."""
        with self._lock:
            known = self._kept.get(promql)
        if known is None or known.at is None or not last - self._within <= known.at <= first + self._within:
            return None
        return known

    def keep(self, promql: str, vector: Vector) -> None:
        """Have it be found; what is oldest goes when there is too much."""
        if not self._within:
            return
        with self._lock:
            self._drop(promql)
            self._kept[promql] = vector
            self._samples += len(vector.samples) + 1
            while self._samples > _MOST_KEPT:
                self._drop(next(iter(self._kept)))

    def _drop(self, promql: str) -> None:
        gone = self._kept.pop(promql, None)
        if gone is not None:
            self._samples -= len(gone.samples) + 1


def _one_line(error: str) -> str:
    """The beginning of an error, without half surrogate pairs: JSON may hold them, and nothing could store them."""
    return " ".join(error.encode(errors="replace").decode().split())[:_MAX_ERROR]


def _result(document: Any) -> list[Any]:
    data = document["data"]
    if data["resultType"] != "vector" or not isinstance(data["result"], list):
        raise ValueError("not a vector")
    return list(data["result"])


def _warnings(document: Any) -> tuple[str, ...]:
    """What it warns of and what it only wants to have said, as far as anybody would read it."""
    said = [each for kind in ("warnings", "infos") for each in document.get(kind) or () if isinstance(each, str)]
    return tuple(_one_line(each) for each in said[:_MAX_WARNINGS])


def _sample(each: Any) -> Sample:
    labels: Any = each["metric"]
    if not isinstance(labels, dict) or any(type(value) is not str for value in labels.values()):
        raise TypeError("labels are text")
    stored = None
    if not _ANY_OTHER_NAME.isdisjoint(labels):
        stored = dict(labels)
        for usual, others in _OTHER_NAMES:
            named = next(filter(None, map(labels.get, others)), None)
            if named:
                labels[usual] = named
    return Sample(labels, float(each["value"][1]), stored)
