"""What a destination may be told, with the clock and the dice in the test's hand."""

import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.notification import Receipt, SendError, Thread
from outbox.pacing import UNPACED, Destination, Pace
from tests.samples import NOW

HOUR = timedelta(hours=1)
RECEIPT = Receipt("ok", Thread())
BUSY = SendError("busy")
THROTTLED = SendError("too fast", throttled=True)
ONE_A_SECOND = Pace(1.0)
FRESH = Destination("team/slack/0")

paces = st.builds(Pace, st.floats(0.01, 1_000), st.integers(1, 50))
results = st.one_of(
    st.just(RECEIPT),
    st.builds(
        SendError,
        st.just("busy"),
        permanent=st.booleans(),
        retry_after_seconds=st.none() | st.floats(),
        throttled=st.booleans(),
    ),
)
times = st.none() | st.integers(-(10**10), 10**10).map(lambda micros: NOW + timedelta(microseconds=micros))
destinations = st.builds(
    Destination, st.just("a/b/0"), st.integers(0, 2**31), times, times, times, st.none(), times, st.none()
)


def later(seconds: float) -> datetime:
    """A moment by its distance from now."""
    return NOW + timedelta(seconds=seconds)


def failed(times: int, error: SendError = BUSY, dice: float = 1.0) -> Destination:
    """A destination after so many failures at once."""
    destination = FRESH
    for _ in range(times):
        destination = destination.after(error, NOW, lambda: dice)
    return destination


@pytest.mark.parametrize(
    ("destination", "pace", "expected"),
    [
        (FRESH, None, UNPACED),
        (FRESH, ONE_A_SECOND, 1),
        (FRESH, Pace(1.0, 5), 5),
        (Destination("a", pace_at=later(2)), Pace(1.0, 5), 3),
        (Destination("a", pace_at=later(2.5)), Pace(1.0, 5), 2),
        (Destination("a", pace_at=later(5)), Pace(1.0, 5), 0),
        (Destination("a", pace_at=later(-5)), Pace(1.0, 5), 5),
        (Destination("a", paused_until=later(1)), None, 0),
        (Destination("a", paused_until=NOW), None, UNPACED),
        (Destination("a", failures=2), Pace(1.0, 5), 5),
        (Destination("a", failures=3), Pace(1.0, 5), 1),
        (Destination("a", failures=3), None, 1),
        (Destination("a", failures=3, paused_until=later(1)), None, 0),
        (Destination("a", failures=3, pace_at=later(1)), ONE_A_SECOND, 0),
        (Destination("a", throttled_until=later(1)), None, 1),
        (Destination("a", throttled_until=later(1), pace_at=later(0.25)), None, 0),
        (Destination("a", throttled_until=later(1)), Pace(100.0, 50), 1),
        (Destination("a", throttled_until=NOW), Pace(100.0, 50), 50),
    ],
)
def test_counts_what_may_be_sent(destination: Destination, pace: Pace | None, expected: int) -> None:
    """A pause allows nothing, a failing destination a probe, all others what their pace has left."""
    assert expected == destination.may_send(pace, NOW)


@pytest.mark.parametrize(
    ("destination", "pace", "expected"),
    [
        (FRESH, ONE_A_SECOND, None),
        (FRESH, None, None),
        (Destination("a", paused_until=later(7)), None, later(7)),
        (Destination("a", paused_until=later(7), pace_at=later(1)), ONE_A_SECOND, later(7)),
        (Destination("a", pace_at=later(1)), ONE_A_SECOND, later(1)),
        (Destination("a", pace_at=later(5)), Pace(1.0, 5), later(1)),
        (Destination("a", throttled_until=later(9), pace_at=later(0.5)), None, later(0.5)),
        (Destination("a", throttled_until=later(0.25), pace_at=later(0.5)), None, later(0.25)),
    ],
)
def test_says_when_to_look_again(destination: Destination, pace: Pace | None, expected: datetime | None) -> None:
    """It is the end of the pause, or when the pace has the next one."""
    assert expected == destination.next_at(pace, NOW)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (1.0, 1_000_000),
        (2.0, 500_000),
        (3.0, 333_334),
        (1e9, 1),
        (math.inf, 1),
        (1 / 3_600, 3_600_000_000),
        (1e-300, 86_400_000_000),
    ],
)
def test_has_whole_microseconds_between_two(rate: float, expected: int) -> None:
    """The interval is rounded up, and within a microsecond and a day."""
    assert timedelta(microseconds=expected) == Pace(rate).interval


def test_a_throttled_destination_keeps_a_slower_pace_of_its_own() -> None:
    """The slow pace that follows a 429 makes no pace faster, and gives no burst."""
    throttled = Destination("a", throttled_until=later(200))
    assert 1 == throttled.may_send(Pace(0.1, 9), NOW)
    assert later(10) == throttled.sending(1, Pace(0.1, 9), NOW).next_at(Pace(0.1, 9), NOW)


