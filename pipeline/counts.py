"""What is counted by names of the configuration: from nought, so that the first of each is seen as one more."""

from __future__ import annotations

from typing import get_args

import telemetry
from alerts.remediation import RemediationResult
from pipeline.running import Running

_EVENTS = ("accepted", "rejected", "refused", "planned", "duplicate", "merged", "unrouted", "dead")
_DELIVERIES = ("delivered", "retrying", "dead", "superseded", "digested", "suppressed")
_QUESTIONS = ("answered", "refused", "failed", "left_alone")


def asked(source: str, outcome: str, seconds: float) -> None:
    """Count a question to a data source.

    Args:
        source: its title.
    """
    telemetry.QUESTIONS.labels(source, outcome).inc()
    if outcome != "left_alone":
        telemetry.QUESTION_SECONDS.labels(source).observe(seconds)


def begin(running: Running) -> None:
    """Have all that a configuration may lead to be there, at nought where nothing was counted yet."""
    for outcome in _EVENTS:
        telemetry.EVENTS.labels(outcome)
    for status in ("firing", "resolved"):
        telemetry.ALERTS_RECEIVED.labels(status)
    for outcome in ("good", "bad"):
        telemetry.CONFIG_RELOADS.labels(outcome)
    for destination in running.actions:
        receiver, action, _ = destination.rsplit("/", 2)
        for metric in (telemetry.ATTEMPTS, telemetry.TEMPLATE_ERRORS, telemetry.DELIVERY_WARNINGS):
            metric.labels(receiver, action)
        for outcome in _DELIVERIES:
            telemetry.DELIVERIES.labels(receiver, action, outcome)
    for rule in running.ruled.values():
        for result in get_args(RemediationResult):
            telemetry.REMEDIATIONS.labels(rule.name, rule.verb, result)
    for enricher in running.sources.enrichers:
        telemetry.GAPS.labels(enricher.name)
        telemetry.READINGS.labels(enricher.name)
    asks = [each.title for each in running.sources.prometheuses]
    for source in [*asks, "Kubernetes"] if running.sources.given.kubernetes is not None else asks:
        for outcome in _QUESTIONS:
            telemetry.QUESTIONS.labels(source, outcome)
