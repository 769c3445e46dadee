"""What follows from an attempt. Pure: the clock and the dice are arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from alerts.notification import Receipt, SendError

_FIRST_PAUSE_SECONDS = 1.0
# As long as a destination's own pause: who is well again is to hear of what waits.
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_RETRY_AFTER_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a delivery.

    Attributes:
        state: "pending" means that it is tried again.
        due_at: when, for a pending one.
        detail: the receipt's or the error's words.
    """

    state: Literal["delivered", "pending", "dead"]
    detail: str
    due_at: datetime | None = None

    @property
    def word(self) -> str:
        """For people and metrics: delivered, retrying or dead."""
        return "retrying" if self.state == "pending" else self.state


def decide(
    result: Receipt | SendError,
    *,
    attempts: int,
    first_due_at: datetime,
    now: datetime,
    retry_for_seconds: float,
    random: Callable[[], float],
) -> Outcome:
    """Judge one attempt.

    Args:
        result: what it brought.
        attempts: how many there were, this one included.
        first_due_at: since when the delivery has been wanted.
        now: aware.
        retry_for_seconds: how long it may be tried in all.
        random: uniform from 0 to 1.

    Returns:
        Delivered; dead for a permanent error or when the time is up; else pending after a pause with full jitter
        (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) or as long as the far side asked. No
        pause is longer than the time that is left: the last attempt is at its end.
    """
    if isinstance(result, Receipt):
        return Outcome("delivered", result.detail)
    if result.permanent:
        return Outcome("dead", str(result))
    if result.retry_after_seconds is not None:
        # Not at once, even where 0 is asked: the far side would be asked as fast as it can answer. (This order of
        # arguments makes NaN the longest.)
        pause = max(_FIRST_PAUSE_SECONDS, min(_LONGEST_RETRY_AFTER_SECONDS, result.retry_after_seconds))
    else:
        # The exponent is bounded, so that no number of attempts overflows a float.
        pause = random() * min(_FIRST_PAUSE_SECONDS * 2 ** min(attempts, 30), _LONGEST_PAUSE_SECONDS)
    # A delivery that is wanted only since later (the clock was put back) is as if it was wanted since now. What is left
    # is a difference, for a sum could be later than the last date there is.
    left = retry_for_seconds - max(0.0, (now - first_due_at).total_seconds())
    if left <= 0:
        return Outcome("dead", f"{result} (given up after {attempts} attempts)")
    return Outcome("pending", str(result), now + timedelta(seconds=min(pause, left)))
