"""One enrichment run: every enricher over every alert in hand, within one deadline, whatever fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from enrich._asking import Asking, Moment, failed
from enrich._base import Answers, Asks, Enricher, FollowsUp, Given, LooksUp, NoAnswer, NotAbout
from enrich._prometheus import Prometheus

# Of what was received within so long the values are asked of one moment, and an answer may be as old as Prometheus'
# cache lets it be: both together are 15 s unless the cache is set otherwise.
_ONE_MOMENT = timedelta(seconds=5)
# More are asked about in several queries of each kind: a selector of a thousand pods is some 60 KB long.
_ALERTS_AT_ONCE = 2_000
_LONG_QUERY = 1_000
# Of a reading that is drawn it is about its alert alone, and part of the picture's URL.
_LONG_PICTURE = 2_000

NONE = "no Prometheus is configured (PROMETHEUS_URL)"
"""Why nothing is known of any alert."""
NONE_FITS = "no Prometheus is configured whose matchers fit the alert"
"""Why nothing is known of one."""


def run(
    enrichers: Sequence[Enricher],
    alerts: Sequence[Alert],
    prometheuses: Sequence[Prometheus],
    *,
    received: Sequence[datetime],
    timeout_seconds: float,
    executor: Executor,
    elsewhere: Executor | None = None,
    given: Given = Given(),  # noqa: B008  # frozen
) -> list[tuple[Finding, ...]]:
    """Look up what there is to know of each alert.

    Args:
        enrichers: in the order in which their findings are shown.
        alerts: of all events in hand.
        prometheuses: each alert's is the first that knows about it; none where none is configured.
        received: when each alert was: values are asked of that moment, whenever there is time to ask.
        timeout_seconds: for the whole run.
        executor: asks the questions side by side.
        elsewhere: has look-ups that do not ask Prometheus made; the same unless given.
        given: what enrichers that look elsewhere look at.

    Returns:
        Each alert's findings, in the alerts' order; never raises: what was not found is a gap.
    """
    asking = Asking(executor, time.monotonic() + timeout_seconds, timeout_seconds, elsewhere)
    lookups: list[_Lookup | _Elsewhere] = []
    for part in _parts(alerts, prometheuses, received):
        moment = part.moment(bool(prometheuses))
        for enricher in enrichers:
            if isinstance(enricher, LooksUp):
                lookups.append(_Elsewhere(enricher, part, given))
            else:
                lookups.append(_Lookup(enricher, part, moment))
    for each in lookups:
        each.ask(asking)
    _ask_all(asking, [each for each in lookups if isinstance(each, _Lookup) and isinstance(each.enricher, FollowsUp)])
    findings: list[list[Finding]] = [[] for _ in alerts]
    for each in lookups:
        for place, found in each.read(asking):
            findings[place].extend(found)
    return [tuple(found) for found in findings]


def _ask_all(asking: Asking, following: Sequence[_Lookup]) -> None:
    """Ask what was added, and then what its answers lead to."""
    asking.begin()
    needed = [(each.moment, promql) for each in following for promql in each.questions.values()]
    asking.wait(needed)
    asking.ask_otherwise()
    asking.wait(needed)
    for each in following:
        each.follow_up(asking)
    asking.begin()
    asking.wait()
    asking.ask_otherwise()
    asking.end()


@dataclass(frozen=True, slots=True)
class _Part:
    """Alerts that are asked about together, in the order in which they were received.

    Attributes:
        places: theirs among all alerts.
        received: when each was.
    """

    prometheus: Prometheus | None
    alerts: list[Alert] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    received: list[datetime] = field(default_factory=list)

    def moment(self, configured: bool) -> Moment:
        """Whom to ask about them, and about when."""
        return Moment(self.prometheus, self.received[-1], self.received[0], NONE_FITS if configured else NONE)


def _parts(
    alerts: Sequence[Alert], prometheuses: Sequence[Prometheus], received: Sequence[datetime]
) -> Iterator[_Part]:
    """Alerts by the Prometheus that knows about them and by when they were received, and not too many at once."""
    open_parts: dict[int, _Part] = {}
    for place in sorted(range(len(alerts)), key=received.__getitem__):
        which = next((at for at, each in enumerate(prometheuses) if each.knows(alerts[place].labels)), -1)
        part = open_parts.get(which)
        if part is None or len(part.alerts) >= _ALERTS_AT_ONCE or received[place] - part.received[0] > _ONE_MOMENT:
            if part is not None:
                yield part
            part = open_parts[which] = _Part(prometheuses[which] if which >= 0 else None)
        part.alerts.append(alerts[place])
        part.places.append(place)
        part.received.append(received[place])
    yield from open_parts.values()


@dataclass(slots=True)
class _Lookup:
    """One enricher's, of one part."""

    enricher: Asks
    part: _Part
    moment: Moment
    questions: dict[str, str] = field(default_factory=dict)
    missing: NoAnswer | None = None

    def ask(self, asking: Asking) -> None:
        try:
            self.questions = dict(self.enricher.questions(self.part.alerts))
            asking.add(self.moment, self.questions.values())
        except Exception as error:
            self.missing = failed(error)

    def follow_up(self, asking: Asking) -> None:
        if self.missing is not None:
            return
        assert isinstance(self.enricher, FollowsUp)
        try:
            asked = dict(self.enricher.follow_up(self.part.alerts, self._answers(asking)))
            asking.add(self.moment, asked.values())
            self.questions |= asked
        except NoAnswer as reason:
            self.missing = reason
        except Exception as error:
            self.missing = failed(error)

    def read(self, asking: Asking) -> Iterator[tuple[int, tuple[Finding, ...]]]:
        """What was found, with the place of the alert."""
        answers = self._answers(asking)
        for place, alert in zip(self.part.places, self.part.alerts, strict=True):
            yield place, self._read(alert, answers)

    def _read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        try:
            if self.missing is not None and not self.questions:
                raise self.missing
            found = [self._narrowed(each, alert, answers) for each in self.enricher.read(alert, answers)]
            return tuple(_warned(found, answers))
        except NotAbout:
            return ()
        except NoAnswer as reason:
            return (Gap(self.enricher.name, self.enricher.title, str(reason)),)
        except Exception as error:
            return (Gap(self.enricher.name, self.enricher.title, str(failed(error))),)

    def _narrowed(self, finding: Finding, alert: Alert, answers: Answers) -> Finding:
        """A reading with the query that asks about its alert alone: that about a thousand pods is 60 KB long."""
        if not isinstance(finding, Reading) or len(finding.query) <= (_LONG_PICTURE if finding.drawn else _LONG_QUERY):
            return finding
        finding = replace(finding, drawn=False)
        names = [name for name, promql in self.questions.items() if promql == finding.query]
        own = dict(self.enricher.questions([alert]))
        if names and names[0] not in own and isinstance(self.enricher, FollowsUp):
            own |= self.enricher.follow_up([alert], answers)
        return replace(finding, query=own.get(names[0], "") if names else finding.query[:_LONG_QUERY])

    def _answers(self, asking: Asking) -> Answers:
        vectors = {name: asking.answer(self.moment, promql) for name, promql in self.questions.items()}
        return Answers(self.questions, vectors, self.moment.at, self.missing)


