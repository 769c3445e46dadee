"""What a silence of a group hides, and for how long."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Literal

from alerts.model import Alert, common

Duration = Literal["1h", "4h", "tomorrow"]

IN_WORDS: Mapping[Duration, str] = {
    "1h": "for 1 hour",
    "4h": "for 4 hours",
    "tomorrow": "until tomorrow morning",
}

_HOURS: Mapping[Duration, float] = {"1h": 1, "4h": 4}
_MORNING = time(9)
# A night, and not the minutes that are left of one, nor the day that follows it.
_SHORTEST_NIGHT = timedelta(hours=5)


def silence_end(duration: Duration, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Until when a silence lasts: "tomorrow" is the first 9:00 that is five hours away or more.

    Args:
        now: aware.
        zone: whose 9:00; the machine's own time zone unless given.
    """
    hours = _HOURS.get(duration)
    if hours is not None:
        return now + timedelta(hours=hours)
    days = (now.astimezone(zone).date() + timedelta(days=each) for each in range(3))
    # Without a zone these are naive, which is the machine's own.
    mornings = (datetime.combine(day, _MORNING, zone).astimezone(UTC) for day in days)
    return next(each for each in mornings if each - now >= _SHORTEST_NIGHT)


def shared_labels(alerts: Iterable[Alert]) -> dict[str, str]:
    """The labels that alerts share; an empty value is none."""
    return {name: value for name, value in common(each.labels for each in alerts).items() if value}


def labels_key(labels: Mapping[str, str]) -> str:
    """16 hex digits by which labels are known again."""
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]
