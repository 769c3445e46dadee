"""Prometheus' HTTP API, as Thanos, Mimir and VictoriaMetrics speak it too.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-queries
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from alerts.matchers import Matcher, all_match
from config.base import SecretError
from enrich import _answer
from enrich._answer import Unfit
from enrich._base import NoAnswer
from enrich._breaker import Asked, Breaker, Broken, unheard
from enrich._vector import Series, Vector
from outbound import Answer, Http, OutboundError, OutboundTimeout

_Read = TypeVar("_Read")
# Of all answers that are kept together.
_MOST_KEPT = 200_000


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
        asked: told of each question.
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
        asked: Asked = unheard,
    ) -> None:
        self._url = url.rstrip("/")
        self._http = http
        self._headers = headers
        self.name = name
        self.title = f"Prometheus {name}" if name else "Prometheus"
        self._matchers = tuple(matchers)
        self._breaker = Breaker(time.monotonic, asked)
        # Of their own: somebody else's rule, and what is asked for a picture, may be slow by themselves, and must not
        # have readings left out.
        self._foreign_breaker = Breaker(time.monotonic, asked)
        self._range_breaker = Breaker(time.monotonic, asked)
        self._cache = _Cache(cache_seconds)

    def knows(self, labels: Mapping[str, str]) -> bool:
        """Whether it is to be asked about an alert with these labels."""
        return all_match(self._matchers, labels)

    def query(
        self,
        promql: str,
        at: datetime,
        deadline_seconds: float,
        *,
        earliest: datetime | None = None,
        foreign: bool = False,
    ) -> Vector:
        """Ask one instant query, unless the answer is known.

        Args:
            promql: by POST, so that its length does not matter.
            at: the moment that it is evaluated at.
            deadline_seconds: for the whole exchange; Prometheus is told, too.
            earliest: where it is asked about several moments, the first of them; `at` is the last.
            foreign: the question is somebody else's: that it fails, or takes too long, says nothing about others.

        Raises:
            NoAnswer: with the reason, in words for the person on call.
        """
        known = self._cache.get(promql, earliest or at, at)
        if known is not None:
            return known
        vector = self._answered(
            "query",
            {"query": promql, "time": _seconds(at)},
            deadline_seconds,
            self._foreign_breaker if foreign else self._breaker,
            lambda document: _answer.vector(document, at),
        )
        self._cache.keep(promql, vector)
        return vector

    def query_now(self, promql: str, deadline_seconds: float) -> Vector:
        """Ask somebody else's instant query at the present moment by Prometheus' own clock, whatever is known.

        Args:
            promql: likewise by POST.
            deadline_seconds: for the whole exchange; Prometheus is told, too.

        Raises:
            NoAnswer: with the reason, in words for people.
        """
        return self._answered(
            "query",
            {"query": promql},
            deadline_seconds,
            self._foreign_breaker,
            lambda document: _answer.vector(document, None),
        )

    def range_query(
        self, promql: str, start: datetime, end: datetime, step_seconds: float, deadline_seconds: float
    ) -> list[Series]:
        """Ask for the values over a while, from the start to the end.

        Args:
            promql: likewise by POST.
            step_seconds: from one value to the next.
            deadline_seconds: for the whole exchange; Prometheus is told, too.

        Raises:
            NoAnswer: with the reason, in words for people.
        """
        form = {"query": promql, "start": _seconds(start), "end": _seconds(end), "step": f"{step_seconds:.3f}"}
        return self._answered("query_range", form, deadline_seconds, self._range_breaker, _answer.matrix)

    def _answered(
        self,
        path: str,
        form: Mapping[str, str],
        deadline_seconds: float,
        breaker: Breaker,
        read: Callable[[Any], _Read],
    ) -> _Read:
        """What came of asking, unless it fails again and again."""
        with breaker.asking(self.title, deadline_seconds):
            return self._read(self._ask(path, form, deadline_seconds), read)

    def _ask(self, path: str, form: Mapping[str, str], deadline_seconds: float) -> Answer:
        form = {**form, "timeout": f"{deadline_seconds:.3f}"}
        url = f"{self._url}/api/v1/{path}"
        try:
            headers = self._headers()
        except SecretError as error:
            raise Broken(f"cannot be asked: {error}") from None
        try:
            return self._http.post(url, data=form, headers=headers, deadline_seconds=deadline_seconds)
        except OutboundTimeout:
            raise Broken(f"timed out after {round(deadline_seconds, 1):g}s") from None
        except OutboundError as error:
            raise Broken(f"at {error}") from None

    def _read(self, answer: Answer, read: Callable[[Any], _Read]) -> _Read:
        try:
            document = answer.json()
        except ValueError:
            document = None
        broken = answer.status == 429 or answer.status >= 500
        if isinstance(document, dict) and document.get("status") == "error":
            said = f"says: {_answer.one_line(str(document.get('error') or f'status {answer.status}'))}"
            raise Broken(said) if broken else NoAnswer(f"{self.title} {said}")
        if answer.status != 200:
            # Also of what stands before it: a login, a path that is not there.
            raise Broken(f"answered with status {answer.status}")
        try:
            return read(document)
        except Unfit as error:
            raise NoAnswer(f"{self.title} answered with {error}") from None
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            raise Broken("answered with something that is not its API's") from None


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


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"
