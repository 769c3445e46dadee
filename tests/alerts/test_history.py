"""What is a duplicate, what is a repeat, and what began again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from alerts.history import History, Judgement, judge
from alerts.model import Alert, AlertGroup, Status

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW_SECONDS = 60.0
HALF_AN_HOUR = timedelta(minutes=30)
HISTORY = TypeAdapter(History)


def alert(letter: str, status: Status = "firing", starts_at: datetime = NOON) -> Alert:
    """Returns an alert known by a letter."""
    ends_at = None if status == "firing" else NOON
    return Alert({"n": letter}, {"summary": letter}, status, starts_at, ends_at, "http://one.example", letter)


def group(firing: str = "", resolved: str = "", starts_at: datetime = NOON) -> AlertGroup:
    """Returns a group with one alert a letter."""
    return AlertGroup(
        '{}:{alertname="A"}',
        (
            *(alert(each, starts_at=starts_at) for each in firing),
            *(alert(each, "resolved", starts_at) for each in resolved),
        ),
        external_url="http://one.example",
    )


def after(seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> datetime:
    """Returns a moment so long after noon."""
    return NOON + timedelta(seconds=seconds, minutes=minutes, hours=hours)


def judged(*states: tuple[AlertGroup, datetime], window_seconds: float = WINDOW_SECONDS) -> list[Judgement]:
    """Returns the judgements of states that come one after another, as events 1, 2, 3 ..."""
    judgements: list[Judgement] = []
    history = None
    for event_id, (state, received_at) in enumerate(states, start=1):
        judgements.append(
            judge(history, state, event_id=event_id, received_at=received_at, dedup_window_seconds=window_seconds)
        )
        history = judgements[-1].history
    return judgements


def duplicates(*states: tuple[AlertGroup, datetime], window_seconds: float = WINDOW_SECONDS) -> list[int | None]:
    """Returns of each state which event told it already."""
    return [each.duplicate_of for each in judged(*states, window_seconds=window_seconds)]


def test_first_state_is_news() -> None:
    """A group that was never heard of is told without notes, and remembered."""
    (first,) = judged((group("ab"), after(30)))
    expected = History(first.history.content, 1, after(30), True, NOON, (after(30),))

    assert Judgement(expected, None, (), False, began_at=NOON) == first
    assert 64 == len(first.history.content)


def test_first_state_may_be_an_end() -> None:
    """A group that is over when it is first heard of has not begun to fire."""
    (first,) = judged((group(resolved="a"), NOON))

    assert (False, None, (), False) == (
        first.history.firing,
        first.history.firing_since,
        first.history.fired_at,
        first.again,
    )


def test_the_second_of_a_pair_tells_the_same() -> None:
    """Another Alertmanager's order, URLs and ends are no news; the history stays as it was."""
    state = group("ab", resolved="cd")
    other = replace(
        state,
        alerts=tuple(
            replace(each, generator_url="http://two.example", ends_at=each.ends_at and after(9))
            for each in reversed(state.alerts)
        ),
        external_url="http://two.example",
        notification_reason="another",
    )
    first, second = judged((state, NOON), (other, after(1)))

    assert Judgement(first.history, 1, (), False, repeated=True) == second


def _changed(change: Callable[[Alert], Alert]) -> AlertGroup:
    state = group("a")
    return replace(state, alerts=tuple(map(change, state.alerts)))


@pytest.mark.parametrize(
    "state",
    [
        group("ab"),
        group("b"),
        group(resolved="a"),
        group("a", resolved="b"),
        group("a", starts_at=after(1)),
        replace(group("a"), truncated_alerts=1),
        replace(group("a"), group_key="another"),
        _changed(lambda each: replace(each, annotations={"summary": "worse"})),
        _changed(lambda each: replace(each, labels={"n": "forged"})),
        _changed(lambda each: replace(each, fingerprint="forged")),
    ],
    ids=[
        "another alert",
        "one instead of the other",
        "an end",
        "another's end",
        "a new start",
        "truncated",
        "another group",
        "other words",
        "other labels",
        "another fingerprint",
    ],
)
def test_what_differs_is_news(state: AlertGroup) -> None:
    """Whatever a reader, or a far side, would see differently is told."""
    assert [None, None] == duplicates((group("a"), after(5)), (state, after(6)))


@pytest.mark.parametrize("order", [("x", "y"), ("y", "x")], ids=["as written", "turned round"])
def test_order_of_labels_is_no_news(order: tuple[str, ...]) -> None:
    """A mapping is the same in whatever order it was written."""
    one, other = (
        replace(group("a"), alerts=(replace(alert("a"), labels=dict.fromkeys(names, "1")),))
        for names in (("x", "y"), order)
    )

    assert [None, 1] == duplicates((one, after(5)), (other, after(6)))


def test_a_start_left_out_is_no_news() -> None:
    """Where the sender gives no start, it is read as when the payload came: each is not another for that."""
    states = [(group("a", starts_at=after(seconds)), after(seconds)) for seconds in (0, 9, 59, 61, 70)]

    assert [None, 1, 1, None, 4] == duplicates(*states)


