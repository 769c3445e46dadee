"""Times and lengths of time as Go writes them, and its layouts ("2006-01-02 15:04").

Source: https://pkg.go.dev/time#pkg-constants
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from templating.errors import TemplateError

ZERO = datetime(1, 1, 1, tzinfo=UTC)
"""What Go calls the zero time: an end that there is not yet."""

_LONGEST = timedelta(microseconds=(2**63 - 1) // 1_000)
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PARTS = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|01|02|03|04|05|06|002|2006|15|PM|pm"
    r"|[Z-]07(?::?00){0,2}|(?<=_)2006|_2(?!006)|1|2|3|4|5|[.,](?:0+|9+)(?!\d)"
)


def known(moment: datetime | None) -> datetime:
    """A time, or Go's zero time where there is none.

    Raises:
        TemplateError: it is no time.
    """
    if moment is None:
        return ZERO
    if not isinstance(moment, datetime):
        raise TemplateError("needs a time, such as an alert's starts_at")
    return moment


def date(moment: datetime | None, layout: str) -> str:
    """Write a time as a layout of Go's shows it.

    Args:
        layout: how Monday the 2nd of January 2006, 15:04:05 in MST (-0700), would be written.
    """
    at = known(moment)
    return _PARTS.sub(lambda match: _part(match[0], at), str(layout)[:1_000])


def _part(part: str, at: datetime) -> str:
    hour = at.hour % 12 or 12
    plain = {
        "January": _MONTHS[at.month - 1],
        "Jan": _MONTHS[at.month - 1][:3],
        "Monday": _DAYS[at.weekday()],
        "Mon": _DAYS[at.weekday()][:3],
        "MST": at.tzname() or "UTC",
        "01": f"{at.month:02}",
        "02": f"{at.day:02}",
        "03": f"{hour:02}",
        "04": f"{at.minute:02}",
        "05": f"{at.second:02}",
        "06": f"{at.year % 100:02}",
        "002": f"{at.timetuple().tm_yday:03}",
        "2006": f"{at.year:04}",
        "15": f"{at.hour:02}",
        "PM": "PM" if at.hour >= 12 else "AM",
        "pm": "pm" if at.hour >= 12 else "am",
        "_2": f"{at.day:>2}",
        "1": str(at.month),
        "2": str(at.day),
        "3": str(hour),
        "4": str(at.minute),
        "5": str(at.second),
    }
    if part in plain:
        return plain[part]
    return _offset(part, at) if part[0] in "Z-" else _fraction(part, at)


def _offset(part: str, at: datetime) -> str:
    seconds = round((at.utcoffset() or timedelta()).total_seconds())
    if part[0] == "Z" and not seconds:
        return "Z"
    hours, rest = divmod(abs(seconds), 3_600)
    numbers = [f"{hours:02}", f"{rest // 60:02}", f"{rest % 60:02}"]
    count = 1 + part.count("00")
    return ("-" if seconds < 0 else "+") + (":" if ":" in part else "").join(numbers[:count])


def _fraction(part: str, at: datetime) -> str:
    digits = f"{at.microsecond:06}000"[: len(part) - 1].ljust(len(part) - 1, "0")
    if part[1] == "9":
        digits = digits.rstrip("0")
        return f"{part[0]}{digits}" if digits else ""
    return part[0] + digits


def time_text(moment: datetime) -> str:
    """A time as Go prints it: "2022-03-02 07:31:57.339 +0000 UTC"."""
    return date(moment, "2006-01-02 15:04:05.999999999 -0700 MST")


def nano_text(moment: datetime | None) -> str:
    """A time as JSON has it: "2022-03-02T07:31:57.339Z"."""
    return date(moment, "2006-01-02T15:04:05.999999999Z07:00")


def between(later: datetime | None, earlier: datetime | None) -> timedelta:
    """How long it is from one time to another, at most 292 years either way, as in Go."""
    return max(-_LONGEST, min(_LONGEST, known(later) - known(earlier)))


def duration_text(length: timedelta) -> str:
    """A length of time as Go prints it: "1h5m0s", "1.5s", "250ms"."""
    micros = length // timedelta(microseconds=1)
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    if not micros:
        return "0s"
    if micros < 1_000:
        return f"{sign}{micros}µs"
    if micros < 1_000_000:
        return f"{sign}{_decimal(micros, 1_000)}ms"
    minutes, rest = divmod(micros, 60_000_000)
    seconds = f"{_decimal(rest, 1_000_000)}s"
    if not minutes:
        return sign + seconds
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}h{minutes}m{seconds}" if hours else f"{sign}{minutes}m{seconds}"


def _decimal(count: int, unit: int) -> str:
    whole, rest = divmod(count, unit)
    digits = str(rest).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def humanized(seconds: float) -> str:
    """A length of time as Prometheus' humanizeDuration writes it: "1h 5m 0s", "250ms".

    Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/#numbers
    """
    if seconds != seconds or abs(seconds) == float("inf"):
        return f"{seconds:.4g}"
    if seconds == 0:
        return "0s"
    if abs(seconds) >= 1:
        sign, whole = ("-" if seconds < 0 else ""), int(abs(seconds))
        days, hours, minutes, rest = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60, whole % 60
        if days:
            return f"{sign}{days}d {hours}h {minutes}m {rest}s"
        if hours:
            return f"{sign}{hours}h {minutes}m {rest}s"
        return f"{sign}{minutes}m {rest}s" if minutes else f"{seconds:.4g}s"
    prefix = ""
    for each in ("m", "u", "n", "p", "f", "a", "z", "y"):
        if abs(seconds) >= 1:
            break
        prefix, seconds = each, seconds * 1_000
    return f"{seconds:.4g}{prefix}s"