@dataclass(slots=True)
class _Elsewhere:
    """One enricher's that does not ask Prometheus, of one part."""

    enricher: LooksUp
    part: _Part
    given: Given
    found: Callable[[], Sequence[tuple[Finding, ...]]] | None = None

    def ask(self, asking: Asking) -> None:
        self.found = asking.elsewhere(
            lambda left: self.enricher.look_up(self.part.alerts, self.part.received, self.given, left)
        )

    def read(self, asking: Asking) -> Iterator[tuple[int, tuple[Finding, ...]]]:
        """What was found, with the place of the alert."""
        assert self.found is not None
        try:
            found = self.found()
            if len(found) != len(self.part.alerts):
                raise ValueError(f"{len(found)} answers for {len(self.part.alerts)} alerts")
        except NoAnswer as reason:
            found = [self._gap(reason)] * len(self.part.alerts)
        except Exception as error:
            found = [self._gap(failed(error))] * len(self.part.alerts)
        yield from zip(self.part.places, found, strict=True)

    def _gap(self, reason: NoAnswer) -> tuple[Finding, ...]:
        return (Gap(self.enricher.name, self.enricher.title, str(reason)),)


def _warned(findings: Iterable[Finding], answers: Answers) -> Iterator[Finding]:
    """The findings, of which the first reading says what Prometheus warned of."""
    said = answers.warnings
    for each in findings:
        if said and isinstance(each, Reading):
            each = replace(each, note="; ".join(filter(None, (each.note, f"Prometheus says: {said}"))))
            said = ""
        yield each