def test_content_never_changes_with_a_release() -> None:
    """What an older version remembered is known again by this one: the hash is written down here."""
    (first,) = judged((group("a", resolved="é"), after(1)))

    assert "8193b7f1c879cfcfba64e388d7e0e6131bc950bb12919f182508c0bab8ff02d6" == first.history.content


def test_each_turn_is_a_state_of_its_own() -> None:
    """Fire, resolve, fire within a minute is three states: only the last accepted one is compared with."""
    states = [(group("a"), NOON), (group(resolved="a"), after(10)), (group("a"), after(20)), (group("a"), after(30))]

    assert [None, None, None, 3] == duplicates(*states)


def test_an_endless_stream_is_told_once_a_window() -> None:
    """Duplicates do not move the window on: the state is told again when it is over."""
    states = [(group("a"), after(seconds)) for seconds in range(0, 130, 10)]

    assert [None, 1, 1, 1, 1, 1, None, 7, 7, 7, 7, 7, None] == duplicates(*states)


def test_no_window_no_duplicates() -> None:
    """With a window of 0 everything is told, firing or over, even at the same moment."""
    states = [(group("a"), NOON), (group("a"), NOON), (group(resolved="a"), NOON), (group(resolved="a"), NOON)]

    assert [None] * 4 == duplicates(*states, window_seconds=0)


@pytest.mark.parametrize(
    ("received_at", "expected"),
    [
        (after(-59), 1),
        (after(59.999), 1),
        (after(-60), None),
        (after(60), None),
        (after(hours=-1), None),
        (after(hours=1), None),
    ],
)
def test_window_holds_both_ways(received_at: datetime, expected: int | None) -> None:
    """A clock that jumps back an hour does not silence the group for an hour."""
    state = group("a", starts_at=after(hours=-2))

    assert [None, expected] == duplicates((state, NOON), (state, received_at))


@pytest.mark.parametrize(
    ("minutes", "window_seconds", "expected"),
    [(59, 60, 2), (-59, 60, 2), (60, 60, None), (-60, 60, None), (90, 7_200, 2), (1, 0, None)],
)
def test_the_same_end_is_told_once_an_hour(minutes: int, window_seconds: float, expected: int | None) -> None:
    """There is nothing new in the same end, so it is a duplicate for an hour whatever the window but 0."""
    over = group(resolved="a")
    states = [(group("a"), after(-1)), (over, NOON), (over, after(minutes=minutes))]

    assert expected == duplicates(*states, window_seconds=window_seconds)[-1]


def test_the_same_end_after_an_hour_has_no_notes() -> None:
    """An end that is told again is told as it is."""
    *_, last = judged((group("a"), NOON), (group(resolved="a"), after(9)), (group(resolved="a"), after(hours=2)))

    assert (None, (), None) == (last.duplicate_of, last.notes, last.history.firing_since)


@pytest.mark.parametrize(
    ("received_at", "expected"),
    [
        (after(hours=4), "still firing, 4 h"),
        (after(minutes=65), "still firing, 1 h 5 m"),
        (after(hours=49), "still firing, 2 d 1 h"),
        (after(hours=-1), "still firing"),
    ],
    ids=["repeat_interval", "two units", "days", "the clock went back"],
)
def test_repeat_says_for_how_long(received_at: datetime, expected: str) -> None:
    """The same state after the window is a repeat, and is told as one."""
    first, repeat = judged((group("a"), after(30)), (group("a"), received_at))

    assert (None, (expected,), False) == (repeat.duplicate_of, repeat.notes, repeat.again)
    assert replace(first.history, event_id=2, accepted_at=received_at, fired_at=()) == repeat.history


def test_repeat_is_what_later_ones_repeat() -> None:
    """What comes right after a repeat is a duplicate of the repeat."""
    states = [(group("a"), NOON), (group("a"), after(hours=4)), (group("a"), after(5, hours=4))]

    assert [None, None, 2] == duplicates(*states)


def test_firing_since_stays_while_alerts_come_and_go() -> None:
    """A group fires since its first alert began, though that one is over; what changed is told without a note."""
    later = replace(group(), alerts=(alert("a", "resolved"), alert("b", starts_at=after(minutes=9))))
    *_, changed, repeat = judged((group("a"), NOON), (later, after(minutes=10)), (later, after(hours=4)))

    assert ((), NOON) == (changed.notes, changed.history.firing_since)
    assert ("still firing, 4 h",) == repeat.notes


@pytest.mark.parametrize(
    ("starts_at", "expected"),
    [(after(minutes=6), after(minutes=6)), (NOON, after(minutes=5)), (after(hours=9), after(minutes=7))],
    ids=["its start", "not before it was over", "not in the future"],
)
def test_firing_since_is_of_this_time(starts_at: datetime, expected: datetime) -> None:
    """A group that fires again does so since its new start, as far as that can be."""
    *_, last = judged(
        (group("a"), NOON),
        (group(resolved="a"), after(minutes=5)),
        (group("a", starts_at=starts_at), after(minutes=7)),
    )

    assert expected == last.history.firing_since


