"""Why an event's alerts went where they did, told later, when everything may be otherwise."""

from pathlib import Path
from typing import Any

import pytest

from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Recorder, body, make_pipeline, settled, started
from tests.samples import NOW, webhook, wire_alert

CONFIGURED = """
route:
  receiver: team
  routes:
  - {receiver: boss, matchers: ['severity="critical"']}
receivers: [{name: team, log_configs: [{}]}, {name: boss, log_configs: [{}]}]
inhibit_rules:
- {name: worse, source_matchers: [severity="critical"], target_matchers: [severity="warning"]}
"""
OTHERWISE = "route: {receiver: other}\nreceivers: [{name: other, log_configs: [{}]}]"
BAD, WORSE = wire_alert("Bad", severity="warning"), wire_alert("Worse", severity="critical")


@pytest.fixture
def build(tmp_path: Path, store: Store, clock: Clock) -> Any:
    """Builds pipelines that are not started."""

    def built(yaml: str) -> Pipeline:
        actions = {f"{name}/log/0": Recorder() for name in ("team", "boss", "other")}
        return make_pipeline(tmp_path, store, actions, yaml, clock=clock)

    return built


def told(pipeline: Pipeline, *alerts: dict[str, Any], key: str = "group") -> int:
    """Posts a group; returns its event."""
    event_id = pipeline.accept(body(webhook(*alerts, group_key=key)))
    settled(pipeline, event_id)
    return event_id


def test_is_told_by_the_rules_of_then(build: Any) -> None:
    """Though the configuration is another one by now, and what inhibited is over."""
    with started(build(CONFIGURED)) as pipeline:
        told(pipeline, WORSE, key="worse")
        event_id = told(pipeline, BAD)
        told(pipeline, wire_alert("Worse", "resolved", severity="critical"), key="worse")
    pipeline = build(OTHERWISE)
    trace = pipeline.trace(event_id)
    assert trace is not None
    assert NOW.isoformat() == trace["at"]
    (group,) = trace["groups"]
    (alert,) = group["alerts"]
    assert (["team"], 0) == (alert["receivers"], group["alerts_left_out"])
    assert alert["inhibited"].startswith("inhibited by worse, as alert ")
    assert ["worse"] == [each["rule"] for each in alert["inhibit_rules"]]
    (tried,) = alert["routes"]["routes"]
    assert ["severity=\"critical\": it is 'warning'"] == tried["failing"]


def test_says_what_was_a_duplicate(build: Any) -> None:
    """Of which event."""
    with started(build(CONFIGURED)) as pipeline:
        first, second = told(pipeline, BAD), told(pipeline, BAD)
        traces = [pipeline.trace(each) for each in (first, second)]
    assert [None, first] == [each and each["groups"][0]["duplicate_of"] for each in traces]


def test_what_is_told_with_another_has_its_own(build: Any) -> None:
    """Its own alert, with its routes; its deliveries are those of what tells it."""
    grouped = CONFIGURED.replace("receiver: team\n  routes", "receiver: team\n  group_by: [pod]\n  routes")
    pipeline = build(grouped)
    first, second = (pipeline.accept(body(wire_alert(name, severity="warning"))) for name in ("First", "Second"))
    with started(pipeline):
        assert ["merged"] == settled(pipeline, second)
        settled(pipeline, first)
    trace, teller, told_with = pipeline.trace(second), pipeline.event(first), pipeline.event(second)
    assert trace is not None
    assert teller is not None
    assert told_with is not None
    ((alert,),) = [group["alerts"] for group in trace["groups"]]
    assert ("Second", ["team"]) == (alert["labels"]["alertname"], alert["receivers"])
    assert ("merged", teller.deliveries) == (told_with.state, told_with.deliveries)
    assert ["team/log/0"] == [each.destination for each in told_with.deliveries]


def test_a_large_group_is_told_in_part(build: Any) -> None:
    """A hundred alerts, and how many more there are."""
    with started(build(CONFIGURED)) as pipeline:
        trace = pipeline.trace(told(pipeline, *(wire_alert("A", n=str(number)) for number in range(120))))
    assert trace is not None
    assert (100, 20) == (len(trace["groups"][0]["alerts"]), trace["groups"][0]["alerts_left_out"])


def test_what_is_not_known_is_not_told(build: Any) -> None:
    """Of an event that was not planned yet, or that there is not."""
    pipeline = build(CONFIGURED)
    event_id = pipeline.accept(body(BAD))
    assert [None, None] == [pipeline.trace(event_id), pipeline.trace(event_id + 1)]
