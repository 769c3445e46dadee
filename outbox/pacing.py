"""How much a destination may be told now. Pure: the clock and the dice are arguments.

What all replicas know of a destination is one row. Two things in it say "not now": a pause, because it failed or asked
for one, and its pace, kept as a theoretical arrival time (GCRA: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).

A wall clock may jump, and replicas share nothing else. So a time that stands further ahead than it could ever have been
set counts as not there: a clock that was put back by an hour stalls nothing, and lets at most one burst more through.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.notification import Receipt, SendError

FAILURES_TO_PAUSE = 3
# Longer than the longest send, so that no other replica probes while one does.
PROBE_SECONDS = 15.0
# More than anybody has to send: what may be sent with no pace.
UNPACED = 1_000_000

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_RETRY_AFTER_SECONDS = 3_600.0
# Clocks differ, and a process may have waited for its turn since it looked at its own.
_SLACK_SECONDS = 60.0
_THROTTLED_SECONDS = 300.0
_LONGEST_INTERVAL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a destination may be told.

    Attributes:
        rate_per_second: on average; one a day is the slowest there is.
        burst: how many at once, at least 1.
    """

    rate_per_second: float
    burst: int = 1

    @property
    def interval(self) -> timedelta:
        """Between two; whole microseconds, as the row keeps them, and rounded up, so that the rate is never passed."""
        microseconds = 1e6 / self.rate_per_second
        if not microseconds < _LONGEST_INTERVAL / timedelta(microseconds=1):
            return _LONGEST_INTERVAL
        return timedelta(microseconds=max(1, math.ceil(microseconds)))


# PagerDuty's own limit: https://developer.pagerduty.com/docs/events-api-v2-overview#rate-limiting
_THROTTLED_PACE = Pace(120 / 60)


