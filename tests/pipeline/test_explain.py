"""What would become of a payload: what does become of it, and nothing is kept or told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.payload import PayloadError
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Enricher, Recorder, body, deliveries_of, make_pipeline, settled, started
from tests.samples import NOW, webhook, wire_alert

# It is 07:31 on a Monday.
CONFIGURED = """
route:
  receiver: team
  group_by: [alertname]
  routes:
  - {receiver: pager, matchers: ['severity="critical"'], continue: true}
  - {receiver: team, matchers: ['severity="critical"'], mute_time_intervals: [mornings]}
receivers:
- name: team
  slack_configs: [{api_url: 'http://slack.example/s3cret', send_resolved: true}]
  flap_hold: 10m
- name: pager
  pagerduty_configs: [{routing_key: 0123456789abcdef0123456789abcdef}]
inhibit_rules:
- {name: worse, source_matchers: [severity="critical"], target_matchers: [severity="warning"]}
time_intervals:
- name: mornings
  time_intervals: [{times: [{start_time: '06:00', end_time: '08:00'}]}]
"""
BAD, WORSE = wire_alert("Bad", severity="warning"), wire_alert("Worse", severity="critical")


@pytest.fixture
def pipeline(tmp_path: Path, store: Store, clock: Clock) -> Pipeline:
    """The service, not started; its actions only remember."""
    actions = {"team/slack/0": Recorder(), "pager/pagerduty/0": Recorder()}
    return make_pipeline(tmp_path, store, actions, CONFIGURED, clock=clock, enrichers=[Enricher()])


def told(found: dict[str, Any]) -> dict[str, str]:
    """Each destination, and why it is not told, "" where it is."""
    return {each["destination"]: each["reason"] for group in found["groups"] for each in group["deliveries"]}


def test_says_who_would_be_told(pipeline: Pipeline) -> None:
    """And who would not, and why; with what would be sent and asked."""
    found = pipeline.explain(body(WORSE))
    assert {"pager/pagerduty/0": "", "team/slack/0": "muted: in mute_time_intervals: mornings"} == told(found)
    (group,) = found["groups"]
    assert 'group:{alertname="Worse"}' == group["key"]
    assert (["Worse"], []) == (group["deliveries"][0]["message"], group["deliveries"][0]["template_errors"])
    (alert,) = group["alerts"]
    assert (["pager", "team"], None, []) == (alert["receivers"], alert["inhibited"], alert["inhibit_rules"])
    assert [{"enricher": "load", "promql": "node_load1"}] == found["queries"]


def test_is_of_another_time(pipeline: Pipeline) -> None:
    """When it is not muted."""
    assert {"pager/pagerduty/0": "", "team/slack/0": ""} == told(
        pipeline.explain(body(WORSE), NOW + timedelta(hours=1))
    )


def test_keeps_and_tells_nothing(pipeline: Pipeline, store: Store) -> None:
    """However often it is asked."""
    for _ in range(3):
        found = pipeline.explain(body(BAD))
        assert {"team/slack/0": ""} == told(found)
    assert (None, 0) == (store.event(1), store.firing_alerts())


def test_knows_what_came_before(pipeline: Pipeline) -> None:
    """What inhibits, what is a duplicate, and what was told."""
    with started(pipeline):
        settled(pipeline, pipeline.accept(body(WORSE)))
        event_id = pipeline.accept(body(BAD))
        settled(pipeline, event_id)
        inhibited, again = (
            pipeline.explain(body(wire_alert("Other", severity="warning"))),
            pipeline.explain(body(WORSE)),
        )
    reason = told(inhibited)["team/slack/0"]
    assert reason.startswith("inhibited by worse, as alert ")
    assert reason == deliveries_of(pipeline.store, event_id)[0].detail
    assert 1 == again["groups"][0]["duplicate_of"]
    assert {} == told(again)


def test_says_until_when_it_is_held(pipeline: Pipeline) -> None:
    """An end that waits until it has been quiet for long."""
    found = pipeline.explain(body(webhook(wire_alert("Bad", "resolved", severity="warning"))))
    (delivery,) = found["groups"][0]["deliveries"]
    assert (NOW + timedelta(minutes=10)).isoformat() == delivery["due_at"]


def test_an_end_that_nobody_was_told_of_wakes_nobody(pipeline: Pipeline) -> None:
    """As when it is sent: of what was told by then the end is told, too."""
    over = body(webhook(wire_alert("Worse", "resolved", severity="critical")))
    assert "it was over before anybody was told" == told(pipeline.explain(over))["pager/pagerduty/0"]
    with started(pipeline):
        settled(pipeline, pipeline.accept(body(webhook(WORSE))))
        found = pipeline.explain(over)
    assert "" == told(found)["pager/pagerduty/0"]


def test_says_what_would_become_of_it(pipeline: Pipeline) -> None:
    """The same as becomes of it."""
    payload = body(webhook(BAD, WORSE, wire_alert("Fine")))
    found = pipeline.explain(payload)
    with started(pipeline):
        event_id = pipeline.accept(payload)
        settled(pipeline, event_id)
        became = {each.destination: each.word for each in deliveries_of(pipeline.store, event_id)}
    assert {name: "suppressed" if reason else "delivered" for name, reason in told(found).items()} == became
    trace = pipeline.trace(event_id)
    assert trace is not None
    assert [group["alerts"] for group in trace["groups"]] == [group["alerts"] for group in found["groups"]]


def test_refuses_what_is_malformed(pipeline: Pipeline) -> None:
    """As `/alert` does."""
    with pytest.raises(PayloadError, match="is not JSON"):
        pipeline.explain(b"{")
