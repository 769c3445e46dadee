"""Whether a group's state is news: told already, told once more on purpose, or begun again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import units
from alerts.model import AlertGroup
from alerts.timeline import Acknowledgement

_AGAIN_WITHIN = timedelta(minutes=30)
_FIRED_AT_MOST = 100
# An end is told once. It comes anew when our answer got lost, within minutes; hours later it may be another one.
_SAME_END_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of a group.

    Attributes:
        content: a hash of its last accepted state, 64 hex digits.
        event_id: the event that brought that state and was not a duplicate.
        accepted_at: when that was; duplicates do not move it.
        firing: whether any of its alerts fired then.
        firing_since: when it began to fire this time; None when it does not.
        fired_at: when it began to fire, each time within the last 30 minutes before `accepted_at`, oldest first.
        routing: by what routes it was told, as a hash; "" where that is not known.
        parts: by destination a hash of the part of it that was planned to be told there last, and when that was.
        acknowledged: who has taken it over, since it last began to fire.
        silenced: who had it silenced last, likewise.
    """

    content: str
    event_id: int
    accepted_at: datetime
    firing: bool
    firing_since: datetime | None
    fired_at: tuple[datetime, ...] = ()
    parts: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    routing: str = ""
    acknowledged: Acknowledgement | None = None
    silenced: Acknowledgement | None = None

    def taken(self, acknowledgement: Acknowledgement) -> History:
        """The history once somebody has done something about it."""
        if acknowledgement.silenced_until is not None:
            return replace(self, silenced=acknowledgement)
        return replace(self, acknowledged=acknowledgement)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a group's state is, next to what was known of it.

    Attributes:
        history: as it is to be kept.
        duplicate_of: the event that told the same, when it need not be told again; else None.
        notes: what a reader should know, a few words each: "still firing, 4 h", "4th time in 30 m".
        again: it began to fire once more within 30 minutes: it is flapping.
        repeated: it is as it was.
        began_at: when it began to fire this time, or, where it is over, the last time; None where that is not known.
    """

    history: History
    duplicate_of: int | None
    notes: tuple[str, ...]
    again: bool
    repeated: bool = False
    began_at: datetime | None = None


def judge(
    history: History | None,
    group: AlertGroup,
    *,
    event_id: int,
    received_at: datetime,
    dedup_window_seconds: float,
) -> Judgement:
    """Tell a group's state from the last one that was accepted.

    Args:
        history: what is remembered of the group; None when it was never heard of.
        group: its state now; of a truncated group with what is hidden, as `alerts.known.with_hidden` has it.
        event_id: the event that brings it.
        received_at: aware; may lie before `accepted_at`, for clocks jump.
        dedup_window_seconds: how long the same state is a duplicate; 0 for never. A state of which nothing fires is
            one for an hour at least, as there is nothing new in the same end.

    Returns:
        A duplicate, with the history as it was; or news, with its history and notes. The same state after the window
        is news, too: it is how Alertmanager's `repeat_interval` looks.
    """
    content = content_of(group)
    firing = group.status == "firing"
    same = history is not None and (history.content == content or _same_without_start(history, group, received_at))
    if history is not None and same:
        window_seconds = dedup_window_seconds
        if not firing and dedup_window_seconds > 0:
            window_seconds = max(dedup_window_seconds, _SAME_END_SECONDS)
        if abs((received_at - history.accepted_at).total_seconds()) < window_seconds:
            return Judgement(history, history.event_id, (), False, repeated=True)

    begins = firing and (history is None or not history.firing)
    fired_at = _fired_at(history, received_at, begins)
    since = None
    if firing:
        since = _began_at(history, group, received_at) if begins or history is None else history.firing_since
    again = begins and len(fired_at) > 1
    notes = []
    if again:
        notes.append(f"{_ordinal(len(fired_at))} time in {_spaced(_AGAIN_WITHIN.total_seconds())}")
    if same and since is not None:
        notes.append(_still_firing((received_at - since).total_seconds()))
    kept = History(content, event_id, received_at, firing, since, fired_at, history.parts if history else {})
    if history is not None and not begins:
        # Who had it is known to its end.
        kept = replace(kept, acknowledged=history.acknowledged, silenced=history.silenced)
    began_at = since if since is not None or history is None else history.firing_since
    return Judgement(kept, None, tuple(notes), again, same, began_at)


def content_of(group: AlertGroup) -> str:
    """A hash of what the group tells.

    The order of the alerts, URLs and ends do not count: two Alertmanagers, fed by two Prometheus, tell the same with
    different ones. Labels do: a fingerprint is the sender's word.
    """
    alerts = {
        _canonical(
            [
                alert.fingerprint,
                dict(alert.labels),
                alert.status,
                alert.starts_at.isoformat(),
                dict(alert.annotations),
            ]
        )
        for alert in group.alerts
    }
    whole = _canonical([group.group_key, group.truncated_alerts, sorted(alerts)])
    return hashlib.sha256(whole.encode()).hexdigest()


def _same_without_start(history: History, group: AlertGroup, received_at: datetime) -> bool:
    """Whether the group tells what it last did, but for starts that the sender left out.

    Such a start is read as when the payload came (`alerts.payload.parse`): that makes no other state of it.
    """
    if all(alert.starts_at != received_at for alert in group.alerts):
        return False
    as_before = tuple(
        replace(alert, starts_at=history.accepted_at) if alert.starts_at == received_at else alert
        for alert in group.alerts
    )
    return history.content == content_of(replace(group, alerts=as_before))


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _fired_at(history: History | None, received_at: datetime, begins: bool) -> tuple[datetime, ...]:
    earlier = history.fired_at if history is not None else ()
    recent = [each for each in earlier if received_at - _AGAIN_WITHIN <= each <= received_at]
    return tuple([*recent, received_at] if begins else recent)[-_FIRED_AT_MOST:]


def _began_at(history: History | None, group: AlertGroup, received_at: datetime) -> datetime:
    """The start of its oldest firing alert; not before it last was over, and not in the future."""
    began_at = min(alert.starts_at for alert in group.firing)
    if history is not None:
        began_at = max(began_at, history.accepted_at)
    return min(began_at, received_at)


def _still_firing(seconds: float) -> str:
    # Where the clock went back to before the start, there is no length to tell.
    return f"still firing, {_spaced(seconds)}" if seconds > 0 else "still firing"


def _spaced(seconds: float) -> str:
    """A length of time as a sentence has it: "4 h", "1 h 5 m"."""
    return " ".join(f"{part[:-1]} {part[-1]}" for part in units.duration(seconds).split())


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
