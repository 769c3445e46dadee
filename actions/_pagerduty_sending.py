"""Events on their way: one that is too large goes again at once, and several go side by side."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from actions._base import asked, cut, judged
from actions._pagerduty_size import bodies
from alerts.notification import SendError
from outbound import Answer, Http

FAR_SIDE = "PagerDuty"
_AT_ONCE = 4
_LONGEST_ERROR = 300
_DELIVERIES_REMEMBERED = 200

_Told = TypeVar("_Told")


def _too_large(answer: Answer) -> bool:
    return answer.status == 413 or (answer.status == 400 and "too large" in answer.text[:10_000].lower())


def post_event(http: Http, url: str, event: dict[str, Any], *, deadline_seconds: float, secrets: Sequence[str]) -> None:
    """Post one event, and where it is too large a smaller one, until it is taken.

    Source: `docs/events-API-v2/01-Overview.md` of https://github.com/PagerDuty/developer-docs

    Raises:
        SendError: it was not taken, or may not have been.
    """
    deadline = time.monotonic() + deadline_seconds
    answer = Answer(0)
    for body in bodies(event):
        left = deadline - time.monotonic()
        answer = asked(http, url, body, deadline_seconds=left, secrets=secrets, far_side=FAR_SIDE)
        if not _too_large(answer):
            break
    if judged(answer, secrets, FAR_SIDE).status != 202:
        # 202 is the one answer that means the event was taken; a proxy's page is none.
        raise SendError(f"{FAR_SIDE}: status {answer.status} instead of 202")


def side_by_side(
    calls: Sequence[Callable[[float], _Told]], deadline_seconds: float
) -> tuple[list[_Told], list[SendError]]:
    """Make calls, a few at a time, in their order, each with the seconds that are left for it.

    After the first that is told to come later none is begun.

    Returns:
        What came of those that succeeded, and an error for each of the others.
    """
    deadline = time.monotonic() + deadline_seconds
    throttled = threading.Event()

    def one(call: Callable[[float], _Told]) -> _Told | SendError:
        left = deadline - time.monotonic()
        if throttled.is_set():
            return SendError(f"{FAR_SIDE}: it was told enough for now")
        if left <= 0:
            return SendError(f"{FAR_SIDE}: no time was left")
        try:
            return call(left)
        except SendError as error:
            if error.throttled:
                throttled.set()
            return error

    if len(calls) == 1:
        results = [one(calls[0])]
    else:
        with ThreadPoolExecutor(_AT_ONCE, "pagerduty") as pool:
            results = list(pool.map(one, calls))
    told = [each for each in results if not isinstance(each, SendError)]
    return told, [each for each in results if isinstance(each, SendError)]


def together(errors: Sequence[SendError], calls: int) -> SendError:
    """One error for those of several calls."""
    if calls == 1:
        return errors[0]
    reasons = "; ".join(dict.fromkeys(cut(str(each), _LONGEST_ERROR) for each in errors[:2]))
    waits = [each.retry_after_seconds for each in errors if each.retry_after_seconds is not None]
    return SendError(
        f"{reasons} ({len(errors)} of {calls} events were not taken)",
        permanent=all(each.permanent for each in errors),
        retry_after_seconds=max(waits, default=None),
        throttled=any(each.throttled for each in errors),
        partly=len(errors) < calls,
    )


class Taken:
    """What PagerDuty took of deliveries that did not succeed as a whole: the next attempt goes on from there.

    It takes some 120 events a minute for a routing key (`05-Rate-Limits.md` beside it): a
    group of more incidents would else begin anew each time. It is a process' own, and bounded: what is forgotten is
    sent again, which tells nothing new.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: OrderedDict[int, set[bytes]] = OrderedDict()

    def has(self, delivery_id: int, event: bytes) -> bool:
        """Whether an event, as its hash has it, was taken at an earlier attempt."""
        with self._lock:
            return event in self._events.get(delivery_id, ())

    def add(self, delivery_id: int, event: bytes) -> None:
        """It was."""
        if not delivery_id:
            return
        with self._lock:
            self._events.setdefault(delivery_id, set()).add(event)
            self._events.move_to_end(delivery_id)
            while len(self._events) > _DELIVERIES_REMEMBERED:
                self._events.popitem(last=False)

    def forget(self, delivery_id: int) -> None:
        """There is no further attempt."""
        with self._lock:
            self._events.pop(delivery_id, None)
