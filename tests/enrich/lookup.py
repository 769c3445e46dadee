"""What the tests of enrichment share: alerts, a cluster to look things up in, and the looking up."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from alerts.findings import Finding
from alerts.model import Alert, fingerprint
from enrich import Enricher, Prometheus, run
from tests.far_sides.exporter import Exporter
from tests.far_sides.prometheus import Prometheus as PrometheusServer

MIB = 1024 * 1024
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def alert(**labels: str) -> Alert:
    """Returns a firing alert with these labels beside its name."""
    named = {"alertname": "PodTrouble", **labels}
    return Alert(named, {}, "firing", NOW, None, "", fingerprint(named))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A real Prometheus that scrapes two exporters, of which the young one's series are four seconds old at first."""

    exporter: Exporter
    young: Exporter
    server: PrometheusServer
    _marks: "count[int]" = field(default_factory=count)

    def scraped(self) -> None:
        """Waits until all series that were set so far can be asked for."""
        mark = str(next(self._marks))
        for name, exporter in (("exporter", self.exporter), ("young", self.young)):
            exporter.set("scraped", {"exporter": name, "mark": mark}, 1)
        self.server.wait_until(f'scraped{{mark="{mark}"}}', lambda samples: len(samples) == 2, 20)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Asks a Prometheus about alerts, now."""

    prometheus: Prometheus | None
    executor: Executor

    def findings(
        self, enricher: Enricher, alerts: Sequence[Alert], timeout_seconds: float = 10.0
    ) -> list[tuple[Finding, ...]]:
        """Returns what one enricher finds of each alert."""
        return run(
            [enricher],
            alerts,
            [self.prometheus] if self.prometheus else [],
            received=[datetime.now(UTC)] * len(alerts),
            timeout_seconds=timeout_seconds,
            executor=self.executor,
        )

    def texts(self, enricher: Enricher, *alerts: Alert) -> list[str]:
        """Returns the same as a reader sees it, one text for each alert."""
        return ["; ".join(each.text for each in found) for found in self.findings(enricher, alerts)]
