"""A data source that fails again and again is left alone, and asked again after a while."""

from contextlib import suppress

from enrich._base import NoAnswer
from enrich._breaker import FAILURES, Breaker, Broken


class Clock:
    """Seconds that the test lets pass."""

    now = 100.0

    def __call__(self) -> float:
        """Tells them."""
        return self.now


def broken(clock: Clock) -> Breaker:
    """Returns one that has just failed three times."""
    breaker = Breaker(clock)
    for reason in ("one", "two", "timed out after 2s"):
        assert "" == breaker.refusal()
        breaker.failed(reason)
    return breaker


def test_three_failures_in_a_row_are_enough() -> None:
    """And what was the last of them is said."""
    expected = "is left alone after 3 failures in a row; the last: timed out after 2s"
    assert expected == broken(Clock()).refusal()


def test_a_success_between_makes_it_no_row() -> None:
    """Two failures, an answer and two failures are nothing."""
    breaker = Breaker(Clock())
    for outcome in ("failed", "failed", "", "failed", "failed"):
        if outcome:
            breaker.failed("no")
        else:
            breaker.succeeded()
    assert "" == breaker.refusal()


def test_one_question_sees_whether_it_is_well_again() -> None:
    """After ten seconds one is let through, and the others wait for what comes of it."""
    clock = Clock()
    breaker = broken(clock)
    clock.now += 9.9
    assert breaker.refusal()
    clock.now += 0.2
    assert "" == breaker.refusal()
    assert breaker.refusal()
    breaker.succeeded()
    assert "" == breaker.refusal()
    assert "" == breaker.refusal()


def test_one_that_is_not_well_is_left_alone_again() -> None:
    """For as long as before, counted from then; and one that never came back is not waited for."""
    clock = Clock()
    breaker = broken(clock)
    clock.now += 10
    assert "" == breaker.refusal()
    clock.now += 2
    breaker.failed("refused")
    clock.now += 9.9
    assert "is left alone after 4 failures in a row; the last: refused" == breaker.refusal()
    clock.now += 0.2
    assert "" == breaker.refusal()
    clock.now += 10
    assert "" == breaker.refusal()


def test_says_what_came_of_each_question() -> None:
    """Answered, a wrong question, a failure, and what was not asked; with the source, and how long it took."""
    told: list[tuple[str, str]] = []
    times: list[float] = []

    def asked(source: str, outcome: str, seconds: float) -> None:
        told.append((source, outcome))
        times.append(seconds)

    breaker = Breaker(Clock(), asked)
    for raised in (None, NoAnswer("no such metric"), *(Broken("is away"),) * FAILURES, None):
        with suppress(NoAnswer), breaker.asking("Prometheus eu", 1.0):
            if raised is not None:
                raise raised
    expected = ["answered", "refused", *["failed"] * FAILURES, "left_alone"]
    assert [("Prometheus eu", outcome) for outcome in expected] == told
    assert 0.0 == times[-1]
    assert all(0 <= each < 5 for each in times)
