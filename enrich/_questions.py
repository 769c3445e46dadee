"""What would be asked of Prometheus, without asking it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from alerts.model import Alert
from enrich._base import Enricher, LooksUp


def questions(enrichers: Iterable[Enricher], alerts: Sequence[Alert]) -> Iterator[tuple[str, str]]:
    """The questions that are asked first; what they lead to depends on their answers.

    Returns:
        The name of each enricher that asks, and its PromQL; of gauges, several of which are one query, each.
    """
    for enricher in enrichers:
        if isinstance(enricher, LooksUp):
            continue
        try:
            asked = dict(enricher.questions(alerts))
        except Exception as error:
            # Of a user's own: it would be a gap.
            yield enricher.name, f"# failed: {type(error).__name__}"
            continue
        for promql in asked.values():
            yield enricher.name, str(promql)
