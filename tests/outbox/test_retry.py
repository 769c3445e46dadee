"""The decision after each attempt, with the clock and the dice in the test's hand."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notification import Receipt, SendError, Thread
from outbox.retry import Outcome, decide
from tests.samples import NOW

DAY = 86_400.0


def decided(
    result: Receipt | SendError,
    *,
    attempts: int = 1,
    dice: float = 1.0,
    since: timedelta = timedelta(0),
    retry_for_seconds: float = DAY,
    now: datetime = NOW,
) -> Outcome:
    """Decides with defaults: the first attempt, at once, with the highest throw."""
    return decide(
        result,
        attempts=attempts,
        first_due_at=now - since,
        now=now,
        retry_for_seconds=retry_for_seconds,
        random=lambda: dice,
    )


def pause_seconds(outcome: Outcome, now: datetime = NOW) -> float:
    """How long a pending outcome waits."""
    assert outcome.due_at is not None, outcome
    return (outcome.due_at - now).total_seconds()


def test_a_receipt_is_delivered() -> None:
    """What the far side has is delivered, with its words, even after the time was up."""
    outcome = decided(Receipt("posted", Thread()), since=timedelta(days=30))
    assert Outcome("delivered", "posted") == outcome
    assert "delivered" == outcome.word


def test_a_permanent_error_is_dead() -> None:
    """What cannot succeed is not tried again, whatever Retry-After says."""
    outcome = decided(SendError("no such channel", permanent=True, retry_after_seconds=5))
    assert Outcome("dead", "no such channel") == outcome
    assert "dead" == outcome.word


@pytest.mark.parametrize(
    ("attempts", "dice", "expected"),
    [
        (1, 0.0, 0),
        (1, 1.0, 2),
        (2, 0.5, 2),
        (3, 1.0, 8),
        (5, 1.0, 32),
        (6, 1.0, 60),
        (9, 0.25, 15),
        (1_000, 1.0, 60),
        (2**62, 1.0, 60),
    ],
)
def test_backs_off_with_full_jitter(attempts: int, dice: float, expected: float) -> None:
    """The pause is anything from nothing to 2 s, 4 s, ... and never more than a minute."""
    outcome = decided(SendError("busy"), attempts=attempts, dice=dice)
    assert "retrying" == outcome.word
    assert expected == pause_seconds(outcome)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (0.0, 1),
        (-5.0, 1),
        (0.25, 1),
        (7.0, 7),
        (3_600.0, 3_600),
        (3_601.0, 3_600),
        (1e300, 3_600),
        (math.inf, 3_600),
        (-math.inf, 1),
        (math.nan, 3_600),
    ],
)
def test_waits_as_long_as_it_was_asked_to(asked: float, expected: float) -> None:
    """Retry-After is kept, from one second, so that no far side is hammered, to one hour."""
    assert expected == pause_seconds(decided(SendError("slow down", retry_after_seconds=asked), dice=0))


@pytest.mark.parametrize(
    ("since_seconds", "retry_for_seconds", "expected"),
    [
        (0, 9, 2),
        (0, 1.5, 1.5),
        (DAY - 9, DAY, 2),
        (DAY - 1, DAY, 1),
        (DAY - 0.25, DAY, 0.25),
        (DAY, DAY, None),
        (DAY + 9, DAY, None),
        (0, 0, None),
        (DAY, 1e300, 2),
        (DAY, math.inf, 2),
    ],
)
def test_gives_up_when_the_time_is_up(since_seconds: float, retry_for_seconds: float, expected: float | None) -> None:
    """The last attempt, here two seconds off if there is time, is when `retry_for` is over; after it all is over."""
    outcome = decided(SendError("busy"), since=timedelta(seconds=since_seconds), retry_for_seconds=retry_for_seconds)
    if expected is None:
        assert Outcome("dead", "busy (given up after 1 attempts)") == outcome
    else:
        assert Outcome("pending", "busy", NOW + timedelta(seconds=expected)) == outcome


def test_a_far_sides_wish_for_more_time_than_there_is_kills_nothing() -> None:
    """A far side that asks for an hour of the last ten minutes is tried when they are over, and only then given up."""
    slow = SendError("slow down", retry_after_seconds=3_600)
    outcome = decided(slow, since=timedelta(seconds=DAY - 600))
    assert 600 == pause_seconds(outcome)
    assert "dead" == decided(slow, since=timedelta(seconds=DAY)).state


@pytest.mark.parametrize("hours", [1, 24 * 365 * 100])
@pytest.mark.parametrize(("asked", "retry_for_seconds", "expected"), [(None, DAY, 2), (9_000, DAY, 3_600), (9, 5, 5)])
def test_a_clock_put_back_makes_no_pause_longer(
    hours: int, asked: float | None, retry_for_seconds: float, expected: float
) -> None:
    """A delivery that is wanted from what is now the future is tried as if it was wanted since now."""
    error = SendError("busy", retry_after_seconds=asked)
    outcome = decided(error, since=-timedelta(hours=hours), retry_for_seconds=retry_for_seconds)
    assert expected == pause_seconds(outcome)


def test_judges_near_the_end_of_all_dates() -> None:
    """No sum of dates overflows, however long deliveries are retried."""
    late = datetime(9999, 12, 31, tzinfo=UTC)
    assert "pending" == decided(SendError("busy"), now=late, retry_for_seconds=1e15).state


@given(
    attempts=st.integers(1, 2**63),
    dice=st.floats(0, 1),
    asked=st.none() | st.floats(),
    since=st.timedeltas(-timedelta(days=30), timedelta(days=30)),
    retry_for_seconds=st.floats(0, allow_nan=False),
)
def test_decides_always(
    attempts: int, dice: float, asked: float | None, since: timedelta, retry_for_seconds: float
) -> None:
    """No numbers make it raise, it is dead when the time is up, and else due within an hour and within its time."""
    outcome = decided(
        SendError("busy", retry_after_seconds=asked),
        attempts=attempts,
        dice=dice,
        since=since,
        retry_for_seconds=retry_for_seconds,
    )
    age = max(0.0, since.total_seconds())
    assert (age >= retry_for_seconds) == (outcome.state == "dead")
    if outcome.due_at is not None:
        assert NOW <= outcome.due_at <= NOW + timedelta(hours=1)
        assert age + pause_seconds(outcome) <= retry_for_seconds + 1e-3


@given(dice=st.floats(0, 1), asked=st.none() | st.floats(0, 10_000), retry_for_seconds=st.floats(1, 100_000))
def test_the_last_attempt_is_when_the_time_is_up(dice: float, asked: float | None, retry_for_seconds: float) -> None:
    """What fails for ever is tried until `retry_for` is over, neither shorter nor longer."""
    now, attempts = NOW, 0
    due_at: datetime | None = NOW
    while due_at is not None and attempts < 2_000:
        now, attempts = due_at, attempts + 1
        due_at = decide(
            SendError("busy", retry_after_seconds=asked),
            attempts=attempts,
            first_due_at=NOW,
            now=now,
            retry_for_seconds=retry_for_seconds,
            random=lambda: max(dice, 0.5),
        ).due_at
    if attempts < 2_000:
        assert abs((now - NOW).total_seconds() - retry_for_seconds) < 1e-3