def test_nothing_sent_is_nothing_known() -> None:
    """To send none changes nothing, and what is unpaced has nothing to pay off."""
    assert FRESH == FRESH.sending(0, ONE_A_SECOND, NOW)
    assert FRESH == FRESH.sending(9, None, NOW)


def test_a_probe_keeps_the_others_away() -> None:
    """While one probe is on its way, no replica sends another."""
    probing = Destination("a", failures=3).sending(1, None, NOW)
    assert later(15) == probing.paused_until
    assert [0, 1] == [probing.may_send(None, later(14.9)), probing.may_send(None, later(15))]


def test_a_receipt_makes_it_well() -> None:
    """What is delivered ends failures and pauses; the slow pace stays until its time is over."""
    destination = Destination("a", 7, NOW, later(60), later(200), "busy", later(1), NOW)
    expected = Destination("a", throttled_until=later(200), pace_at=later(1), digested_at=NOW)
    assert expected == destination.after(RECEIPT, NOW, lambda: 1.0)


def test_a_permanent_error_is_an_answer() -> None:
    """A destination that refuses is there; what it refused stays to be shown."""
    destination = Destination("a", 7, NOW, later(60), None, "busy")
    refused = SendError("no such channel", permanent=True, retry_after_seconds=9, throttled=True)
    assert Destination("a", error="no such channel") == destination.after(refused, NOW, lambda: 1.0)


def test_fails_since_the_first_failure() -> None:
    """Failures are counted from the first, and the error is the last."""
    destination = FRESH.after(BUSY, NOW, lambda: 1.0).after(SendError("down"), later(5), lambda: 1.0)
    assert Destination(FRESH.name, 2, failing_since=NOW, error="down") == destination


@pytest.mark.parametrize(
    ("failures", "dice", "expected"),
    [
        (1, 1.0, None),
        (2, 1.0, None),
        (3, 0.0, 0.5),
        (3, 1.0, 1),
        (4, 0.5, 1.5),
        (8, 1.0, 32),
        (9, 1.0, 60),
        (9, 0.0, 30),
        (2**40, 1.0, 60),
    ],
)
def test_pauses_from_the_third_failure_on(failures: int, dice: float, expected: float | None) -> None:
    """The pause is from half of 1 s, 2 s, 4 s, ... to all of it, and never more than a minute."""
    failing = Destination("a", failures - 1).after(BUSY, NOW, lambda: dice)
    assert (None if expected is None else later(expected)) == failing.paused_until


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(0.0, 1), (-5.0, 1), (7.0, 7), (3_601.0, 3_600), (math.inf, 3_600), (math.nan, 3_600)],
)
@pytest.mark.parametrize("throttled", [True, False])
def test_pauses_as_long_as_it_was_asked_to(throttled: bool, asked: float, expected: float) -> None:
    """Retry-After is kept from the first failure on, from one second to one hour."""
    error = SendError("slow down", retry_after_seconds=asked, throttled=throttled)
    assert later(expected) == failed(1, error, dice=0.0).paused_until


@pytest.mark.parametrize(("before", "expected"), [(FRESH, None), (failed(4), NOW)])
def test_to_be_throttled_is_not_to_fail(before: Destination, expected: datetime | None) -> None:
    """A 429 counts as no failure: it is a second's pause, and the slow pace for five minutes."""
    throttled = before.after(THROTTLED, later(10), lambda: 0.5)
    assert (before.failures, expected) == (throttled.failures, throttled.failing_since)
    assert (later(10.75), later(310)) == (throttled.paused_until, throttled.throttled_until)
    assert "too fast" == throttled.error


def test_what_was_sent_before_it_ends_no_pause() -> None:
    """Of many that were sent at once the first is throttled; that the others got through is no news."""
    throttled = FRESH.after(SendError("too fast", throttled=True, retry_after_seconds=600), NOW, lambda: 0.5)
    assert later(600) == throttled.after(RECEIPT, later(0.1), lambda: 0.5).next_at(None, later(1))


@settings(deadline=None)
@given(destination=destinations, result=results, dice=st.floats(0, 1))
def test_no_error_makes_a_pause_shorter(destination: Destination, result: Receipt | SendError, dice: float) -> None:
    """A pause ends early only by an answer; none is longer than an hour, and none that is over comes back."""
    paused_until = destination.after(result, NOW, lambda: dice).paused_until
    if isinstance(result, Receipt) or result.permanent:
        assert paused_until == (None if destination.failing else destination.paused_until)
    elif destination.paused_until and NOW < destination.paused_until <= NOW + HOUR:
        assert paused_until is not None
        assert destination.paused_until <= paused_until <= NOW + HOUR
    else:
        assert paused_until is None or NOW < paused_until <= NOW + HOUR


