"""Who is told what: routing, filtering and enrichment of accepted events."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.conditions import parse_condition
from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from enrich._base import NoAnswer
from outbox.database import StoreError
from outbox.store import Store
from pipeline.cases import Cases
from pipeline.lookups import Lookups
from pipeline.plan import Planner
from tests.pipeline.parts import (
    Clock,
    Enricher,
    Failing,
    Prometheus,
    Recorder,
    body,
    dead,
    make_pipeline,
    settled,
    started,
)
from tests.samples import NOW, SEED, webhook, wire_alert
from tests.service import eventually

TWO_KINDS = """
route: {receiver: all}
receivers:
- name: all
  log_configs: [{send_resolved: true}, {send_resolved: false}]
"""

BY_SEVERITY = """
external_url: https://alerts.example/prefix/
route:
  receiver: chat
  routes:
  - {receiver: on-call, matchers: ['severity="critical"'], continue: true}
  - {receiver: nobody, matchers: ['severity="info"']}
  - {receiver: chat, matchers: ['severity="critical"']}
receivers:
- {name: on-call, log_configs: [{}]}
- {name: chat, log_configs: [{}]}
- {name: nobody}
"""

FAST_ENRICHMENT = """
enrichment: {timeout: 300ms}
route: {receiver: team}
receivers: [{name: team, log_configs: [{}]}]
"""


def test_leaves_out_ends_where_they_are_not_wanted(tmp_path: Path, store: Store) -> None:
    """With `send_resolved: false` only what fires is told; what is all over is recorded as suppressed."""
    everything, firing_only = Recorder(), Recorder()
    actions = {"all/log/0": everything, "all/log/1": firing_only}
    mixed = webhook(wire_alert("A", "resolved"), wire_alert("B"), group_key="mixed")
    over = webhook(wire_alert("A", "resolved"), wire_alert("B", "resolved"), group_key="over")
    with started(make_pipeline(tmp_path, store, actions, TWO_KINDS)) as pipeline:
        assert ["delivered", "delivered"] == settled(pipeline, pipeline.accept(body(mixed)))
        event_id = pipeline.accept(body(over))
        assert ["delivered", "suppressed"] == settled(pipeline, event_id)
    assert ["A", "B", "A", "B"] == everything.names()
    assert ["B"] == firing_only.names()
    status = store.event(event_id)
    assert status is not None
    assert "send_resolved is false" == status.deliveries[1].detail


def test_tells_each_receiver_its_part(tmp_path: Path, store: Store) -> None:
    """A group whose alerts go different ways is split, each part with its own common labels and page."""
    on_call, chat = Recorder(), Recorder()
    payload = webhook(
        wire_alert("A", severity="critical", zone="1"),
        wire_alert("B", severity="info", zone="1"),
        wire_alert("C", severity="warning", zone="1"),
        wire_alert("D", severity="critical", zone="1"),
    )
    actions = {"on-call/log/0": on_call, "chat/log/0": chat}
    with started(make_pipeline(tmp_path, store, actions, BY_SEVERITY)) as pipeline:
        assert ["delivered", "delivered"] == settled(pipeline, pipeline.accept(body(payload)))
    assert (["A", "D"], ["A", "C", "D"]) == (on_call.names(), chat.names())
    (told,) = on_call.sent
    assert {"severity": "critical", "zone": "1"} == told.group.common_labels
    assert {alert.fingerprint for alert in told.group.alerts} == set(told.findings)
    assert f"https://alerts.example/prefix/#{told.group.alerts[0].fingerprint}" == told.page_url


def test_an_event_nobody_hears_of_is_unrouted(tmp_path: Path, store: Store) -> None:
    """Where the routes lead to a receiver without actions, that is recorded, and the page shows the alert."""
    with started(make_pipeline(tmp_path, store, {}, BY_SEVERITY)) as pipeline:
        assert ["unrouted"] == settled(pipeline, pipeline.accept(body(wire_alert(severity="info"))))
    assert [()] == [each.deliveries for each in store.recent_alerts(10)]


def test_an_event_that_cannot_be_read_is_dead_and_holds_up_nothing(
    tmp_path: Path, store: Store, recorder: Recorder
) -> None:
    """What an older version took and this one cannot read does not keep others from being told."""
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder})
    unreadable = store.accept(b'{"of": "old"}', pipeline._clock())
    readable = pipeline.accept(SEED)
    with started(pipeline):
        assert dead(pipeline, unreadable)
        assert ["delivered"] == settled(pipeline, readable)
    status = store.event(unreadable)
    assert status is not None
    assert "cannot be read any more: " in str(status.error)


def test_a_defect_in_planning_one_event_holds_up_no_other(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """What an enricher of somebody's own finds and no row can hold makes its event dead, and only that."""

    def read(alert: Alert) -> tuple[Finding, ...]:
        value: Any = object() if alert.name == "Bad" else 1.0
        return (Reading("load", "load", value, "", NOW, "node_load1"),)

    pipeline = make_pipeline(
        tmp_path, store, {"team/log/0": recorder}, enrichers=[Enricher(read=read)], prometheus=Prometheus()
    )
    bad, good = (pipeline.accept(body(wire_alert(name))) for name in ("Bad", "Good"))
    with started(pipeline):
        assert dead(pipeline, bad)
        assert ["delivered"] == settled(pipeline, good)
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
    assert 1 == store.dead_events()


