"""Whether an alert's own expression still has it: asked as it is, just now, and of nobody but Prometheus."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.model import Alert
from enrich._base import NoAnswer, NotAbout
from enrich._parsing import PromQLError, parsed
from enrich._prometheus import Prometheus
from enrich._rule import LONGEST, expression, own, undecided
from enrich._run import NONE, NONE_FITS

# What else Prometheus remarks upon is the expression itself, and not what it was evaluated over.
# https://github.com/prometheus/prometheus/blob/main/util/annotations/annotations.go
_OF_PROMQL = "PromQL "


def holds(alert: Alert, prometheuses: Sequence[Prometheus], deadline_seconds: float) -> bool:
    """Say whether the whole expression of an alert's rule, its comparison included, has a series of the alert's.

    The host in the alert's `generatorURL` is never called. How long the rule waits before it fires, or goes on firing
    afterwards, is not in its expression.

    Args:
        prometheuses: the alert's is the first that knows about it.
        deadline_seconds: for the whole exchange.

    Raises:
        NotAbout: there is no expression, or no Prometheus for the alert.
        NoAnswer: it cannot be known, for this reason.
    """
    text = expression(alert.generator_url)
    if not text:
        raise NotAbout("the alert's generatorURL holds no expression")
    prometheus = next((each for each in prometheuses if each.knows(alert.labels)), None)
    if prometheus is None:
        raise NotAbout(NONE_FITS if prometheuses else NONE)
    if len(text) > LONGEST:
        raise NoAnswer(f"the alert's expression has more than {LONGEST:,} characters")
    try:
        parsed(text)
    except PromQLError as error:
        raise NoAnswer(f"the alert's expression {error}"[:300]) from None
    vector = prometheus.query_now(text, deadline_seconds)
    if own(vector, alert):
        return True
    if undecided(vector, alert):
        raise NoAnswer("the alert's expression has series that the alert's labels do not tell apart")
    for said in vector.warnings:
        if not said.startswith(_OF_PROMQL):
            raise NoAnswer(f"{prometheus.title} has no series of the alert's, and says: {said}")
    return False
