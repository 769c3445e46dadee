"""What an enricher is.

An enricher is a module `enrich/<name>.py` with a class `Enricher`. It only says what to ask, once for all the alerts
in hand, and reads each alert's findings out of the answers; asking, deadlines and failures are `_run.py`'s.

Whoever needs one answer to know what to ask next has a `follow_up` as well: see `FollowsUp`. Who does not ask
Prometheus has a `look_up` instead: see `LooksUp`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from alerts.findings import Finding
from alerts.model import Alert
from alerts.places import Neighbour, Place
from enrich._vector import Vector

if TYPE_CHECKING:
    from enrich._kubernetes import Kubernetes


class NoAnswer(Exception):
    """A question was not answered; the message is the gap's reason."""


class NotAbout(NoAnswer):
    """An alert is about nothing that the enricher looks up: there is nothing to show, and nothing is missing."""


class Question(str):
    """A question about series whose labels may have other names: as it is asked first.

    Attributes:
        others: the same with other names, asked where the answer lacks something.
        wanted: values of the label `by` (or of one of several) that must be in the answer; without any it lacks
            something when it is empty.
        like: another question that is asked: where that one lacks something, so does this, and else it does not.
    """

    others: tuple[str, ...]
    wanted: frozenset[str]
    by: tuple[str, ...]
    like: Question | None

    def __new__(
        cls,
        first: str,
        others: Iterable[str] = (),
        wanted: Iterable[str] = (),
        by: Iterable[str] = ("pod",),
        like: Question | None = None,
    ) -> Self:
        """Make one."""
        self = super().__new__(cls, first)
        self.others, self.wanted, self.by, self.like = tuple(others), frozenset(wanted), tuple(by), like
        return self

    def lacks(self, answer: Vector) -> bool:
        """Whether more may be found by other names."""
        if not answer.samples or not self.wanted:
            return not answer.samples
        return not self.wanted <= {sample.labels.get(name, "") for sample in answer.samples for name in self.by}


class Gauges(Question):
    """A question for series as they stand: `metric{matchers}`, or by other matchers where the labels have other names.

    All of these that a run has become one query, whatever their metrics.

    Attributes:
        metric: the series' name.
        matchers: what they are chosen by.
    """

    metric: str
    matchers: str
    others: tuple[Gauges, ...]

    def __new__(
        cls,
        metric: str,
        selections: Iterable[str],
        wanted: Iterable[str] = (),
        by: Iterable[str] = ("pod",),
        like: Question | None = None,
    ) -> Self:
        """Make one; there is at least one selection."""
        matchers, *rest = selections
        others = (Gauges(metric, [each]) for each in rest)
        self = super().__new__(cls, f"{metric}{{{matchers}}}", others, wanted, by, like)
        self.metric, self.matchers = metric, matchers
        return self


class Answers:
    """The answers to one enricher's questions.

    Args:
        queries: the questions' PromQL, by their names.
        vectors: the answers, likewise.
        at: the moment that was asked about.
        missing: why a question that is not among them was not asked.
    """

    def __init__(
        self,
        queries: Mapping[str, str],
        vectors: Mapping[str, Vector | NoAnswer],
        at: datetime,
        missing: NoAnswer | None = None,
    ) -> None:
        self._queries = queries
        self._vectors = vectors
        self._at = at
        self._missing = missing

    def __getitem__(self, name: str) -> Vector:
        """The answer to the question of that name.

        Raises:
            NoAnswer: there is none.
        """
        answer = self._vectors.get(name) or self._missing or NoAnswer(f'the question "{name}" was not asked')
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    def asked(self, name: str) -> bool:
        """Whether there is a question of that name."""
        return name in self._queries

    @property
    def names(self) -> Iterable[str]:
        """The names of all questions."""
        return self._queries.keys()

    def at(self, name: str) -> datetime:
        """The moment that the answer to the question of that name is of."""
        answer = self._vectors.get(name)
        return (answer.at if isinstance(answer, Vector) else None) or self._at

    @cached_property
    def warnings(self) -> str:
        """What Prometheus said beside the answers, each once."""
        said = [each for vector in self._vectors.values() if isinstance(vector, Vector) for each in vector.warnings]
        return "; ".join(dict.fromkeys(said))

    def query(self, name: str) -> str:
        """The PromQL of the question of that name."""
        return self._queries[name]


class _Named(Protocol):
    """What every enricher is.

    Attributes:
        name: the module's.
        title: what people call it.
    """

    # Read-only, so that a frozen class may be one.
    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...


@runtime_checkable
class Asks(_Named, Protocol):
    """An enricher that asks Prometheus."""

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """What to ask about all these alerts: PromQL, each under a name of the enricher's own."""
        ...

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """What was found for one of them.

        Raises:
            NoAnswer: nothing was, for this reason.
        """
        ...


@runtime_checkable
class FollowsUp(Protocol):
    """What an enricher may have as well: questions that what was answered leads to.

    They are asked as soon as its own first questions are answered; `read` then finds all answers together.
    """

    def follow_up(self, alerts: Sequence[Alert], answers: Answers) -> Mapping[str, str]:
        """What to ask next about all these alerts, under names of its own that `questions` did not use.

        Raises:
            NoAnswer: what it would be cannot be known.
        """
        ...


class Firing(Protocol):
    """Tells what is known to fire."""

    def __call__(
        self, places: Collection[Place], besides: Collection[str], at_most: int
    ) -> Mapping[Place, Sequence[Neighbour]]:
        """What fires at places, once for each group that it is in; in no order.

        Args:
            besides: fingerprints that are left out.
            at_most: of one place, the worst.

        Raises:
            NoAnswer: it cannot be known just now.
        """
        ...


def _nothing(places: Collection[Place], besides: Collection[str], at_most: int) -> Mapping[Place, Sequence[Neighbour]]:
    return {}


@dataclass(frozen=True, slots=True)
class Given:
    """What enrichers that look elsewhere are given to look at.

    Attributes:
        firing: what is known to fire.
        kubernetes: None where it is not configured.
    """

    firing: Firing = _nothing
    kubernetes: Kubernetes | None = None


@runtime_checkable
class LooksUp(_Named, Protocol):
    """An enricher that looks elsewhere than at Prometheus."""

    def look_up(
        self, alerts: Sequence[Alert], received: Sequence[datetime], given: Given, deadline_seconds: float
    ) -> Sequence[tuple[Finding, ...]]:
        """What was found for each of them, in their order; called beside the questions to Prometheus.

        Args:
            alerts: at most two thousand.
            received: when each was.
            deadline_seconds: what is found later is not waited for, and it must not go on for longer.

        Raises:
            NoAnswer: nothing was found for any of them, for this reason.
        """
        ...


Enricher = Asks | LooksUp
