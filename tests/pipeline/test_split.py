"""A group whose alerts go different ways: each destination hears of what is news to it, and of nothing else."""

from pathlib import Path

import pytest

from alerts.notification import SendError
from outbox.store import Store
from tests.pipeline.house import RECEIVERS, House, Keeping, fires, over
from tests.pipeline.parts import Clock, deliveries_of, settled, started
from tests.service import eventually

SPLIT = f"""
route:
  receiver: team
  routes:
  - {{receiver: boss, matchers: ['to="boss"']}}
  - {{receiver: nobody, matchers: ['to="nobody"']}}
inhibit_rules:
- {{name: down, source_matchers: [alertname="Down"], target_matchers: [severity="warning"], equal: [node]}}
{RECEIVERS.rstrip().removesuffix("]")}, {{name: nobody}}]
"""
UNCHANGED = "nothing has changed in what it hears of this group"


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


W, C, NULL = fires("W"), fires("C", to="boss"), fires("N", to="nobody")


def test_who_has_heard_it_is_not_told_again(house: House) -> None:
    """When something changes for others; it is recorded why not."""
    with started(house.built(SPLIT)) as pipeline:
        house.tell("g", W)
        second = house.post("g", W, C)
        assert ["delivered", "suppressed"] == sorted(settled(pipeline, second))
        assert {UNCHANGED, "sent"} == {each.detail for each in deliveries_of(pipeline.store, second)}
        house.tell("g", W, C, NULL)
        house.tell("g", W, C, over("N", to="nobody"))
        house.tell("g", W, over("C", to="boss"))
        house.tell("g", over("W"))
    assert [["W", "w"], ["C", "c"]] == [house.heard("team"), house.heard("boss")]


def test_what_is_inhibited_beside_it_is_no_news(house: House) -> None:
    """However many there are of these."""
    with started(house.built(SPLIT)):
        house.tell("g", W)
        house.tell("s", fires("Down", to="boss"))
        house.tell("g", W, fires("X"))
        house.tell("g", W, fires("X"), fires("Y"))
        house.tell("g", W, over("X"), fires("Y"))
    assert ["W"] == house.heard("team")


def test_all_are_reminded_when_the_upstream_reminds(house: House) -> None:
    """The same state after the window is told again, to each."""
    with started(house.built(SPLIT)):
        house.tell("g", W, C)
        house.clock.pass_seconds(3_600)
        house.tell("g", W, C)
    assert [["W", "W"], ["C", "C"]] == [house.heard("team"), house.heard("boss")]


def test_a_change_reminds_the_others_after_hours(house: House) -> None:
    """Whom the upstream would have reminded by then, if the group had not changed all the time."""
    with started(house.built(SPLIT)):
        house.tell("g", W, C)
        house.clock.pass_seconds(3 * 3_600)
        house.tell("g", W, C, fires("D", to="boss"))
        house.clock.pass_seconds(3_700)
        house.tell("g", W, C)
    assert [["W", "W"], ["C", "C D", "C"]] == [house.heard("team"), house.heard("boss")]


def test_who_was_not_reached_is_told_with_the_next_change(house: House) -> None:
    """It does not have what it was to be told."""
    with started(house.built(SPLIT)):
        house.recorders["team"].failures = [SendError("no such channel", permanent=True)]
        house.tell("g", W)
        house.tell("g", W, C)
    assert "W" in " ".join(house.heard("team")).split()


def test_another_state_of_a_part_is_told(house: House) -> None:
    """What it knows, and began anew or has other words by now, is news."""
    with started(house.built(SPLIT)):
        house.tell("g", W, C)
        house.tell("g", {**W, "annotations": {"summary": "Worse."}}, C)
        house.tell("g", {**W, "startsAt": "2026-03-02T07:31:58Z"}, C)
    assert [["W"] * 3, ["C"]] == [house.heard("team"), house.heard("boss")]


def test_who_is_routed_now_hears_of_it(house: House) -> None:
    """Though the upstream only says again what others were told already, a moment ago."""
    wrong = SPLIT.replace('to="boss"', 'to="bosss"')
    with started(house.built(wrong)):
        house.tell("g", C)
    with started(house.built(SPLIT)):
        house.tell("g", C)
        assert ["duplicate"] == house.tell("g", C)
    assert [["C"], ["C"]] == [house.heard("team"), house.heard("boss")]


def test_a_pair_that_tells_it_together_is_no_other(house: House) -> None:
    """Of two that come at once it is remembered who was told what, and by what routes."""
    wrong = house.built(SPLIT.replace('to="boss"', 'to="bosss"'))
    both = [house.post("g", C), house.post("g", C)]
    with started(wrong):
        assert [["delivered"], ["duplicate"]] == [settled(wrong, each) for each in both]
    with started(house.built(SPLIT)):
        house.tell("g", C)
    assert [["C"], ["C"]] == [house.heard("team"), house.heard("boss")]


TWICE = f"""
route:
  receiver: team
  routes: [{{receiver: team, continue: true}}, {{receiver: boss}}]
inhibit_rules:
- {{name: down, source_matchers: [alertname="Down"], target_matchers: [severity="warning"], equal: [node]}}
{RECEIVERS}"""


def test_a_receiver_gets_another_name_while_it_waits(house: House) -> None:
    """Both are told when it is not inhibited any more, whatever they are called then."""
    before = TWICE.replace("receiver: boss", "receiver: chief").replace("name: boss", "name: chief")
    house.recorders["chief"] = Keeping()
    with started(house.built(before)):
        house.tell("s", fires("Down"))
        house.tell("t", fires("Slow"))
    with started(house.built(TWICE)) as pipeline:
        eventually(lambda: pipeline._release._prepared, "what is withheld to be looked at")
        # What is over is owed to it by its old name, too, and waits.
        house.post("s", over("Down"))
        eventually(lambda: "Slow" in house.heard("team") and "Slow" in house.heard("boss"), "both to hear of it", 10)
    assert 1 == house.heard("team").count("Slow")


def test_a_receiver_is_away_when_it_may_be_told(house: House) -> None:
    """It is told when it is back."""
    away = TWICE.replace(", {receiver: boss}", "").replace(", {name: boss, log_configs: [{}]}", "")
    assert "boss" not in away
    with started(house.built(TWICE)):
        house.tell("s", fires("Down"))
        house.tell("t", fires("Slow"))
    with started(house.built(away)):
        # What is over is owed to it, too, and waits.
        house.post("s", over("Down"))
        eventually(lambda: "Slow" in house.heard("team"), "the one to hear of it", 10)
    assert "Slow" not in house.heard("boss")
    with started(house.built(TWICE)):
        eventually(lambda: "Slow" in house.heard("boss"), "the other to hear of it", 10)
    assert 1 == house.heard("team").count("Slow")
