"""Values go into the database and come back as they were, and reports say what is there."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.findings import Excerpt, Finding, Gap, Reading
from alerts.model import Alert
from alerts.notification import Thread
from outbox.records import Backlog, Plan, Planned
from outbox.retry import Outcome
from outbox.rows import FINDINGS
from outbox.store import Store
from tests.outbox.steps import LATER, LEASE, keep, settle, status, take
from tests.samples import NOW, model_alert, notification


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ("NUL \0 inside", "NUL \0 inside"),
        ("🔥 \u202e ünïcödé \x1b[31m \u2028", "🔥 \u202e ünïcödé \x1b[31m \u2028"),
        ("x" * 100_000, "x" * 100_000),
        ("'; DROP TABLE events; -- \" \\ % _ :name ?", "'; DROP TABLE events; -- \" \\ % _ :name ?"),
        ("", ""),
        ("half a pair \ud83d", "half a pair ?"),
    ],
    ids=["NUL", "beyond ASCII", "100 KB", "SQL", "empty", "surrogate"],
)
def test_keeps_odd_text(store: Store, odd: str, kept: str) -> None:
    """Whatever stands in labels, findings, errors and threads comes back, but for what no text may hold."""
    alert = replace(model_alert(), labels={"alertname": "A", "odd": odd}, fingerprint=f"f {odd}"[:256])
    gap = Gap("cpu", "CPU", odd)
    said = notification("group", "team", alert)
    said = replace(said, findings={alert.fingerprint: (gap,)})
    event_id = store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, LEASE)
    store.plan([Plan(claimed, (Planned(said),), (("group", alert, (gap,)),))])
    (delivery,) = take(store)
    assert kept == delivery.notification.group.alerts[0].labels["odd"]
    assert [(Gap("cpu", "CPU", kept),)] == list(delivery.notification.findings.values())
    (shown,) = store.recent_alerts(10)
    assert (kept, (Gap("cpu", "CPU", kept),)) == (shown.alert.labels["odd"], shown.findings)

    assert settle(store, delivery, Outcome("delivered", odd), thread=Thread(odd))
    assert [kept.replace("\0", "?")] == [each.detail for each in status(store, event_id).deliveries]
    keep(store, said)
    assert [kept] == [each.thread.key for each in take(store)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 0.1 + 0.2])
def test_keeps_odd_numbers(store: Store, value: float) -> None:
    """A reading's numbers come back as they went in, those that are none included."""
    reading = Reading("cpu", "CPU", value, "cores", NOW, "up", request=value, limit=value, threshold=value)
    keep(store, replace(notification(), findings={"f": (reading,)}))
    (delivery,) = take(store)
    (found,) = delivery.notification.findings["f"]
    assert isinstance(found, Reading)
    # As text, for NaN does not equal itself.
    assert [repr(value)] * 4 == [repr(each) for each in (found.value, found.request, found.limit, found.threshold)]
    assert NOW == found.at


def test_reads_what_earlier_versions_wrote() -> None:
    """A reading had no threshold and no picture once."""
    text = '[{"name":"cpu","title":"CPU","value":1,"unit":"cores","at":"2026-03-02T07:31:57Z","query":"up","note":""}]'
    (reading,) = FINDINGS.validate_json(text)
    assert isinstance(reading, Reading)
    assert (None, False) == (reading.threshold, reading.drawn)


def test_moments_are_exact(store: Store) -> None:
    """A time comes back to the microsecond: leases are fenced by it."""
    for microsecond in (0, 1, 499_999, 999_999):
        moment = NOW.replace(microsecond=microsecond)
        assert moment == status(store, store.accept(b"{}", moment)).received_at


def test_recent_alerts_have_their_latest_state(store: Store) -> None:
    """Firing ones come first, then the newest; each with what was found and the deliveries of its own group."""
    reading = Reading("cpu", "CPU", 0.42, "cores", NOW, "up", limit=0.5)
    findings: tuple[Finding, ...] = (reading, Gap("memory", "memory", "no data"))

    def heard(now: datetime, *told: tuple[str, Alert]) -> int:
        event_id = store.accept(b"{}", now)
        (claimed,) = store.claim_events(now, LEASE)
        planned = tuple(Planned(notification(group, "team", alert)) for group, alert in told)
        store.plan([Plan(claimed, planned, tuple((group, alert, findings) for group, alert in told))])
        return event_id

    heard(NOW, ("one", model_alert("A")), ("two", model_alert("B")))
    last = heard(LATER, ("one", model_alert("A", "resolved")), ("three", model_alert("C")))
    shown = store.recent_alerts(10)
    assert [("C", "firing"), ("B", "firing"), ("A", "resolved")] == [(s.alert.name, s.alert.status) for s in shown]
    assert model_alert("A", "resolved") == shown[2].alert
    assert (findings, last, LATER) == (shown[2].findings, shown[2].event_id, shown[2].updated_at)
    assert [1, 1, 1] == [len(each.deliveries) for each in shown]
    assert ["C", "B"] == [each.alert.name for each in store.recent_alerts(2)]


def test_an_alert_in_two_groups_is_two(store: Store) -> None:
    """The same alert in two groups has a state in each; twice in one plan it has the later one."""
    store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, LEASE)
    firing, over = model_alert(), model_alert(status="resolved")
    store.plan([Plan(claimed, alerts=(("one", firing, ()), ("two", firing, ()), ("two", over, ())))])
    assert ["firing", "resolved"] == [each.alert.status for each in store.recent_alerts(10)]


def test_backlog_counts_what_waits(store: Store) -> None:
    """Events that are to be planned and deliveries under way, and since when the oldest of them waits."""
    assert Backlog(0, 0, None) == store.backlog()
    old, new = NOW - timedelta(hours=1), NOW
    keep(store, notification("one"), notification("two"), now=old)
    keep(store, notification("three"), suppressed="muted", now=old - timedelta(hours=1))
    store.accept(b"{}", new)
    assert Backlog(1, 2, old) == store.backlog()
    for delivery in take(store):
        assert settle(store, delivery)
    assert Backlog(1, 0, new) == store.backlog()


def test_keeps_every_kind_of_finding(store: Store) -> None:
    """Each comes back as what it was, from the delivery and on the page."""
    alert = replace(model_alert(), fingerprint="f")
    found = (
        Reading("cpu", "CPU", 1.0, "cores", NOW, "up"),
        Gap("memory", "memory", "no data"),
        Excerpt("logs", "log of app", ("one \x1b", "two"), NOW, "kubectl logs"),
        Excerpt("events", "events", (), NOW),
    )
    said = replace(notification("group", "team", alert), findings={"f": found})
    store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, LEASE)
    store.plan([Plan(claimed, (Planned(said),), (("group", alert, found),))])
    (delivery,) = take(store)
    (shown,) = store.recent_alerts(10)
    assert (found, found) == (delivery.notification.findings["f"], shown.findings)
