"""Asking questions side by side, each once, within one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from enrich._base import Gauges, NoAnswer, Question
from enrich._prometheus import Prometheus
from enrich._promql import any_of
from enrich._vector import Sample, Vector

_Found = TypeVar("_Found")
_STOPPING = "the service is stopping"


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Whom to ask, and about when.

    Attributes:
        prometheus: None where there is nobody to ask, for the `reason`.
        earliest: where it is about several moments, the first of them; `at` is the last.
    """

    prometheus: Prometheus | None
    at: datetime
    earliest: datetime
    reason: str = ""


@dataclass(slots=True)
class _Answered:
    """What a query answers: one question, or all the gauges that were put together in it."""

    future: Future[Vector]
    by_metric: dict[str, Vector] | None = None


@dataclass(slots=True)
class Asking:
    """The questions of one run.

    Attributes:
        executor: asks them.
        deadline: by the monotonic clock, for all of them.
        timeout_seconds: what it was set to, for people.
        elsewhere_executor: looks elsewhere, so that what hangs there holds up no question; the same unless given.
    """

    executor: Executor
    deadline: float
    timeout_seconds: float
    elsewhere_executor: Executor | None = None
    _new: dict[Moment, dict[str, None]] = field(default_factory=dict)
    _asked: dict[tuple[Moment, str], _Answered] = field(default_factory=dict)
    _elsewhere: list[Future[Any]] = field(default_factory=list)
    _stopping: bool = False

    def add(self, moment: Moment, questions: Iterable[str]) -> None:
        """Have these asked at the next `begin`."""
        if moment.prometheus is not None:
            self._new.setdefault(moment, {}).update(dict.fromkeys(questions))

    def begin(self) -> None:
        """Ask what is new, the gauges of each moment in one query."""
        for moment, questions in self._new.items():
            fresh = [each for each in questions if (moment, each) not in self._asked]
            gauges = [each for each in fresh if isinstance(each, Gauges)]
            if len(gauges) > 1:
                self._ask(moment, merged(gauges), gauges)
                fresh = [each for each in fresh if not isinstance(each, Gauges)]
            for promql in fresh:
                self._ask(moment, promql, [promql])
        self._new.clear()

    def _ask(self, moment: Moment, promql: str, questions: Iterable[str]) -> None:
        questions = list(questions)
        # Others' may be slow or wrong by themselves, whatever becomes of ours.
        foreign = not isinstance(questions[0], Question)

        def query() -> Vector:
            assert moment.prometheus is not None
            left = max(self.deadline - time.monotonic(), 0.001)
            return moment.prometheus.query(promql, moment.at, left, earliest=moment.earliest, foreign=foreign)

        try:
            answered = _Answered(self.executor.submit(query))
        except RuntimeError:
            self._stopping = True
            return
        for question in questions:
            self._asked[moment, question] = answered

    def elsewhere(self, look: Callable[[float], _Found]) -> Callable[[], _Found]:
        """Have something looked up beside the questions.

        Args:
            look: is given the seconds that are left.

        Returns:
            What it found, or raises why there is nothing; to be called after `end`.
        """
        try:
            future = (self.elsewhere_executor or self.executor).submit(
                lambda: look(max(self.deadline - time.monotonic(), 0.001))
            )
        except RuntimeError:
            return self._stopped
        self._elsewhere.append(future)

        def found() -> _Found:
            if future.cancelled() or not future.done():
                raise NoAnswer(f"was not found within {self.timeout_seconds:g}s")
            return future.result()

        return found

    def _stopped(self) -> NoReturn:
        raise NoAnswer(_STOPPING)

    def ask_otherwise(self) -> None:
        """Of questions whose answers are there and lack something, ask for what may be called otherwise."""
        for (moment, question), answered in list(self._asked.items()):
            if isinstance(question, Question) and question.others and answered.future.done():
                judge = question.like or question
                found = self._first(moment, judge)
                if isinstance(found, Vector) and judge.lacks(found):
                    self.add(moment, question.others)
        self.begin()

    def wait(self, questions: Iterable[tuple[Moment, str]] | None = None) -> None:
        """Wait until these (all, unless given) are answered, or there is no time left."""
        which = self._asked if questions is None else set(_with_others(questions)) & self._asked.keys()
        futures: set[Future[Any]] = {self._asked[each].future for each in which}
        wait(futures.union(self._elsewhere if questions is None else ()), max(self.deadline - time.monotonic(), 0))

    def end(self) -> None:
        """Wait for all that is left, and let go of what had no thread yet."""
        self.wait()
        for future in (*self._elsewhere, *(answered.future for answered in self._asked.values())):
            future.cancel()

    def answer(self, moment: Moment, question: str) -> Vector | NoAnswer:
        """What was answered, by whichever names."""
        found = self._first(moment, question)
        if not isinstance(found, Vector) or not isinstance(question, Question):
            return found
        asked = [self._first(moment, other) for other in question.others if (moment, other) in self._asked]
        # What could not be asked by another name says nothing against the answer that there is.
        more = [each for each in asked if isinstance(each, Vector) and each.samples]
        if not more:
            return found
        return Vector((sample for each in (found, *more) for sample in each.samples), found.at, found.warnings)

    def _first(self, moment: Moment, question: str) -> Vector | NoAnswer:
        if moment.prometheus is None:
            return NoAnswer(moment.reason)
        answered = self._asked.get((moment, question))
        if answered is None:
            return NoAnswer(_STOPPING if self._stopping else "it was not asked")
        if answered.future.cancelled() or not answered.future.done():
            return NoAnswer(f"Prometheus did not answer within {self.timeout_seconds:g}s")
        try:
            vector = answered.future.result()
        except NoAnswer as reason:
            return reason
        except Exception as error:
            return failed(error)
        if not isinstance(question, Gauges):
            return vector
        if answered.by_metric is None:
            answered.by_metric = _by_metric(vector)
        return answered.by_metric.get(question.metric) or Vector((), vector.at, vector.warnings)


def _with_others(questions: Iterable[tuple[Moment, str]]) -> Iterator[tuple[Moment, str]]:
    for moment, question in questions:
        yield moment, question
        for other in question.others if isinstance(question, Question) else ():
            yield moment, other


def failed(error: Exception) -> NoAnswer:
    """A defect of an enricher is a gap too: the page goes out, and says so."""
    return NoAnswer(f"the enricher failed: {type(error).__name__}: {error}"[:300])


def merged(gauges: Iterable[Gauges]) -> str:
    """One query for all of these."""
    metrics: dict[str, set[str]] = {}
    for each in gauges:
        metrics.setdefault(each.matchers, set()).add(each.metric)
    # `or` takes two series for one that differ in nothing but their names: those of one selection are in one selector.
    return " or ".join(f"{{{any_of('__name__', metrics[matchers])},{matchers}}}" for matchers in sorted(metrics))


def _by_metric(vector: Vector) -> dict[str, Vector]:
    samples: dict[str, list[Sample]] = {}
    for sample in vector.samples:
        samples.setdefault(sample.labels.get("__name__", ""), []).append(sample)
    return {name: Vector(of_name, vector.at, vector.warnings) for name, of_name in samples.items()}
