"""An event within what PagerDuty takes: what matters least is dropped first, and the event says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from actions._base import cut, json_bytes

# 512 KB, and they do not say of which kind. What is behind it is for one that is too large all the same.
_LIMITS = (512_000, 256_000, 64_000, 16_000)
# What goes first of the details; the largest of the user's own are next, and these never.
_EXPENDABLE = ("resolved", "readings", "description", "firing", "summary", "runbook_url")
_KEPT = ("num_firing", "num_resolved", "num_truncated", "acknowledged", "orphaned_incident")
_BESIDE = ("images", "links", "client_url")
# Whatever is smaller goes behind what leads somewhere.
_SMALL_BYTES = 500
_MOST_NAMED = 20
_LONGEST_NAME = 255


def bodies(event: dict[str, Any]) -> Iterator[bytes]:
    """The event as JSON, and then ever smaller, as far as it can be."""
    before = b""
    for limit in _LIMITS:
        body = fitted(event, limit)
        if body != before:
            yield body
        before = body


def fitted(event: dict[str, Any], most_bytes: int = _LIMITS[0]) -> bytes:
    """The event as JSON, in so many bytes."""
    text = json_bytes(event)
    if len(text) <= most_bytes or "payload" not in event:
        return text
    left = dict(event)
    details = dict(event["payload"].get("custom_details", {}))
    dropped: list[str] = []
    for holder, key in _order(details, left):
        if len(text) <= most_bytes:
            break
        if holder.pop(key, None) is None:
            continue
        dropped.append(key)
        told = {**details, "dropped_for_size": _named(dropped)}
        text = json_bytes({**left, "payload": {**event["payload"], "custom_details": told}})
    return text


def _order(details: dict[str, Any], beside: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """What is dropped, and of what, the first first."""
    sizes = {key: len(json_bytes(value)) for key, value in details.items() if key not in (*_EXPENDABLE, *_KEPT)}
    rest = sorted(sizes, key=lambda key: (-sizes[key], key))
    large = [key for key in rest if sizes[key] > _SMALL_BYTES]
    first = [(details, key) for key in (*_EXPENDABLE, *large)]
    return [*first, *((beside, key) for key in _BESIDE), *((details, key) for key in rest[len(large) :])]


def _named(dropped: list[str]) -> list[str]:
    more = len(dropped) - _MOST_NAMED
    named = [cut(each, _LONGEST_NAME) for each in dropped[:_MOST_NAMED]]
    return [*named, f"{more} more"] if more > 0 else named
