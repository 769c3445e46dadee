"""That somebody has taken a group over, as an event's body."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from alerts.timeline import Acknowledgement

_ACKNOWLEDGEMENT = TypeAdapter(Acknowledgement)


def rendered(group_key: str, acknowledgement: Acknowledgement) -> bytes:
    """Write it; `read` gives it back."""
    told: dict[str, Any] = _ACKNOWLEDGEMENT.dump_python(acknowledgement, mode="json")
    return json.dumps({"groupKey": group_key, "acknowledgement": told}, separators=(",", ":")).encode()


def read(body: bytes) -> tuple[str, Acknowledgement]:
    """The group's key, and who has taken it over.

    Raises:
        ValueError: it is no such body.
    """
    try:
        document = json.loads(body)
        return str(document["groupKey"]), _ACKNOWLEDGEMENT.validate_python(document["acknowledgement"])
    except (KeyError, TypeError, ValidationError) as error:
        raise ValueError(f"is no acknowledgement: {type(error).__name__}") from None