@pytest.mark.parametrize(
    ("where", "name"),
    [(Cases, "prepare"), (Lookups, "batch"), (Lookups, "ask"), (Planner, "_planned"), (Cases, "done")],
)
def test_a_defect_of_the_planner_does_not_wait_for_a_lease(
    tmp_path: Path, store: Store, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, where: type, name: str
) -> None:
    """What it had taken is taken again at once, and is no duplicate of itself; so is what comes after it."""
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder})
    planned, calls = getattr(where, name), iter(["fails"])

    def fails_first(self: Any, *given: Any) -> Any:
        if next(calls, None):
            raise RuntimeError("a defect")
        return planned(self, *given)

    monkeypatch.setattr(where, name, fails_first)
    with started(pipeline):
        for alert in ("A", "B"):
            assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert(alert)))))


def test_asks_once_for_all_events_in_hand(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """Twenty events that wait together cost one query, and each alert has its own findings."""
    prometheus = Prometheus()
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder}, enrichers=[Enricher()], prometheus=prometheus)
    ids = [pipeline.accept(body(wire_alert(f"A{number}"))) for number in range(20)]
    with started(pipeline):
        assert [["delivered"]] * 20 == [settled(pipeline, event_id) for event_id in ids]
    assert ["node_load1"] == prometheus.asked
    found = {each.group.alerts[0].name: each.findings[each.group.alerts[0].fingerprint] for each in recorder.sent}
    assert {f"A{number}": (Gap("load", "load", f"of A{number}"),) for number in range(20)} == found


def test_a_storm_is_asked_about_together(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """What comes on and on for two seconds is asked about three times at once and then once a second, in order."""
    prometheus = Prometheus()
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder}, enrichers=[Enricher()], prometheus=prometheus)
    ids: list[int] = []
    with started(pipeline):
        until = time.monotonic() + 2
        while time.monotonic() < until:
            ids.append(pipeline.accept(body(wire_alert(f"A{len(ids)}"))))
            time.sleep(0.01)
        assert [["delivered"]] * len(ids) == [settled(pipeline, event_id) for event_id in ids]
    assert len(ids) > 50
    assert 3 <= len(prometheus.asked) <= 7
    found = {each.group.alerts[0].name: each.findings[each.group.alerts[0].fingerprint] for each in recorder.sent}
    assert {f"A{number}": (Gap("load", "load", f"of A{number}"),) for number in range(len(ids))} == found


