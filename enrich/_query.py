"""A query of the user's own, out of the configuration: one `Query` is an enricher as a module's is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NoReturn

import promql_parser

import units
from alerts.findings import Finding, Gap, Reading
from alerts.matchers import all_match
from alerts.model import Alert
from config.schema import QuerySettings
from enrich._base import Answers, NoAnswer
from enrich._rendering import REFUSED, Promql, Values
from enrich._vector import Sample

# Where each alert must be asked about by itself: so many questions a run, of all queries together.
_MOST_ALONE = 10
_TOGETHER = "value"
_BOUNDS = ("min", "max")
_POINTS = 60


class Query:
    """One of `enrichment.queries`.

    Attributes:
        most_alone: about so many different alerts it is asked in a run where it asks about each by itself.

    Raises:
        ValueError: what is wrong with its PromQL.
    """

    def __init__(self, settings: QuerySettings) -> None:
        self.name = settings.name
        self.title = settings.title or settings.name
        self.range_seconds = settings.range
        self._unit = settings.unit
        self._matchers = settings.matchers
        self.most_alone = _MOST_ALONE
        self._promql = Promql(settings.promql)

    @property
    def questions_alone(self) -> int:
        """How many questions it has for each different alert; 0 where all are asked about together."""
        if self._promql.is_alike or self._promql.is_together:
            return 0
        return 1 if self.range_seconds is None else 1 + len(_BOUNDS)

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """One query for all alerts; where that would not be the same, one each for those of which there are most."""
        rows = Counter(self._rows(alerts))
        if not rows:
            return {}
        if self._promql.is_together:
            return self._asked((_TOGETHER, question) for question in self._sound([list(rows)]))
        chosen = sorted(rows, key=lambda values: (-rows[values], values))[: self.most_alone]
        return self._asked((question, question) for question in self._sound([values] for values in chosen))

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """The value of the one series that is the alert's; nothing where the query is not about such alerts."""
        values = self._values(alert)
        if values is None:
            return ()
        query = self._promql.about(values)
        question = _TOGETHER if self._promql.is_together else query
        if not answers.asked(question):
            self._refuse(values)
        found = self._samples(question, values, answers)
        if not found:
            raise NoAnswer("no data: the query has no value for the alert")
        if len(found) > 1:
            raise NoAnswer(f"has {len(found)} values; aggregate it, as in sum(...)")
        value = found[0].value
        if not math.isfinite(value):
            raise NoAnswer(f"no data: the query is {value}")
        gaps: list[Finding] = []
        note = ""
        try:
            note = self._within(found[0], values, question, answers)
        except NoAnswer as reason:
            gaps.append(Gap(self.name, f"{self.title} before", str(reason)))
        at, drawn = answers.at(question), self.range_seconds is not None
        return (Reading(self.name, self.title, value, self._unit, at, query, note=note, drawn=drawn), *gaps)

    def _refuse(self, values: Values) -> NoReturn:
        """Say why an alert was not asked about."""
        if self._promql.is_together:
            raise NoAnswer(REFUSED)
        self._promql.question([values])
        raise NoAnswer(f"is asked about {self.most_alone} different alerts at once, and there were more")

    def _values(self, alert: Alert) -> Values | None:
        return self._promql.values(alert) if all_match(self._matchers, alert.labels) else None

    def _rows(self, alerts: Iterable[Alert]) -> Iterator[Values]:
        for alert in alerts:
            try:
                values = self._values(alert)
            except NoAnswer:
                # `read` says why.
                continue
            if values is not None:
                yield values

    def _sound(self, of: Iterable[Sequence[Values]]) -> Iterator[str]:
        for rows in of:
            try:
                yield self._promql.question(rows)
            except NoAnswer:
                continue

    def _asked(self, named: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Questions, with those for their bounds."""
        asked = dict(named)
        if self.range_seconds is None:
            return asked
        step_seconds = max(1.0, self.range_seconds / _POINTS)
        window = ":".join(
            promql_parser.display_duration(timedelta(seconds=each)) for each in (self.range_seconds, step_seconds)
        )
        return asked | {
            f"{bound} {name}": f"{bound}_over_time(({promql})[{window}])"
            for bound in _BOUNDS
            for name, promql in asked.items()
        }

    def _samples(self, question: str, values: Values, answers: Answers) -> list[Sample]:
        vector = answers[question]
        return vector.stored(self._promql.labels(values)) if self._promql.is_together else list(vector.samples)

    def _within(self, now: Sample, values: Values, question: str, answers: Answers) -> str:
        """Between which values a series was within the range: "between 0.10 and 3.20 within 1h".

        It is "" where no range is set, and where it was always the same.

        Raises:
            NoAnswer: it was not answered.
        """
        if self.range_seconds is None:
            return ""
        seen = [now.value]
        for bound in _BOUNDS:
            found = self._samples(f"{bound} {question}", values, answers)
            seen += [each.value for each in found if _series(each) == _series(now) and math.isfinite(each.value)]
        least, most = (units.quantity(each, self._unit) for each in (min(seen), max(seen)))
        if least == most:
            return ""
        if self._unit:
            least = least.removesuffix(f" {self._unit}")
        return f"between {least} and {most} within {units.duration(self.range_seconds)}"


def _series(sample: Sample) -> dict[str, str]:
    return {name: value for name, value in sample.labels.items() if name != "__name__"}


def queries(settings: Iterable[QuerySettings]) -> list[Query]:
    """All queries of a configuration: those that ask about each alert by itself share how often they may.

    Raises:
        ValueError: the PromQL of one is wrong.
    """
    made = list(map(Query, settings))
    alone = sum(each.questions_alone for each in made)
    for each in made:
        each.most_alone = max(1, _MOST_ALONE // max(1, alone))
    return made
