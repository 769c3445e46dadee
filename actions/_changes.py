"""What a group's new state changes for whoever was told of it before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import units
from actions._base import cut, subject, title
from actions._digest import level, over
from alerts.model import Alert
from alerts.notification import Notification, Thread
from alerts.severity import SEVERITIES, Severity, worst, worst_first

_NAMED = 10
_LONGEST_NAME = 100
_LONGEST_READ = 1_000
_LONGEST_SUMMARY = 200

SIGNS: Mapping[Severity, str] = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}
"""Of what fires, by how bad it is."""


@dataclass(frozen=True, slots=True)
class Change:
    """The alerts of a group by what the reader knows of them, each kind the worst first.

    Attributes:
        new: they fire, and were not told as firing.
        ended: they were told as firing, and are over.
        still: they fire, as was told.
    """

    new: tuple[Alert, ...] = ()
    ended: tuple[Alert, ...] = ()
    still: tuple[Alert, ...] = ()


def change(notification: Notification, thread: Thread) -> Change:
    """Compare a state with what a destination was told.

    For one that hears of no ends nothing is held open, and all that fires is new to it.
    """
    told = set(thread.open_fingerprints)
    alerts = worst_first(notification.group.alerts)
    return Change(
        new=tuple(each for each in alerts if each.firing and each.fingerprint not in told),
        ended=tuple(each for each in alerts if not each.firing and each.fingerprint in told),
        still=tuple(each for each in alerts if each.firing and each.fingerprint in told),
    )


def changes(notification: Notification, thread: Thread) -> tuple[str, bool]:
    """What is new, over or worse, in a few plain lines, and whether that is to be heard.

    Returns:
        "🔴 2 new: shop/cart-1, shop/cart-2", "✅ resolved after 12m: shop/cart-3", "worse: warning → critical", one
        below the other, "" where nothing changed; and True where something is new or worse.
    """
    if notification.digest:
        return title(notification), not over(notification)
    found = change(notification, thread)
    worse = _worse(notification, thread)
    lines = [_new(found.new, _called(notification)), _ended(notification, found), worse]
    return "\n".join(filter(None, lines)), bool(found.new or worse)


def lasted(alerts: Sequence[Alert], began_at: datetime | None = None) -> str:
    """From the first alert's start to the last one's end: "12m"; "" where no end is known.

    Args:
        began_at: when what they were part of began: others may have been over before.
    """
    ends = [each.ends_at for each in alerts if each.ends_at]
    if not ends:
        return ""
    return units.duration(max(0.0, (max(ends) - begun(alerts, began_at)).total_seconds()))


def begun(alerts: Sequence[Alert], began_at: datetime | None) -> datetime:
    """When the first of them, or what they were part of, began."""
    starts = [each.starts_at for each in alerts]
    return min([*starts, began_at] if began_at else starts)


def _called(notification: Notification) -> Callable[[Alert], str]:
    """How an alert is called among the others of its group."""
    several = len({each.name for each in notification.group.alerts}) > 1

    def called(alert: Alert) -> str:
        about = subject(alert)
        name = f"{alert.name} {about}" if several and about else about or alert.name
        return _printable(name, _LONGEST_NAME)

    return called


def _printable(text: str, limit: int) -> str:
    """A text on one line, without what cannot be seen."""
    printable = "".join(each if each.isprintable() else " " for each in text[:_LONGEST_READ])
    return cut(" ".join(printable.split()), limit)


def _listed(names: Iterable[str], count: int) -> str:
    named = ", ".join(names)
    return named if count <= _NAMED else f"{named} and {count - _NAMED:,} more"


def _new(new: Sequence[Alert], called: Callable[[Alert], str]) -> str:
    if not new:
        return ""
    # It is what a phone shows: of one alert with what is wrong.
    summary = _printable(new[0].summary, _LONGEST_SUMMARY) if len(new) == 1 else ""
    said = f"{SIGNS[worst(new)]} {len(new):,} new: {_listed(map(called, new[:_NAMED]), len(new))}"
    return f"{said} — {summary}" if summary else said


def _ended(notification: Notification, found: Change) -> str:
    """One alert's end with how long it fired; of several each one's, or all of theirs where that was the last."""
    ended, called = found.ended, _called(notification)
    if not ended:
        return ""
    names = list(map(called, ended[:_NAMED]))
    if over(notification) and len(ended) > 1:
        after_all = lasted(ended, notification.began_at) or "a while"
        return f"✅ all resolved after {after_all}: {_listed(names, len(ended))}"
    after = [f" after {each}" if (each := lasted([alert])) else "" for alert in ended[:_NAMED]]
    if len(ended) == 1:
        return f"✅ resolved{after[0]}: {names[0]}"
    both = (f"{name}{each}" for name, each in zip(names, after, strict=True))
    return f"✅ {len(ended):,} resolved: {_listed(both, len(ended))}"


def _worse(notification: Notification, thread: Thread) -> str:
    """The level that was told and the one that is, where that is a worse one."""
    now = level(notification)
    better = SEVERITIES[SEVERITIES.index(now) + 1 :]
    return f"worse: {thread.level} → {now}" if thread.level in better and not over(notification) else ""
