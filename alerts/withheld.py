"""Why an alert that fires is not told somewhere for now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Withheld:
    """It is inhibited, or muted: what still fires when that is over is told then.

    Attributes:
        reason: in words: "inhibited by node-down, as alert 0123456789abcdef fires", "muted by weekends".
        scope: where its source was found, while any fires there it is inhibited; None when it is muted.
        again_at: when a mute may be over; None when it never is, or depends on a source.
    """

    reason: str
    scope: str | None = None
    again_at: datetime | None = None
