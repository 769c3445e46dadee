"""How long an alert may not be heard of: longer than the upstream is silent about what goes on."""

from __future__ import annotations

from typing import Any

import units
from config.document import Document, Problem
from config.schema import ConfigFile, Route

# An upstream may be late, or its first reminder be lost.
_SLACK = 1.5


def heeding_repeats(file: ConfigFile, data: dict[str, Any], document: Document) -> tuple[ConfigFile, list[Problem]]:
    """Have `delivery.stale_after`, where it is not set, be longer than any `repeat_interval`.

    Args:
        data: the file as it was read.

    Returns:
        The settings, and what may not be meant.
    """
    repeat_seconds = _longest(file.route)
    delivery = data.get("delivery")
    if isinstance(delivery, dict) and delivery.get("stale_after") is not None:
        if file.delivery.stale_after > repeat_seconds:
            return file, []
        message = (
            f"is no longer than a repeat_interval of {units.duration(repeat_seconds)}: "
            "what goes on would be taken as over before the upstream says so again"
        )
        return file, [document.problem(("delivery", "stale_after"), message)]
    longer = max(file.delivery.stale_after, _SLACK * repeat_seconds)
    settings = file.delivery.model_copy(update={"stale_after": longer})
    return file.model_copy(update={"delivery": settings}), []


def _longest(route: Route) -> float:
    return max([route.repeat_interval or 0.0, *map(_longest, route.routes)])
