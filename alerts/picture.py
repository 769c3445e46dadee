"""What a picture of a reading shows: one series, from an hour before its alert began to when it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import units
from alerts.findings import Reading
from alerts.model import Alert
from alerts.target import target

_BEFORE = timedelta(hours=1)
_LONGEST = timedelta(hours=6)
_MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is to be known to draw it, but for the series itself.

    Attributes:
        prometheus: the name of the one that knows about the alert.
        title: what the series is, "memory".
        about: what of, and whose: "customer/rs-transformer-7d9f-x1 · KubePodCrashLooping".
        query: PromQL of one series.
        unit: of its values.
        at: the last moment.
        began_at: when the alert began.
        text: the reading in words.
    """

    prometheus: str
    title: str
    about: str
    query: str
    unit: str
    at: datetime
    began_at: datetime
    text: str
    request: float | None = None
    limit: float | None = None
    threshold: float | None = None

    @property
    def start(self) -> datetime:
        """An hour before the alert began, and at most six before the end."""
        lasted = max(self.at - self.began_at, timedelta())
        return self.at - min(lasted + _BEFORE, _LONGEST)

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        lasted = units.duration((self.at - self.start).total_seconds())
        return f"{self.title} ({self.about}) over the {lasted} before {self.at:%H:%M} UTC: {self.text}"

    @property
    def bounds(self) -> tuple[tuple[str, float], ...]:
        """What the series is held against, by name."""
        given = (("request", self.request), ("limit", self.limit), ("threshold", self.threshold))
        return tuple((name, value) for name, value in given if value is not None)


def picture(alert: Alert, reading: Reading, prometheus: str) -> Picture | None:
    """The picture of a reading of an alert; None where it would tell no more than the value."""
    if not reading.drawn or not reading.query:
        return None
    return Picture(
        prometheus,
        _title(reading)[:_MAX_TITLE],
        " · ".join(filter(None, (target(alert).text, alert.name)))[:_MAX_TITLE],
        reading.query,
        reading.unit,
        reading.at,
        alert.starts_at,
        reading.text[:_MAX_TITLE],
        reading.request,
        reading.limit,
        reading.threshold,
    )


def _title(reading: Reading) -> str:
    """A node's reading is of its CPU, which its title does not say."""
    return reading.title if reading.unit != "cores" or "CPU" in reading.title else f"{reading.title}: CPU"