def test_flapping_is_counted() -> None:
    """Each time that it begins to fire within half an hour is counted; what only changes, or ends, is not."""
    states = [(group("a") if turn % 2 == 0 else group(resolved="a"), after(minutes=turn)) for turn in range(8)]
    judgements = judged(*states, (group("a"), after(minutes=8)), (group("ab"), after(minutes=9)))

    assert [
        (),
        (),
        ("2nd time in 30 m",),
        (),
        ("3rd time in 30 m",),
        (),
        ("4th time in 30 m",),
        (),
        ("5th time in 30 m",),
        (),
    ] == [each.notes for each in judgements]
    assert [bool(each.notes) for each in judgements] == [each.again for each in judgements]


def test_flapping_is_forgotten() -> None:
    """What began more than half an hour ago, or lies in the future since the clock went back, does not count."""
    times = [NOON, after(minutes=20), after(minutes=50), after(minutes=51), after(minutes=49)]
    states = [each for at in times for each in ((group("a"), at), (group(resolved="a"), at + timedelta(seconds=9)))]

    assert [(), ("2nd time in 30 m",), ("2nd time in 30 m",), ("2nd time in 30 m",), ()] == [
        each.notes for each in judged(*states)[::2]
    ]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (22, "22nd")],
)
def test_ordinals_as_people_say_them(number: int, expected: str) -> None:
    """The count has the ending that it has in English."""
    states = [(group("a") if turn % 2 == 0 else group(resolved="a"), after(turn)) for turn in range(2 * number - 1)]

    assert (f"{expected} time in 30 m",) == judged(*states)[-1].notes


def test_fired_at_is_bounded() -> None:
    """However fast it flaps, what is remembered of it stays small."""
    states = [(group("a") if turn % 2 == 0 else group(resolved="a"), after(turn)) for turn in range(301)]
    last = judged(*states)[-1]

    assert (100, after(300), ("100th time in 30 m",)) == (
        len(last.history.fired_at),
        last.history.fired_at[-1],
        last.notes,
    )


_LETTERS = st.sets(st.sampled_from("abc"))
_STATES = (
    st.tuples(_LETTERS, _LETTERS)
    .filter(any)
    .map(lambda pair: group("".join(sorted(pair[0])), "".join(sorted(pair[1] - pair[0]))))
)
_TIMES = st.integers(-7_200, 14_400).map(after)


@given(st.lists(st.tuples(_STATES, _TIMES), min_size=1, max_size=30), st.sampled_from([0.0, 60.0, 7_200.0]))
def test_only_what_was_told_is_a_duplicate(states: list[tuple[AlertGroup, datetime]], window_seconds: float) -> None:
    """Whatever comes in whatever order: a duplicate is always of the last state that was told, and changes nothing."""
    told: tuple[int, AlertGroup] | None = None
    history: History | None = None
    for event_id, ((state, _), judgement) in enumerate(
        zip(states, judged(*states, window_seconds=window_seconds), strict=True), start=1
    ):
        if judgement.duplicate_of is None:
            told = (event_id, state)
        else:
            assert told is not None
            assert (told[0], history) == (judgement.duplicate_of, judgement.history)
            assert told[1].alerts == state.alerts
        history = judgement.history


@given(st.lists(st.tuples(_STATES, _TIMES), min_size=1, max_size=30))
def test_history_is_always_sound(states: list[tuple[AlertGroup, datetime]]) -> None:
    """Whatever comes in whatever order: the history is about the state that was accepted, and can be kept as JSON."""
    for (state, received_at), judgement in zip(states, judged(*states), strict=True):
        history = judgement.history
        oldest = history.accepted_at - HALF_AN_HOUR

        assert (state.status == "firing", history.firing) == (history.firing, history.firing_since is not None)
        assert judgement.duplicate_of is not None or received_at == history.accepted_at
        assert [] == [each for each in history.fired_at if not oldest <= each <= history.accepted_at]
        assert sorted(history.fired_at) == list(history.fired_at)
        assert not judgement.again or judgement.history.fired_at[-1] == received_at
        assert history == HISTORY.validate_json(HISTORY.dump_json(history))


@given(_STATES, st.permutations(range(6)), st.integers(0, 59))
def test_any_order_of_alerts_tells_the_same(state: AlertGroup, order: list[int], seconds: int) -> None:
    """However the alerts are shuffled, the state is the same."""
    shuffled = replace(state, alerts=tuple(state.alerts[at] for at in order if at < len(state.alerts)))

    assert [None, 1] == duplicates((state, after(100)), (shuffled, after(100 + seconds)))


def test_an_end_knows_when_it_all_began() -> None:
    """The last payload may name the last alert alone, and the others were over before it."""
    _, _, end = judged((group("ab"), NOON), (group("b", resolved="a"), after(120)), (group(resolved="b"), after(240)))
    assert (False, NOON) == (end.history.firing, end.began_at)
