"""Quantities as people and configuration files write them: "220 MiB", "0.42 cores", "86%", "1h30m", "16MiB"."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

_BINARY_PREFIXES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SIZE_UNITS: dict[str, int] = {"": 1, "B": 1} | {
    name: base**power
    for power, letter in enumerate("KMGTPE", start=1)
    for name, base in ((f"{letter}iB", 1024), (f"{letter}B", 1000))
}
# Longest first, each at most once: Prometheus' grammar, https://prometheus.io/docs/concepts/data_model/
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
# Go's: 2**63 - 1 nanoseconds.
_LONGEST_SECONDS = 9_223_372_036
# Beyond it nobody counts digits.
_LONGEST_NUMBER = 1e15
_DURATION_SECONDS = (31_536_000, 604_800, 86_400, 3_600, 60, 1, 0.001)


def duration_seconds(text: str) -> float:
    """Read a duration in Prometheus' grammar.

    Args:
        text: such as "30s", "1h30m", "250ms" or "0".

    Returns:
        Seconds, at least 0.

    Raises:
        ValueError: the text is no such duration.
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if not text or match is None or len(text) > 40:
        raise ValueError('is not a duration such as "30s", "5m" or "1h30m"')
    seconds = sum(int(n) * unit for n, unit in zip(match.groups(), _DURATION_SECONDS, strict=True) if n)
    if seconds > _LONGEST_SECONDS:
        raise ValueError("is longer than 292 years")
    return float(seconds)


def size_bytes(text: str) -> int:
    """Read a size such as "16MiB", "512KB" or "1024" into bytes.

    Raises:
        ValueError: the text is no size.
    """
    match = re.fullmatch(r"(\d{1,18})\s*([A-Za-z]*)", text, re.ASCII)
    if match is None or match[2] not in _SIZE_UNITS:
        raise ValueError('is not a size such as "16MiB" or "512KB"')
    return int(match[1]) * _SIZE_UNITS[match[2]]


def rate_per_second(text: str) -> float:
    """Read a rate such as "1/s", "120/min" or "50/h".

    Raises:
        ValueError: the text is no rate.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*/\s*(s|min|m|h)", text, re.ASCII)
    if match is None:
        raise ValueError('is not a rate such as "1/s" or "120/min"')
    return float(match[1]) / {"s": 1, "min": 60, "m": 60, "h": 3_600}[match[2]]


def number(value: float) -> str:
    """Write a bare number with as many decimals as tell something: "0.42", "0.004", "1200"."""
    if value != 0 and abs(value) < 0.1:
        return f"{value:.2g}" if abs(value) < 0.001 else f"{value:.3f}"
    if abs(value) >= _LONGEST_NUMBER:
        return f"{value:.3g}"
    return f"{value:.0f}" if float(value).is_integer() and abs(value) >= 10 else f"{value:.2f}"


def count(value: float) -> str:
    """Write a number of things: "3"; "2.50" where it is no whole number."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < _LONGEST_NUMBER else number(value)


def quantity(value: float, unit: str) -> str:
    """Write a value with its unit.

    Args:
        value: in `unit`.
        unit: "cores", "bytes" (written with a binary prefix), "seconds" (written as a duration),
            "share" (0 to 1, written as percent) or any other word, which is written behind the number.
    """
    if not math.isfinite(value):
        return f"{value} {unit}".strip()
    if unit == "bytes":
        return _binary(value)
    if unit == "seconds":
        return duration(value)
    if unit == "share":
        return percent(value)
    return f"{number(value) if unit == 'cores' else count(value)} {unit}".strip()


def _binary(size: float) -> str:
    step = 0
    while abs(size) >= 1023.5 and step < len(_BINARY_PREFIXES) - 1:
        size /= 1024
        step += 1
    decimals = 1 if step >= 3 and abs(size) < 100 else 0
    return f"{f'{size:.{decimals}f}' if abs(size) < _LONGEST_NUMBER else f'{size:.3g}'} {_BINARY_PREFIXES[step]}"


def percent(share: float) -> str:
    """Write a share (0 to 1) as "86%"."""
    if abs(share) >= _LONGEST_NUMBER / 100:
        return f"{share:.3g} times"
    return "<1%" if 0 < share < 0.01 else f"{share * 100:.0f}%"


def duration(seconds: float) -> str:
    """Write a length of time with its two largest units: "12m", "1h 5m", "3d 2h", "45s"."""
    whole = max(0, round(seconds))
    parts: list[str] = []
    for letter, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(f"{count}{letter}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0s"


def moment(text: str) -> datetime:
    """Read a time such as "2026-03-02T07:31:57Z"; in UTC unless it says otherwise.

    Returns:
        Aware.

    Raises:
        ValueError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("should be a time such as 2026-03-02T07:31:57Z") from None
