"""What is made known of a group that is as it was, as an event's body: its key, and who has taken it over, if so."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from alerts.timeline import Acknowledgement

_ACKNOWLEDGEMENT = TypeAdapter(Acknowledgement)


def rendered(group_key: str, acknowledgement: Acknowledgement | None = None) -> bytes:
    """Write it; `group_of` and `acknowledgement_of` give it back."""
    document: dict[str, Any] = {"groupKey": group_key}
    if acknowledgement is not None:
        document["acknowledgement"] = _ACKNOWLEDGEMENT.dump_python(acknowledgement, mode="json")
    return json.dumps(document, separators=(",", ":")).encode()


def group_of(body: bytes) -> str:
    """The group's key.

    Raises:
        ValueError: it is no such body.
    """
    try:
        return str(json.loads(body)["groupKey"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"names no group: {type(error).__name__}") from None


def acknowledgement_of(body: bytes) -> Acknowledgement | None:
    """Who has taken it over; None where nobody is said to have.

    Raises:
        ValueError: it is no such body.
    """
    try:
        document = json.loads(body)
        return _ACKNOWLEDGEMENT.validate_python(document["acknowledgement"]) if "acknowledgement" in document else None
    except (TypeError, ValidationError) as error:
        raise ValueError(f"is no acknowledgement: {type(error).__name__}") from None
