"""The contract of PagerDuty's Events API v2, as a list of what is wrong with an event.

Source: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ and `reference/events-v2` of
https://github.com/PagerDuty/api-schema
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
LONGEST_DEDUP_KEY = 255
LONGEST_SUMMARY = 1024
LARGEST_EVENT_BYTES = 512 * 1024

_TOP_KEYS = frozenset(
    ("routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images")
)
_PAYLOAD_KEYS = frozenset(
    ("summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details")
)
_CHANGE_KEYS = frozenset(("routing_key", "payload", "links"))
_CHANGE_PAYLOAD_KEYS = frozenset(("summary", "source", "timestamp", "custom_details"))


def event_errors(event: object, known_keys: Collection[str] = ()) -> list[str]:
    """Returns every breach of the contract in one event; none means PagerDuty takes it."""
    if not isinstance(event, dict):
        return ["the event is not a JSON object"]
    return [*_top(event, known_keys), *_payload(event)]


def change_errors(event: object, known_keys: Collection[str] = ()) -> list[str]:
    """Returns every breach of the contract in one change event.

    Source: https://github.com/PagerDuty/developer-docs, docs/events-API-v2/03-Change-Events.md
    """
    if not isinstance(event, dict):
        return ["the event is not a JSON object"]
    return [*_change(event, known_keys)]


def _change(event: dict[str, Any], known_keys: Collection[str]) -> Iterator[str]:
    for key in sorted(event.keys() - _CHANGE_KEYS):
        yield f"unknown key '{key}'"
    yield from _routing_key(event, known_keys)
    if str(event.get("routing_key")).startswith("R"):
        yield "'routing_key' is of a ruleset, which takes no change events"
    yield from _items(event, "links", "href", frozenset(("href", "text")))
    payload = event.get("payload")
    if not isinstance(payload, dict):
        yield "'payload' is missing or not an object"
        return
    for key in sorted(payload.keys() - _CHANGE_PAYLOAD_KEYS):
        yield f"unknown key 'payload.{key}'"
    yield from _string(payload, "summary", LONGEST_SUMMARY, "payload.")
    if "source" in payload:
        yield from _string(payload, "source", None, "payload.")
    yield from _free(payload)


def _top(event: dict[str, Any], known_keys: Collection[str]) -> Iterator[str]:
    for key in sorted(event.keys() - _TOP_KEYS):
        yield f"unknown key '{key}'"
    yield from _routing_key(event, known_keys)
    action = event.get("event_action")
    if action not in ACTIONS:
        yield f"'event_action' must be one of {', '.join(ACTIONS)}"
    if "dedup_key" in event or action in ACTIONS[1:]:
        yield from _string(event, "dedup_key", LONGEST_DEDUP_KEY)
    if "client" in event:
        yield from _string(event, "client")
    if "client_url" in event:
        yield from _url(event, "client_url")
    yield from _items(event, "links", "href", frozenset(("href", "text")))
    yield from _items(event, "images", "src", frozenset(("src", "href", "alt")))


def _routing_key(event: dict[str, Any], known_keys: Collection[str]) -> Iterator[str]:
    routing_key = event.get("routing_key")
    if not isinstance(routing_key, str) or not routing_key:
        yield "'routing_key' is missing or blank"
    elif len(routing_key) != 32 and routing_key not in known_keys:
        yield "Length of 'routing_key' is incorrect (should be 32 characters)"


def _payload(event: dict[str, Any]) -> Iterator[str]:
    is_trigger = event.get("event_action") == "trigger"
    if "payload" not in event and not is_trigger:
        return
    payload = event.get("payload")
    if not isinstance(payload, dict):
        yield "'payload' is missing or not an object"
        return
    for key in sorted(payload.keys() - _PAYLOAD_KEYS):
        yield f"unknown key 'payload.{key}'" + (" (it belongs at the top level)" if key in _TOP_KEYS else "")
    if is_trigger or "summary" in payload:
        yield from _string(payload, "summary", LONGEST_SUMMARY, "payload.")
    if is_trigger or "source" in payload:
        yield from _string(payload, "source", None, "payload.")
    if (is_trigger or "severity" in payload) and payload.get("severity") not in SEVERITIES:
        yield f"'payload.severity' must be one of {', '.join(SEVERITIES)}"
    for key in ("component", "group", "class"):
        if not isinstance(payload.get(key, ""), str):
            yield f"'payload.{key}' is not a string"
    yield from _free(payload)


def _free(payload: dict[str, Any]) -> Iterator[str]:
    if "timestamp" in payload and not _is_time(payload["timestamp"]):
        yield "'payload.timestamp' is not an ISO 8601 date and time"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' is not an object"


def _string(holder: dict[str, Any], key: str, longest: int | None = None, at: str = "") -> Iterator[str]:
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        yield f"'{at}{key}' is missing or blank"
    elif longest is not None and len(value) > longest:
        yield f"'{at}{key}' has {len(value)} characters (at most {longest})"


def _items(event: dict[str, Any], key: str, required: str, keys: frozenset[str]) -> Iterator[str]:
    items = event.get(key, [])
    if not isinstance(items, list):
        yield f"'{key}' is not a list"
        return
    for index, item in enumerate(items):
        at = f"{key}[{index}]."
        if not isinstance(item, dict):
            yield f"'{key}[{index}]' is not an object"
            continue
        for unknown in sorted(item.keys() - keys):
            yield f"unknown key '{at}{unknown}'"
        for name in sorted(keys & (item.keys() | {required})):
            yield from (_url if name in ("src", "href") else _string)(item, name, at=at)
        # "This image must be served via HTTPS."
        if key == "images" and not str(item.get("src")).startswith("https://"):
            yield f"'{at}src' is not served via HTTPS"


def _url(holder: dict[str, Any], key: str, *, at: str = "") -> Iterator[str]:
    value = holder.get(key)
    if not isinstance(value, str) or not _is_url(value):
        yield f"'{at}{key}' is not a URL"


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or "T" not in value:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
