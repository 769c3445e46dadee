"""Events on their way: one that is too large goes again at once, and several go side by side."""

from __future__ import annotations

import threading
import time
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
# Ten, or somewhat more: who is told of it elsewhere reads it in some 1,500 characters.
_LONGEST_NAMES = 1_000
_ORPHANED = (
    "the {} with dedup_key {} {} triggered through a routing key that is not set here any more: resolve {} there by"
    " hand, or set that key as routing_key_previous"
)

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


def side_by_side(calls: Sequence[Callable[[float], _Told]], deadline_seconds: float) -> list[_Told | SendError]:
    """Make calls, a few at a time, in their order, each with the seconds that are left for it.

    After the first that is told to come later none is begun.

    Returns:
        What came of each, or its error.
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
        return [one(calls[0])]
    with ThreadPoolExecutor(_AT_ONCE, "pagerduty") as pool:
        return list(pool.map(one, calls))


class Orphaned(SendError):
    """Of an incident nobody can tell the end: the key that triggered it is not set any more."""

    def __init__(self, dedup_key: str) -> None:
        super().__init__(f"{FAR_SIDE}: {orphaned([dedup_key])}", permanent=True)
        self.dedup_key = dedup_key


def orphaned(dedup_keys: Sequence[str]) -> str:
    """What somebody has to do about such incidents; as many are named as fit."""
    room, named = _LONGEST_NAMES, list[str]()
    for each in dedup_keys:
        room -= len(each) + 2
        if named and room < 0:
            break
        named.append(each)
    more = len(dedup_keys) - len(named)
    names = ", ".join(named) + (f" and {more} more" if more else "")
    if len(dedup_keys) == 1:
        return _ORPHANED.format("incident", names, "was", "it")
    return _ORPHANED.format("incidents", names, "were", "them")


def together(errors: Sequence[SendError], calls: int, left_behind: Sequence[str] = ()) -> SendError:
    """One error for those of several calls.

    Args:
        left_behind: incidents whose place others took, by their dedup keys.
    """
    if calls == 1 and not left_behind:
        return errors[0]
    orphans = [*left_behind, *(each.dedup_key for each in errors if isinstance(each, Orphaned))]
    others = [cut(str(each), _LONGEST_ERROR) for each in errors if not isinstance(each, Orphaned)]
    reasons = [*dict.fromkeys(others[:2]), *([f"{FAR_SIDE}: {orphaned(orphans)}"] if orphans else [])]
    waits = [each.retry_after_seconds for each in errors if each.retry_after_seconds is not None]
    return SendError(
        f"{'; '.join(reasons)} ({len(errors)} of {calls} events were not taken)",
        permanent=all(each.permanent for each in errors),
        retry_after_seconds=max(waits, default=None),
        throttled=any(each.throttled for each in errors),
        partly=len(errors) < calls,
    )
