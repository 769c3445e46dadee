"""Having looked up what is to be shown beside alerts, for several batches of events at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import structlog

import enrich
import telemetry
from alerts.findings import Finding, Gap
from pipeline.cases import Case
from pipeline.running import Running

_QUERIES_AT_ONCE = 16
_ELSEWHERE_AT_ONCE = 12
# Runs that ask somebody: so many as they come, and then one in so many seconds. In a storm what came meanwhile
# is asked about together: a handful of questions for all of it, and not some for each.
_RUNS_AT_ONCE = 3
_SECONDS_A_RUN = 1.0
# For what a run does beside waiting: making the queries and reading the answers.
_GRACE_SECONDS = 1.0
_UNASKED_SECONDS = 0.02
_THAWING_SECONDS = 0.1

_log = structlog.get_logger("plan")


@dataclass(slots=True)
class Batch:
    """Events that are planned together.

    Attributes:
        running: what they are planned with.
        alerts: how many they bring that are news.
        asks: whether there is something to look up.
        until: when it is planned with what there is, by the monotonic clock.
        run: what is being looked up of these, from `first` on; None while it has not been begun.
    """

    running: Running
    cases: list[Case]
    alerts: int
    asks: bool
    begun: float
    until: float
    run: Future[list[tuple[Finding, ...]]] | None = None
    first: int = 0

    @property
    def done(self) -> bool:
        """Whether it can be planned."""
        asked = self.run is not None and self.run.done()
        return asked or not self.asks or time.monotonic() >= self.until

    def wait(self, at_most_seconds: float) -> None:
        """Wait until it is done, but not longer than this."""
        at_most_seconds = max(0.0, min(self.until - time.monotonic(), at_most_seconds))
        if self.run is not None:
            wait([self.run], timeout=at_most_seconds)
        elif self.asks:
            time.sleep(min(at_most_seconds, _UNASKED_SECONDS))


class Lookups:
    """Begins runs of enrichment, and reads what they found.

    Args:
        at_once: how many may be under way.
    """

    def __init__(self, at_once: int) -> None:
        # When the next run would be due if they came evenly.
        self._due_at = 0.0
        self._runs = ThreadPoolExecutor(at_once, "enrich")
        self._queries = ThreadPoolExecutor(_QUERIES_AT_ONCE, "query")
        self._elsewhere = ThreadPoolExecutor(_ELSEWHERE_AT_ONCE, "look-up")

    def stop(self) -> None:
        """Begin no more."""
        self._runs.shutdown(wait=False, cancel_futures=True)
        self._queries.shutdown(wait=False, cancel_futures=True)
        self._elsewhere.shutdown(wait=False, cancel_futures=True)

    def batch(self, running: Running, cases: list[Case]) -> Batch:
        """A batch of which nothing has been asked yet."""
        alerts = sum(len(heard.group.alerts) for case in cases for heard in case.news)
        now = time.monotonic()
        # After so long it is planned with what there is.
        until = now + _timeout_seconds(running) + _SECONDS_A_RUN + _GRACE_SECONDS
        return Batch(running, cases, alerts, bool(alerts and running.sources.enrichers), now, until)

    def ask(self, batches: Sequence[Batch]) -> None:
        """Begin what has not been begun, all of it in one run; or let it wait, where others were begun just now.

        What is looked up elsewhere since a reload is a run of its own, in a later turn.
        """
        batches = [each for each in batches if each.asks and each.run is None]
        now = time.monotonic()
        if not batches:
            return
        running = batches[0].running
        sources = running.sources
        if sources.ask_somebody and self._due_at - now > (_RUNS_AT_ONCE - 1) * _SECONDS_A_RUN:
            return
        batches = [each for each in batches if each.running.sources is sources]
        self._due_at = max(self._due_at, now) + _SECONDS_A_RUN
        cases = [case for batch in batches for case in batch.cases]
        asked = [(case.event, alert) for case in cases for heard in case.news for alert in heard.group.alerts]
        run = self._runs.submit(
            enrich.run,
            sources.enrichers,
            [alert for _, alert in asked],
            sources.prometheuses,
            received=[event.received_at for event, _ in asked],
            timeout_seconds=_timeout_seconds(running),
            executor=self._queries,
            elsewhere=self._elsewhere,
            given=sources.given,
        )
        first = 0
        for batch in batches:
            batch.run, batch.first = run, first
            first += batch.alerts

    def found(self, batch: Batch) -> list[tuple[Finding, ...]]:
        """What was found of each of a batch's alerts, in their order."""
        if not batch.asks:
            return [()] * batch.alerts
        try:
            if batch.run is None:
                raise TimeoutError
            # A process that stood still finds all its time gone, and what it asked for a moment later.
            found = batch.run.result(_THAWING_SECONDS)[batch.first : batch.first + batch.alerts]
        except BaseException as error:
            # An enricher's own code, not Prometheus, hangs or fails: the page must not wait for it. Whatever it was (an
            # exit, a panic of a library's) has ended the run's thread and is not to end this one.
            _log.exception("the enrichment failed")
            reason = "is not done in time" if isinstance(error, TimeoutError) else f"failed: {type(error).__name__}"
            found = [(Gap("enrichment", "enrichment", reason),)] * batch.alerts
        telemetry.ENRICHMENT_SECONDS.observe(time.monotonic() - batch.begun)
        # What is none, of an enricher of somebody's own, is for the plan to stumble over, event by event.
        true = (each for of in found for each in of if isinstance(each, Finding))  # type: ignore[redundant-expr]
        counted = Counter((finding.name, isinstance(finding, Gap)) for finding in true)
        for (name, gap), count in counted.items():
            (telemetry.GAPS if gap else telemetry.READINGS).labels(name).inc(count)
        return found


def _timeout_seconds(running: Running) -> float:
    """For a run."""
    return running.configuration.file.enrichment.timeout
