"""Taking payloads in: kept as they came, or refused and not kept."""

import pytest
from prometheus_client import REGISTRY

from alerts.payload import PayloadError
from outbox.database import StoreError
from outbox.store import Store
from pipeline import accept
from tests.pipeline.parts import Failing, body
from tests.samples import NOW, SEED, webhook, wire_alert


def count(metric: str, **labels: str) -> float:
    """What a counter stands at."""
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def test_keeps_a_payload_as_it_came(store: Store) -> None:
    """The event holds the request's very bytes, and when it came."""
    event_id = accept(SEED, store, NOW)
    (kept,) = store.claim_events(NOW, 30)
    assert (event_id, SEED, NOW) == (kept.id, kept.body, kept.received_at)


def test_counts_alerts_by_status(store: Store) -> None:
    """Each alert of a payload counts, the payload once."""
    before = [
        count("alert_manager_alerts_received_total", status="firing"),
        count("alert_manager_alerts_received_total", status="resolved"),
        count("alert_manager_events_total", outcome="accepted"),
    ]
    accept(body(webhook(wire_alert("A"), wire_alert("B"), wire_alert("C", "resolved"))), store, NOW)
    assert [before[0] + 2, before[1] + 1, before[2] + 1] == [
        count("alert_manager_alerts_received_total", status="firing"),
        count("alert_manager_alerts_received_total", status="resolved"),
        count("alert_manager_events_total", outcome="accepted"),
    ]


def test_keeps_nothing_of_a_malformed_payload(store: Store) -> None:
    """What cannot be read is refused and counted, and no event comes of it."""
    before = count("alert_manager_events_total", outcome="rejected")
    with pytest.raises(PayloadError):
        accept(b'{"labels": 1}', store, NOW)
    assert before + 1 == count("alert_manager_events_total", outcome="rejected")
    assert 0 == store.backlog().events


def test_says_when_it_cannot_keep_a_payload(store: Store) -> None:
    """Where the storage fails the caller hears of it, no alert is counted as received, and later it works."""
    failing = Failing(store)
    failing.failures["accept"] = 1
    before = [
        count("alert_manager_events_total", outcome="refused"),
        count("alert_manager_alerts_received_total", status="firing"),
    ]
    with pytest.raises(StoreError):
        accept(SEED, failing, NOW)
    assert [before[0] + 1, before[1]] == [
        count("alert_manager_events_total", outcome="refused"),
        count("alert_manager_alerts_received_total", status="firing"),
    ]
    assert 1 == accept(SEED, failing, NOW)