@dataclass(frozen=True, slots=True)
class Destination:
    """What all replicas know of one destination.

    Attributes:
        name: "on-call/slack/0".
        failures: in a row, of those that say something about the destination.
        failing_since: when the first of them was; None when it does not fail.
        paused_until: nothing is sent before.
        throttled_until: until when the slow pace holds that follows a 429.
        error: the last one, unless something was delivered since.
        pace_at: when what was sent is paid off, one interval each (GCRA's theoretical arrival time).
        digested_at: when the last digest was made.
        paused_at: when that was said; in what is now the future, the clock has been put back, and there is no pause.
        probing: the pause is only until it is known what came of a probe.
    """

    name: str
    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    throttled_until: datetime | None = None
    error: str | None = None
    pace_at: datetime | None = None
    digested_at: datetime | None = None
    paused_at: datetime | None = None
    probing: bool = False

    @property
    def failing(self) -> bool:
        """Whether it has failed so often that it is told one thing at a time, to see whether it is back."""
        return self.failures >= FAILURES_TO_PAUSE

    def may_send(self, pace: Pace | None, now: datetime) -> int:
        """How many may be sent now.

        Args:
            pace: the configured one; None is as fast as it goes.
            now: aware.

        Returns:
            0 during a pause; at most 1 while it fails, a probe; else what is left of the pace in force.
        """
        if self._paused_until(now):
            return 0
        pace = self._in_force(pace, now)
        allowed = UNPACED
        if pace is not None:
            whole_burst = pace.burst * pace.interval
            allowed = max(0, (whole_burst - self._unpaid(pace, now)) // pace.interval)
        return min(allowed, 1) if self.failing else allowed

    def sending(self, count: int, pace: Pace | None, now: datetime) -> Destination:
        """What is known once so many, of those that may be, are being sent.

        A probe pauses it until what came of it must be known.
        """
        if count < 1:
            return self
        paused_until = self._paused_until(now)
        if self.failing:
            paused_until = now + timedelta(seconds=PROBE_SECONDS)
        pace = self._in_force(pace, now)
        pace_at = self.pace_at
        if pace is not None:
            # No further ahead than a whole burst, whatever the count: beyond, it would be taken for a clock's jump.
            owed = min(self._unpaid(pace, now) + count * pace.interval, pace.burst * pace.interval)
            pace_at = now + owed
        paused_at = now if self.failing else self.paused_at
        return replace(self, paused_until=paused_until, paused_at=paused_at, probing=self.failing, pace_at=pace_at)

    def next_at(self, pace: Pace | None, now: datetime) -> datetime | None:
        """When it is worth asking again what may be sent; None is now. Nothing may be sent before."""
        if self.may_send(pace, now):
            return None
        paused_until = self._paused_until(now)
        in_force = self._in_force(pace, now)
        if paused_until or in_force is None:
            return paused_until
        token_at = now + self._unpaid(in_force, now) - (in_force.burst - 1) * in_force.interval
        throttled_until = self._throttled_until(now)
        return min(token_at, throttled_until) if throttled_until else token_at

    def after(self, result: Receipt | SendError, now: datetime, random: Callable[[], float]) -> Destination:
        """What is known once an attempt has ended.

        Args:
            result: what it brought.
            now: aware.
            random: uniform from 0 to 1.

        Returns:
            Well again after a receipt. After a permanent error too, for the far side has answered, and it is the
            notification that is wrong; but the error stays to be shown, as the next one may be refused like this one.
            A pause that was asked for while it was well goes on.
            After any other error one failure more, and from the third on a pause that doubles from one second to one
            minute, with jitter; what was on its way when the pause began, and fails too, is no failure more. Being
            throttled is none either: it is a pause, and the slow pace for five minutes. What the far side asks for
            with Retry-After is kept at once; no error makes a pause shorter.
        """
        if isinstance(result, Receipt) or result.permanent:
            error = None if isinstance(result, Receipt) else str(result)
            # One that does not fail sends nothing during a pause: this was sent before the far side asked for it.
            paused_until = None if self.failing else self.paused_until
            return replace(self, failures=0, failing_since=None, paused_until=paused_until, probing=False, error=error)
        paused_until = None if self.probing else self._paused_until(now)
        late = paused_until is not None and self.failing
        failures = self.failures if result.throttled or late else self.failures + 1
        # A time to come is from before the clock was put back.
        failing_since = min(self.failing_since or now, now)
        pause = 0.0 if late and result.retry_after_seconds is None else _pause_seconds(result, failures, random)
        return replace(
            self,
            failures=failures,
            failing_since=self.failing_since if result.throttled else failing_since,
            paused_until=_later(paused_until, now + timedelta(seconds=pause)) if pause else paused_until,
            paused_at=now if pause else self.paused_at,
            probing=False,
            throttled_until=now + timedelta(seconds=_THROTTLED_SECONDS) if result.throttled else self.throttled_until,
            error=str(result),
        )

    def _paused_until(self, now: datetime) -> datetime | None:
        if self.paused_at is not None and self.paused_at > now + timedelta(seconds=_SLACK_SECONDS):
            return None
        return _ahead(self.paused_until, now, timedelta(seconds=_LONGEST_RETRY_AFTER_SECONDS + _SLACK_SECONDS))

    def _throttled_until(self, now: datetime) -> datetime | None:
        return _ahead(self.throttled_until, now, timedelta(seconds=_THROTTLED_SECONDS + _SLACK_SECONDS))

    def _in_force(self, pace: Pace | None, now: datetime) -> Pace | None:
        if self._throttled_until(now) is None:
            return pace
        rate = _THROTTLED_PACE.rate_per_second
        return _THROTTLED_PACE if pace is None else Pace(min(pace.rate_per_second, rate), _THROTTLED_PACE.burst)

    def _unpaid(self, pace: Pace, now: datetime) -> timedelta:
        """How far ahead the theoretical arrival time stands."""
        pace_at = _ahead(self.pace_at, now, (pace.burst + 1) * pace.interval)
        return pace_at - now if pace_at else timedelta(0)


def _pause_seconds(error: SendError, failures: int, random: Callable[[], float]) -> float:
    """How long an error pauses a destination that has now failed so often; 0 when it does not."""
    if error.retry_after_seconds is not None:
        # This order of arguments makes NaN the longest.
        return max(_FIRST_PAUSE_SECONDS, min(_LONGEST_RETRY_AFTER_SECONDS, error.retry_after_seconds))
    # The exponent is bounded, so that no number of failures overflows a float.
    doublings = 0 if error.throttled else min(failures - FAILURES_TO_PAUSE, 30)
    if doublings < 0:
        return 0.0
    # Never less than half: a pause that could be nothing would be none.
    return (0.5 + random() / 2) * min(_FIRST_PAUSE_SECONDS * 2.0**doublings, _LONGEST_PAUSE_SECONDS)


def _ahead(moment: datetime | None, now: datetime, longest: timedelta) -> datetime | None:
    """The moment, if it is still to come and not further ahead than it could ever have been set."""
    return moment if moment is not None and timedelta(0) < moment - now <= longest else None


def _later(one: datetime | None, other: datetime) -> datetime:
    return max(one, other) if one else other