def test_readings_decide_who_is_told(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """What does not hold when it is planned is suppressed, with the reason; who was told hears the end in any case."""
    values = iter([1.0, 9.0, 1.0, 1.0])

    def read(alert: Alert) -> tuple[Finding, ...]:
        return (Reading("load", "load", next(values), "", NOW, "node_load1"),)

    yaml = "route: {receiver: team}\nreceivers: [{name: team, log_configs: [{when: ['cpu > 5']}]}]\n"
    pipeline = make_pipeline(
        tmp_path, store, {"team/log/0": recorder}, yaml, enrichers=[Enricher(read=read)], prometheus=Prometheus()
    )
    # The configuration knows the enrichers that there are; the one here has another name.
    settings = pipeline.configuration.receivers[0].actions[0].settings
    object.__setattr__(settings, "when", (parse_condition("load > 5"),))
    with started(pipeline):
        low = pipeline.accept(body(webhook(wire_alert("Low"))))
        assert ["suppressed"] == settled(pipeline, low)
        status = store.event(low)
        assert status is not None
        assert "load > 5: it is 1.00" == status.deliveries[0].detail
        for state in ("firing", "resolved"):
            assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("High", state)))))
        over = pipeline.accept(body(webhook(wire_alert("Low", "resolved"))))
        assert ["suppressed"] == settled(pipeline, over)
    assert [("High", "firing"), ("High", "resolved")] == [
        (each.group.alerts[0].name, each.group.status) for each in recorder.sent
    ]


def test_the_same_alert_twice_in_a_payload_is_told(tmp_path: Path, store: Store, recorder: Recorder) -> None:
    """Alerts that share a fingerprint do not confuse what was found of the others."""
    twins = [wire_alert("A", fingerprint_of="x"), wire_alert("A", fingerprint_of="x"), wire_alert("B")]
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder}, enrichers=[Enricher()], prometheus=Prometheus())
    with started(pipeline):
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(*twins))))
    (told,) = recorder.sent
    assert {"of A", "of B"} == {finding.text for found in told.findings.values() for finding in found}


