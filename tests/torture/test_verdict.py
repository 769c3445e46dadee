"""The judge of the torture test sees each promise broken, and nothing where all are kept."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.torture.far_side import Arrival
from tests.torture.groups import State
from tests.torture.verdict import Verdict, judge

# Firing, more of it, over, again, over.
STATES = ("1", "12", "", "1", "")


def history(*states: str) -> list[State]:
    """A group's states, one a second, each the numbers of the alerts that fire."""
    firing = [frozenset(f"G00A{number}" for number in numbers) for numbers in ("", *states)]
    return [
        State("G00", version, float(version), firing[version], firing[version - 1] - firing[version])
        for version in range(1, len(firing))
    ]


def arrivals(states: Sequence[State], told: str) -> list[Arrival]:
    """What arrived, half a second after one another, of "1 2 R 4": triggers by version and resolves.

    A "?" behind is one that was taken unanswered, a "!" one that was not taken.
    """
    made = []
    for number, word in enumerate(told.split()):
        fate: dict[str, Any] = {"taken": not word.endswith("!"), "answered": not word.endswith(("!", "?"))}
        at = 10.0 + number / 2
        if word.startswith("R"):
            made.append(Arrival(at, "key", "resolve", **fate))
        else:
            state = states[int(word.rstrip("?!")) - 1]
            made.append(Arrival(at, "key", "trigger", "G00", state.version, state.firing, state.resolved, **fate))
    return made


def judged(told: str, *states: str, thaws: Sequence[tuple[float, float]] = ()) -> Verdict:
    """The verdict on what was told of a group with those states."""
    accepted = history(*(states or STATES))
    return judge({"G00": accepted}, arrivals(accepted, told), thaws=thaws)


@pytest.mark.parametrize(
    "told",
    [
        "1 2 R 4 R",
        "1! 1? 1 2 R! R? R 4 R R",
        "2 R",
        "1! R",
        "R R",
        "",
    ],
    ids=["all", "again and again", "superseded", "the trigger was not taken", "never woken", "never told"],
)
def test_finds_nothing_wrong_with_what_is_right(told: str) -> None:
    """Repeats, states passed over, and an incident that nobody was woken for are all as promised."""
    verdict = judged(told)
    assert ([], [], []) == (verdict.wrong, verdict.late, verdict.frozen)


@pytest.mark.parametrize(
    "told",
    ["2 1 R", "2 1! R", "1 R 1 R", "4! 2 R", "4 R R 2 R", "1 2 R 4 R 1! R"],
    ids=["older", "older, not taken", "opened again", "newer not taken", "opened at the end", "tried at the end"],
)
def test_sees_an_older_state_after_a_newer_one(told: str) -> None:
    """A trigger of an older state than what arrived before, where the resolves are the earliest that they can be."""
    assert 1 == len(judged(told).late)


def test_sees_a_resolve_that_nothing_accepted_explains() -> None:
    """A resolve after the last state that fires can only be an older one's."""
    assert 1 == len(judged("1 R 3 R 3", "1", "", "1").late)


def test_a_resolve_cannot_tell_what_was_not_posted_yet() -> None:
    """A group that fired when the resolve came, and is over since, was resolved by an older state."""
    accepted = [*history("1"), State("G00", 2, 99.0, frozenset(), frozenset({"G00A1"}))]
    assert 1 == len(judge({"G00": accepted}, arrivals(accepted, "1 R")).late)


def test_a_thawed_process_is_told_apart() -> None:
    """What comes right after a long freeze is the remainder that the design states; what comes later is not."""
    verdict = judged("2 1 2 1 R", thaws=[(10.4, 10.6)])
    assert (1, 1) == (len(verdict.late), len(verdict.frozen))


@pytest.mark.parametrize(
    ("told", "states"),
    [
        ("", ("1",)),
        ("1", ("1", "12")),
        ("1 2!", ("1", "12")),
        ("1 R", ("1", "", "1")),
        ("1", ("1", "")),
        ("1? R!", ("1", "")),
    ],
    ids=["never told", "an older one", "not taken", "not opened again", "not resolved", "opened unanswered"],
)
def test_sees_a_last_state_that_was_not_told(told: str, states: tuple[str, ...]) -> None:
    """What PagerDuty took last is the state that was accepted last."""
    verdict = judged(told, *states)
    assert (1, []) == (len(verdict.wrong), verdict.late), verdict.wrong


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda arrival: Arrival(arrival.at, "key", "trigger", "G00", 1, frozenset({"G00A2"})),
        lambda arrival: Arrival(arrival.at, "key", "trigger", "G00", 7, arrival.firing),
        lambda arrival: Arrival(arrival.at, "other", "trigger", "G00", 2, arrival.firing),
    ],
    ids=["other alerts", "a state that never was", "another key"],
)
def test_sees_a_state_that_never_was(spoilt: Callable[[Arrival], Arrival]) -> None:
    """The alerts told of a state are that state's, and a group has one key."""
    accepted = history("1", "12")
    told = arrivals(accepted, "1 2")
    assert judge({"G00": accepted}, [told[0], spoilt(told[1]), told[1]]).wrong


def test_counts_repeats_and_ends_without_a_name() -> None:
    """What was taken again is counted; so is an alert that fired, and then was neither firing nor named as over."""
    accepted = history("12", "1", "13", "")
    verdict = judge({"G00": accepted}, arrivals(accepted, "1? 1 3 R"))
    assert (1, 1) == (verdict.repeats, verdict.unnamed)
    assert 0 == judge({"G00": accepted}, arrivals(accepted, "1 2 3 R")).unnamed


@pytest.mark.parametrize(
    ("told", "version", "wrong"),
    [
        ("1 2 R 4 R", 2, 0),
        ("1 2 R 4 R", 3, 0),
        ("1 4 R", 2, 1),
        ("1 2! R 4 R", 2, 1),
        ("1 2 4 R", 3, 1),
        ("1 2 R! 4 R", 3, 1),
    ],
    ids=["a trigger", "a resolve", "not sent", "not taken", "no resolve", "no resolve taken"],
)
def test_holds_what_counts_as_delivered_against_what_was_taken(told: str, version: int, wrong: int) -> None:
    """A delivery that is recorded as made was made, a resolve before anything newer."""
    accepted = history(*STATES)
    assert wrong == len(judge({"G00": accepted}, arrivals(accepted, told), [accepted[version - 1]]).wrong)
