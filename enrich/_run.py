"""One enrichment run: every enricher over every alert in hand, within one deadline, whatever fails."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from datetime import datetime

from alerts.model import Alert
from alerts.notification import Finding, Gap
from enrich._base import Answers, Enricher, NoAnswer
from enrich._prometheus import Prometheus
from enrich._vector import Vector


def run(
    enrichers: Sequence[Enricher],
    alerts: Sequence[Alert],
    prometheus: Prometheus | None,
    *,
    at: datetime,
    timeout_seconds: float,
    executor: Executor,
) -> list[tuple[Finding, ...]]:
    """Look up what there is to know of each alert.

    Args:
        enrichers: in the order in which their findings are shown.
        alerts: of all events in hand.
        prometheus: None when none is configured.
        at: the moment that values are asked of.
        timeout_seconds: for the whole run.
        executor: asks the questions side by side.

    Returns:
        Each alert's findings, in the alerts' order; never raises: what was not found is a gap.
    """
    deadline = time.monotonic() + timeout_seconds
    asked = [_asked(enricher, alerts) for enricher in enrichers]
    queries = {promql for questions in asked if not isinstance(questions, NoAnswer) for promql in questions.values()}
    vectors = _ask(queries, prometheus, at, deadline, timeout_seconds, executor)
    findings: list[list[Finding]] = [[] for _ in alerts]
    for enricher, questions in zip(enrichers, asked, strict=True):
        for alert, found in zip(alerts, findings, strict=True):
            found.extend(_read(enricher, alert, questions, vectors, at))
    return [tuple(found) for found in findings]


def _asked(enricher: Enricher, alerts: Sequence[Alert]) -> Mapping[str, str] | NoAnswer:
    try:
        return dict(enricher.questions(alerts))
    except Exception as error:
        return _failed(error)


def _ask(
    queries: set[str],
    prometheus: Prometheus | None,
    at: datetime,
    deadline: float,
    timeout_seconds: float,
    executor: Executor,
) -> dict[str, Vector | NoAnswer]:
    if prometheus is None:
        return dict.fromkeys(queries, NoAnswer("no Prometheus is configured (PROMETHEUS_URL)"))

    def ask(promql: str) -> Vector:
        return prometheus.query(promql, at, max(deadline - time.monotonic(), 0.001))

    try:
        futures: dict[str, Future[Vector]] = {promql: executor.submit(ask, promql) for promql in queries}
    except RuntimeError:
        # The executor was shut down.
        return dict.fromkeys(queries, NoAnswer("the service is stopping"))
    wait(futures.values(), timeout=max(deadline - time.monotonic(), 0))
    answers: dict[str, Vector | NoAnswer] = {}
    for promql, future in futures.items():
        if not future.done():
            future.cancel()
            answers[promql] = NoAnswer(f"Prometheus did not answer within {timeout_seconds:g}s")
            continue
        try:
            answers[promql] = future.result()
        except NoAnswer as reason:
            answers[promql] = reason
        except Exception as error:
            answers[promql] = _failed(error)
    return answers


def _read(
    enricher: Enricher,
    alert: Alert,
    questions: Mapping[str, str] | NoAnswer,
    vectors: Mapping[str, Vector | NoAnswer],
    at: datetime,
) -> tuple[Finding, ...]:
    try:
        if isinstance(questions, NoAnswer):
            raise questions
        answers = Answers(questions, {name: vectors[promql] for name, promql in questions.items()}, at)
        return tuple(enricher.read(alert, answers))
    except NoAnswer as reason:
        return (Gap(enricher.name, enricher.title, str(reason)),)
    except Exception as error:
        return (Gap(enricher.name, enricher.title, str(_failed(error))),)


def _failed(error: Exception) -> NoAnswer:
    """A defect of an enricher is a gap too: the page goes out, and says so."""
    return NoAnswer(f"the enricher failed: {type(error).__name__}: {error}"[:300])