class Hanging:
    """Something that hangs until the test ends."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __call__(self, *_: object) -> Any:
        """Hangs."""
        self.over.wait(30)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    """Something that hangs, for the length of the test."""
    each = Hanging()
    yield each
    each.over.set()


def raising(error: BaseException) -> Any:
    """Something that raises."""

    def fail(*_: object) -> Any:
        raise error

    return fail


def lazily(_: Alert) -> Any:
    """Findings that are made when somebody looks at them, which fails."""
    yield from ()
    raise RuntimeError("boom")


TROUBLES = {
    "Prometheus has no answer": (Enricher(), Prometheus(raising(NoAnswer("timed out"))), "timed out"),
    "Prometheus raises": (Enricher(), Prometheus(raising(RuntimeError("boom"))), "the enricher failed: RuntimeError"),
    "no Prometheus": (Enricher(), None, "no Prometheus is configured"),
    "questions raise": (Enricher(questions=raising(KeyError("boom"))), Prometheus(), "the enricher failed: KeyError"),
    "reading raises": (Enricher(read=raising(ValueError("boom"))), Prometheus(), "the enricher failed: ValueError"),
    "reading finds nothing": (Enricher(read=lambda alert: None), Prometheus(), "failed: TypeError"),  # type: ignore[arg-type, return-value]  # that is the point
    "reading fails lazily": (Enricher(read=lazily), Prometheus(), "failed: RuntimeError"),
    "questions exit": (Enricher(questions=raising(SystemExit(3))), Prometheus(), "failed: SystemExit"),
    "half a surrogate pair": (Enricher(), Prometheus(raising(NoAnswer("says \ud83d"))), "says ?"),
}


@pytest.mark.parametrize(("enricher", "prometheus", "reason"), TROUBLES.values(), ids=TROUBLES)
def test_a_failing_enrichment_is_a_gap(
    tmp_path: Path,
    store: Store,
    recorder: Recorder,
    enricher: Enricher,
    prometheus: Prometheus | None,
    reason: str,
) -> None:
    """Whatever fails while findings are looked up, the page goes out and says what is missing, and so does the next."""
    actions = {"team/log/0": recorder}
    with started(make_pipeline(tmp_path, store, actions, enrichers=[enricher], prometheus=prometheus)) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(wire_alert())))
    for told in recorder.sent:
        ((gap,),) = told.findings.values()
        assert isinstance(gap, Gap)
        assert reason in gap.reason


@pytest.mark.parametrize("where", ["Prometheus", "questions", "read"])
def test_a_hanging_enrichment_is_a_gap(
    tmp_path: Path, store: Store, recorder: Recorder, hanging: Hanging, where: str
) -> None:
    """Whatever hangs, twenty pages go out soon after the budget and say so."""
    enricher = Enricher(**({where: hanging} if where != "Prometheus" else {}))
    prometheus = Prometheus(hanging if where == "Prometheus" else lambda: None)
    pipeline = make_pipeline(
        tmp_path, store, {"team/log/0": recorder}, FAST_ENRICHMENT, enrichers=[enricher], prometheus=prometheus
    )
    begun = time.monotonic()
    with started(pipeline):
        ids = [pipeline.accept(body(wire_alert(f"A{number}"))) for number in range(20)]
        assert [["delivered"]] * 20 == [settled(pipeline, event_id) for event_id in ids]
        assert time.monotonic() - begun < 4
    reason = "Prometheus did not answer within 0.3s" if where == "Prometheus" else "is not done in time"
    gaps: set[Finding] = {found for each in recorder.sent for (found,) in each.findings.values()}
    assert {reason} == {gap.text for gap in gaps}


def test_a_slow_answer_does_not_turn_states_around(
    tmp_path: Path, store: Store, recorder: Recorder, hanging: Hanging
) -> None:
    """While the first state still waits for its answers the next is looked up, and is told after it all the same."""
    asked = threading.Semaphore(0)

    def answer() -> None:
        asked.release()
        if len(prometheus.asked) == 1:
            hanging()

    prometheus = Prometheus(answer)
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder}, enrichers=[Enricher()], prometheus=prometheus)
    with started(pipeline):
        first = pipeline.accept(body(webhook(wire_alert("A"))))
        assert asked.acquire(timeout=5)
        second = pipeline.accept(body(webhook(wire_alert("A", "resolved"))))
        assert asked.acquire(timeout=5)
        assert [] == recorder.sent
        hanging.over.set()
        assert ["delivered"] == settled(pipeline, second)
        # Told by itself, unless the second was planned before anybody looked for the first.
        assert settled(pipeline, first) in (["delivered"], ["superseded"])
    assert [each.group.status for each in recorder.sent] in (["firing", "resolved"], ["resolved"])


@pytest.mark.parametrize("method", ["claim_events", "histories", "plan"])
def test_a_store_that_fails_for_a_while_loses_and_repeats_nothing(
    tmp_path: Path, store: Store, recorder: Recorder, method: str
) -> None:
    """An event is planned once, when the storage works again."""
    failing = Failing(store)
    failing.failures[method] = 2
    with started(make_pipeline(tmp_path, failing, {"team/log/0": recorder})) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(SEED))
    assert 1 == len(recorder.attempts)
    assert 0 == failing.failures[method]


def test_stops_although_the_storage_fails(tmp_path: Path, store: Store, recorder: Recorder, clock: Clock) -> None:
    """A pipeline that cannot keep its plans ends all the same, and what it held comes back with its lease."""
    failing = Failing(store)
    pipeline = make_pipeline(tmp_path, failing, {"team/log/0": recorder}, clock=clock)
    with started(pipeline):
        failing.failures["plan"] = failing.failures["release"] = 1_000_000
        event_id = pipeline.accept(SEED)
        eventually(lambda: failing.failures["plan"] < 1_000_000, "an attempt to keep the plan")
    assert not pipeline.alive

    failing.failures.clear()
    clock.pass_seconds(60)
    with started(make_pipeline(tmp_path, Store(store._engine, "b"), {"team/log/0": recorder}, clock=clock)) as second:
        assert ["delivered"] == settled(second, event_id)
    assert 1 == len(recorder.sent)


def test_accepting_fails_with_the_storage(tmp_path: Path, store: Store) -> None:
    """A payload that cannot be kept is the caller's to send again."""
    failing = Failing(store)
    failing.failures["accept"] = 1
    pipeline = make_pipeline(tmp_path, failing, {})
    with pytest.raises(StoreError):
        pipeline.accept(SEED)
    assert 1 == pipeline.accept(SEED)