@settings(deadline=None)
@given(
    pace=paces,
    steps=st.lists(st.tuples(st.floats(0, 120), st.integers(0, 60), st.booleans()), max_size=25),
)
def test_no_window_holds_more_than_its_pace(pace: Pace, steps: list[tuple[float, int, bool]]) -> None:
    """In any window no more is sent than a burst and what the rate gives, whether it fails or not."""
    destination, now, total, sent = FRESH, NOW, 0, list[tuple[datetime, int, int]]()
    for seconds, wanted, fails in steps:
        now += timedelta(seconds=seconds)
        count = min(wanted, destination.may_send(pace, now))
        destination = destination.sending(count, pace, now)
        destination = destination.after(BUSY, now, lambda: 0.0) if fails else destination
        sent.append((now, total, total := total + count))
    for first, (begin, before, _) in enumerate(sent):
        for end, _, after in sent[first:]:
            allowed = pace.burst + pace.rate_per_second * (end - begin).total_seconds()
            assert after - before <= allowed + 1e-6


@settings(deadline=None)
@given(pace=paces, fraction=st.floats(0, 1), wait=st.floats(0, 200))
def test_more_may_be_sent_the_longer_it_waits(pace: Pace, fraction: float, wait: float) -> None:
    """Waiting never takes away, sending takes exactly what is sent, and a whole burst comes back."""
    spent = FRESH.sending(count := int(fraction * pace.burst), pace, NOW)
    assert pace.burst - count == spent.may_send(pace, NOW)
    assert spent.may_send(pace, NOW) <= spent.may_send(pace, later(wait)) <= pace.burst
    assert pace.burst == spent.may_send(pace, NOW + pace.burst * pace.interval)


@settings(deadline=None)
@given(destination=destinations, pace=st.none() | paces)
def test_nothing_is_sent_before_it_is_worth_looking(destination: Destination, pace: Pace | None) -> None:
    """Whatever the row says, looking when it is said to be worth it leads to a send, and within an hour and a bit."""
    now = NOW
    for _ in range(5):
        at = destination.next_at(pace, now)
        assert (at is None) == (destination.may_send(pace, now) > 0)
        if at is None:
            break
        assert at > now
        assert 0 == destination.may_send(pace, at - timedelta(microseconds=1))
        now = at
    assert destination.next_at(pace, now) is None
    longest_wait = 2 * max(pace.interval if pace else timedelta(0), timedelta(seconds=0.5))
    assert now <= NOW + HOUR + longest_wait


@settings(deadline=None)
@given(
    results=st.lists(results, max_size=12),
    pace=st.none() | paces,
    jump=st.timedeltas(HOUR, timedelta(days=400)),
)
def test_a_clock_put_back_by_an_hour_stalls_nothing(
    results: list[Receipt | SendError], pace: Pace | None, jump: timedelta
) -> None:
    """After a jump back of an hour or more, what was known of pauses, throttles and paces holds nothing up."""
    pace = pace and Pace(max(0.1, pace.rate_per_second), pace.burst)
    destination = FRESH
    for result in results:
        destination = destination.sending(1, pace, NOW).after(result, NOW, lambda: 1.0)
    assert destination.may_send(pace, NOW - jump) > 0
    again = destination.after(BUSY, NOW - jump, lambda: 1.0)
    assert NOW - jump == again.failing_since


@settings(deadline=None)
@given(
    pace=paces,
    steps=st.lists(st.tuples(st.floats(0, 60), st.none() | st.floats(-7_200, 7_200)), max_size=25),
)
def test_a_jump_of_the_clock_floods_nothing(pace: Pace, steps: list[tuple[float, float | None]]) -> None:
    """Each jump, either way, lets at most one burst more through."""
    destination, now, total = FRESH, NOW, 0
    for seconds, jump in steps:
        now += timedelta(seconds=seconds + (jump or 0))
        total += (count := destination.may_send(pace, now))
        destination = destination.sending(count, pace, now)
    jumps = sum(jump is not None for _, jump in steps)
    waited = sum(seconds for seconds, _ in steps)
    assert total <= pace.burst * (1 + jumps) + pace.rate_per_second * waited + 1e-6


def test_a_count_too_high_is_no_jump_of_the_clock() -> None:
    """Who sends more than may be sent waits for the whole burst to be paid off, and not less."""
    overdrawn = FRESH.sending(1_000, Pace(1.0, 5), NOW)
    assert later(5) == overdrawn.pace_at
    assert 0 == overdrawn.may_send(Pace(1.0, 5), NOW)


def test_what_fails_late_is_one_failure() -> None:
    """Eight that were on their way when the pause began fail, too: the pause stays the first one."""
    failing = Destination("a", failures=2).after(BUSY, NOW, lambda: 1.0)

    for _ in range(8):
        failing = failing.after(BUSY, NOW, lambda: 1.0)

    assert (3, later(1)) == (failing.failures, failing.paused_until)


def test_a_failed_probe_ends_its_hold() -> None:
    """Once it is known that a probe failed, the next pause counts, not the time that a probe may take."""
    probing = Destination("a", failures=3).sending(1, None, NOW)

    assert later(2) == probing.after(BUSY, NOW, lambda: 1.0).paused_until
