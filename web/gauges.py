"""What is true of the whole service now, whichever process is asked: read when Prometheus asks."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.remediation import RemediationState
from outbox.database import StoreError
from outbox.standing import DestinationStatus
from outbox.vitals import Vitals
from pipeline import Pipeline
from web.status import VERSION

Labels = tuple[str, ...]

_REMEDIATION_STATES = tuple(each for each in get_args(RemediationState) if each != "done")


@dataclass(frozen=True, slots=True)
class Gauge:
    """One of them.

    Attributes:
        name: without the service's.
        values: by the values of its labels.
        labels: their names.
    """

    name: str
    help_text: str
    values: Mapping[Labels, float]
    labels: Labels = ()


class Gauges(Collector):
    """All of them, as the registry asks for them."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = tuple(gauges)

    def collect(self) -> Iterable[Metric]:
        """Gives each."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(f"alert_manager_{gauge.name}", gauge.help_text, labels=gauge.labels)
            for labels, value in gauge.values.items():
                family.add_metric(labels, value)
            yield family


def gauges(pipeline: Pipeline) -> Gauges:
    """Look; where the storage does not answer only that is told, and what is known without it."""
    build: dict[Labels, float] = {(VERSION, platform.python_version(), pipeline.store.kind): 1.0}
    found = [
        Gauge("build_info", "What runs here; always 1.", build, ("version", "python", "storage")),
        _one(
            "config_hash",
            "A number that is another for each configuration; of the process that was asked.",
            int(pipeline.configuration.digest, 16),
        ),
    ]
    try:
        return Gauges([*found, *_stored(pipeline)])
    except StoreError:
        return Gauges([*found, _storage_up(0)])


def _stored(pipeline: Pipeline) -> list[Gauge]:
    now, begun = pipeline.now(), time.monotonic()
    pipeline.store.probe(now)
    probe_seconds = time.monotonic() - begun
    waiting_events, oldest_event_at = pipeline.store.waiting_events()
    destinations = pipeline.store.destinations(now, pipeline.destinations)
    vitals = pipeline.store.vitals()
    ages = [_seconds(now, oldest_event_at), *(_seconds(now, each.oldest_at) for each in destinations)]
    return [
        _storage_up(1),
        _one("storage_probe_seconds", "How long it took to write the row that storage_up is about.", probe_seconds),
        *_storage(vitals),
        _one("events_pending", "Accepted events that are not planned yet.", waiting_events),
        _one(
            "events_oldest_pending_seconds",
            "How long the oldest event that is not planned has been waiting.",
            _seconds(now, oldest_event_at),
        ),
        _one("oldest_pending_seconds", "How long the oldest event or delivery has been waiting.", max(ages)),
        *_of_destinations(destinations, now),
        *_of_alerts(vitals),
        *_of_remediations(vitals, now),
        *_of_watching(pipeline),
    ]


def _storage_up(value: float) -> Gauge:
    return _one("storage_up", "Whether the storage takes a row.", value)


def _storage(vitals: Vitals) -> list[Gauge]:
    free: dict[Labels, float] = {} if vitals.free_bytes is None else {(): float(vitals.free_bytes)}
    return [
        _one("storage_size_bytes", "What the database takes.", vitals.size_bytes),
        Gauge("storage_free_bytes", "What is left on the disk of a SQLite file; missing with PostgreSQL.", free),
    ]


def _of_destinations(destinations: Iterable[DestinationStatus], now: datetime) -> list[Gauge]:
    def of_each(name: str, help_text: str, value: Callable[[DestinationStatus], float]) -> Gauge:
        return Gauge(name, help_text, {(each.name,): float(value(each)) for each in destinations}, ("destination",))

    return [
        of_each("deliveries_pending", "Deliveries under way, also those that failed before.", lambda of: of.waiting),
        of_each("deliveries_retrying", "Deliveries under way that failed before.", lambda of: of.retrying),
        of_each(
            "deliveries_oldest_pending_seconds",
            "How long the oldest delivery under way has been waiting.",
            lambda of: _seconds(now, of.oldest_at),
        ),
        of_each("deliveries_untold", "Dead deliveries, with nothing later that got through.", lambda of: of.untold),
        of_each(
            "destination_failing",
            "Whether a destination has failed so often that it is told one thing at a time.",
            lambda of: of.failing,
        ),
        of_each(
            "destination_paused_seconds",
            "For how long nothing will be sent to a destination.",
            lambda of: (of.paused_until - now).total_seconds() if of.paused_until else 0.0,
        ),
    ]


def _of_alerts(vitals: Vitals) -> list[Gauge]:
    firing: dict[Labels, float] = {(severity,): float(count) for severity, count in vitals.firing.items()}
    return [
        _one(
            "last_webhook_timestamp_seconds",
            "When the last payload came; 0 where none is kept.",
            vitals.heard_at.timestamp() if vitals.heard_at else 0.0,
        ),
        Gauge("alerts_firing", "Alerts that are known to fire, by severity.", firing, ("severity",)),
        _one("alerts_withheld", "Alerts that fire and are not told for now: inhibited, or muted.", vitals.withheld),
    ]


def _of_remediations(vitals: Vitals, now: datetime) -> list[Gauge]:
    def of_each(name: str, help_text: str, value: Callable[[int, datetime | None], float]) -> Gauge:
        known = {state: vitals.remediations.get(state, (0, None)) for state in _REMEDIATION_STATES}
        return Gauge(name, help_text, {(state,): value(*each) for state, each in known.items()}, ("state",))

    return [
        of_each("remediations_open", "Remediations that are not done with, by state.", lambda count, _: float(count)),
        of_each(
            "remediations_oldest_open_seconds",
            "How long ago the alert of the oldest of them came.",
            lambda _, oldest_at: _seconds(now, oldest_at),
        ),
        _one("remediation_switched_off", "Whether somebody has switched remediation off.", vitals.switched_off),
    ]


def _of_watching(pipeline: Pipeline) -> list[Gauge]:
    """What is expected, and the switch outside; there where they are configured."""
    file, found = pipeline.configuration.file, []
    if file.watchdogs:
        standing = pipeline.store.watchdogs.standing([each.key for each in file.watchdogs])
        silent: dict[Labels, float] = {
            (each.name, each.receiver): float(standing[each.key].silent_since is not None) for each in file.watchdogs
        }
        help_text = "Whether an alert that is expected has not come for longer than it may."
        found.append(Gauge("watchdog_silent", help_text, silent, ("watchdog", "receiver")))
    if file.heartbeat is not None:
        succeeded_at = pipeline.store.heartbeats.status().succeeded_at
        found.append(
            _one(
                "heartbeat_last_success_timestamp_seconds",
                "When the switch outside last took a call; 0 where it never did.",
                succeeded_at.timestamp() if succeeded_at else 0.0,
            )
        )
    return found


def _one(name: str, help_text: str, value: float) -> Gauge:
    return Gauge(name, help_text, {(): float(value)})


def _seconds(now: datetime, since: datetime | None) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
