"""While its source fires, an alert is not told; what was told before stays told, and every end of that is."""

from pathlib import Path
from typing import Any

import pytest

from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Recorder, body, deliveries_of, make_pipeline, settled, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

TEAM = """
route: {receiver: team}
receivers: [{name: team, log_configs: [{}]}]
"""
INHIBITED = f"""{TEAM}
inhibit_rules:
- name: node-down
  source_matchers: [alertname="NodeDown"]
  target_matchers: [severity="warning"]
  equal: [node]
"""
DOWN, UP = wire_alert("NodeDown", node="n"), wire_alert("NodeDown", "resolved", node="n")
SLOW, SLOW_OVER = (
    wire_alert("Slow", node="n", severity="warning"),
    wire_alert("Slow", "resolved", node="n", severity="warning"),
)
HOT = wire_alert("Hot", node="m", severity="warning")
SOURCE, TARGET = "source", "target"


class House:
    """Runs of the service one after the other on one database."""

    def __init__(self, folder: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
        self._folder, self._store, self._clock, self.recorder = folder, store, clock, recorder
        self.pipeline = self.built()

    def built(self, yaml: str = INHIBITED) -> Pipeline:
        """A pipeline that is not started, of a configuration of its own."""
        self.pipeline = make_pipeline(self._folder, self._store, {"team/log/0": self.recorder}, yaml, clock=self._clock)
        return self.pipeline

    def post(self, key: str, *alerts: dict[str, Any]) -> int:
        """Posts a group; returns its event."""
        return self.pipeline.accept(body(webhook(*alerts, group_key=key)))

    def tell(self, key: str, *alerts: dict[str, Any]) -> list[str]:
        """Posts a group; returns what became of it."""
        return settled(self.pipeline, self.post(key, *alerts))

    def said(self) -> list[str]:
        """What was told, sorted: names that fire, and in small letters those that are over."""
        return [
            " ".join(sorted(each.name if each.firing else each.name.lower() for each in one.group.alerts))
            for one in self.recorder.sent
        ]

    def hears(self, *expected: str) -> None:
        """Waits until this was told, in all."""
        eventually(lambda: len(self.recorder.sent) >= len(expected), f"{expected} to be told, not {self.said()}", 10)
        assert list(expected) == self.said()


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> House:
    """The service, with a node that is down inhibiting warnings about it."""
    return House(tmp_path, store, clock, recorder)


def why(house: House, event_id: int) -> str:
    """What is said of the one delivery of an event."""
    (delivery,) = deliveries_of(house.pipeline.store, event_id)
    return delivery.detail


def test_is_not_told_while_its_source_fires(house: House) -> None:
    """It is recorded with the rule and the source's fingerprint; others are told."""
    with started(house.pipeline):
        assert ["delivered"] == house.tell(SOURCE, DOWN)
        event_id = house.post(TARGET, SLOW)
        assert ["suppressed"] == settled(house.pipeline, event_id)
        source = house.recorder.sent[0].group.alerts[0].fingerprint
        assert f"inhibited by node-down, as alert {source} fires" == why(house, event_id)
        assert ["delivered"] == house.tell("other", HOT)
    house.hears("NodeDown", "Hot")


def test_is_told_when_its_source_is_over(house: House) -> None:
    """Though nobody tells of it again: it fires still."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        house.tell(TARGET, SLOW)
        house.tell(SOURCE, UP)
        house.hears("NodeDown", "nodedown", "Slow")
        assert ["delivered"] == house.tell(TARGET, SLOW_OVER)
    house.hears("NodeDown", "nodedown", "Slow", "slow")
    assert "http://alertmanager.example" == house.recorder.sent[2].group.external_url


def test_is_told_once(house: House) -> None:
    """What is told after its source ended is known to be told."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        house.tell(TARGET, SLOW)
        house.tell(SOURCE, UP)
        house.hears("NodeDown", "nodedown", "Slow")
        assert 0 == house.pipeline._release.look()
    with started(house.built()):
        assert ["duplicate"] == house.tell(TARGET, SLOW)
        assert 0 == house.pipeline._release.look()
    house.hears("NodeDown", "nodedown", "Slow")


def test_what_was_over_meanwhile_is_never_told(house: House) -> None:
    """Its end is recorded, and says why nobody heard of it."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        house.tell(TARGET, SLOW)
        event_id = house.post(TARGET, SLOW_OVER)
        assert ["suppressed"] == settled(house.pipeline, event_id)
        assert why(house, event_id).startswith("over before it was told: it was inhibited by node-down")
        house.tell(SOURCE, UP)
        assert 0 == house.pipeline._release.look()
    house.hears("NodeDown", "nodedown")


def test_what_was_told_before_stays_told(house: House) -> None:
    """Its source came later: it is told on, and so is its end."""
    with started(house.pipeline):
        house.tell(TARGET, SLOW)
        house.tell(SOURCE, DOWN)
        assert ["delivered"] == house.tell(TARGET, SLOW, wire_alert("Wet"))
        assert ["delivered"] == house.tell(TARGET, SLOW_OVER)
    house.hears("Slow", "NodeDown", "Slow Wet", "slow")


def test_a_part_of_a_group_is_told(house: House) -> None:
    """The rest is counted, and told with the others once it may be."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        assert ["delivered"] == house.tell(TARGET, SLOW, wire_alert("Wet"))
        (note,) = house.recorder.sent[-1].notes
        assert note.startswith("1 more inhibited by node-down, as alert ")
        house.tell(SOURCE, UP)
        house.hears("NodeDown", "Wet", "nodedown", "Slow Wet")
        assert ["delivered"] == house.tell(TARGET, SLOW_OVER)
    house.hears("NodeDown", "Wet", "nodedown", "Slow Wet", "slow")


def test_one_payload_holds_both(house: House) -> None:
    """The source inhibits what comes with it."""
    with started(house.pipeline):
        assert ["delivered"] == house.tell(TARGET, SLOW, DOWN)
        assert ["delivered"] == house.tell(TARGET, SLOW, UP)
        house.hears("NodeDown", "Slow nodedown")


def test_both_come_in_one_batch(house: House) -> None:
    """What is not in the database yet counts: in the order in which it came."""
    events = [
        house.post(TARGET, SLOW),
        house.post("second", wire_alert("Late", node="n", severity="warning")),
        house.post(SOURCE, DOWN),
        house.post("third", wire_alert("Later", node="n", severity="warning")),
        house.post("second", wire_alert("Late", "resolved", node="n", severity="warning")),
        house.post("third", wire_alert("Later", "resolved", node="n", severity="warning")),
    ]
    with started(house.pipeline):
        found = [settled(house.pipeline, each) for each in events]
    assert ["delivered", "delivered", "delivered"] == [found[at][0] for at in (0, 2, 4)]
    assert [["superseded"], ["suppressed"], ["suppressed"]] == [found[at] for at in (1, 3, 5)]


def test_is_inhibited_after_a_restart(house: House) -> None:
    """What fires is known to every process."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
    with started(house.built()):
        assert ["suppressed"] == house.tell(TARGET, SLOW)
        house.tell(SOURCE, UP)
        house.hears("NodeDown", "nodedown", "Slow")


def test_is_told_when_its_source_was_not_heard_of(house: House, clock: Clock) -> None:
    """What is taken as over inhibits nothing."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        clock.pass_seconds(6 * 3600 - 60)
        house.tell(TARGET, SLOW)
        clock.pass_seconds(120)
        eventually(house.pipeline._tidy.lapse, "the source to lapse")
        house.hears("NodeDown", "nodedown", "Slow")


def test_another_source_goes_on(house: House) -> None:
    """While any source fires, it is not told."""
    other, other_over = (wire_alert("NodeDown", state, node="n", rack="r") for state in ("firing", "resolved"))
    with started(house.pipeline):
        house.tell(SOURCE, DOWN, other)
        house.tell(TARGET, SLOW)
        house.tell(SOURCE, UP, other)
        assert 0 == house.pipeline._release.look()
        assert ["suppressed"] == house.tell(TARGET, SLOW, wire_alert("Slower", node="n", severity="warning"))
        house.tell(SOURCE, other_over)
        house.hears("NodeDown NodeDown", "NodeDown nodedown", "nodedown", "Slow Slower")


def test_a_new_rule_knows_what_fires(house: House) -> None:
    """What began before the rule was there inhibits as well."""
    with started(house.built(TEAM)):
        house.tell(SOURCE, DOWN)
    with started(house.built()):
        eventually(lambda: house.pipeline._release._prepared, "what fires to be known")
        assert ["suppressed"] == house.tell(TARGET, SLOW)


def test_what_no_rule_inhibits_any_more_is_told(house: House) -> None:
    """A rule that has gone inhibits nothing, and its source's end later is no news."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        house.tell(TARGET, SLOW)
    with started(house.built(TEAM)):
        house.hears("NodeDown", "Slow")
        house.tell(SOURCE, UP)
    with started(house.built()):
        eventually(lambda: house.pipeline._release._prepared, "what fires to be known")
        assert ["delivered"] == house.tell("third", wire_alert("Wet", node="n", severity="warning"))


def test_a_process_that_died_between_has_it_told(house: House) -> None:
    """What its last act was to keep is told by the next one, once."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        house.tell(TARGET, SLOW)
    dying = house.built()
    over = house.post(SOURCE, UP)
    dying._release.stop(0)
    with started(dying):
        settled(dying, over)
    assert 1 == house.built()._release.look()
    assert 0 == house.built()._release.look()
    with started(house.built()):
        house.hears("NodeDown", "nodedown", "Slow")
        assert 0 == house.pipeline._release.look()


def test_a_silence_is_told_of_what_was_told_alone(house: House, clock: Clock) -> None:
    """What was inhibited and is not heard of for long is over, and nobody is told."""
    with started(house.pipeline):
        house.tell(SOURCE, DOWN)
        house.tell(TARGET, SLOW)
        clock.pass_seconds(6 * 3600 - 60)
        house.tell(SOURCE, DOWN)
        clock.pass_seconds(120)
        eventually(house.pipeline._tidy.lapse, "the target to lapse")
        eventually(lambda: not house.pipeline.store.waits("lapse"), "the lapse to be planned")
        house.tell(SOURCE, UP)
    house.hears("NodeDown", "NodeDown", "nodedown")
