"""What is told of a group beside its state, one thing after the other: its timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Control = Literal["acknowledge", "silence"]
"""What a person may do about a group where it is told."""

EntryKind = Literal["changes", "readings", "acknowledged", "silenced", "remediation", "picture", "refresh"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a timeline.

    Attributes:
        kind: what it is about; a "picture" is told by itself. A "refresh" says nothing: the message of the group's
            state, if there is one, is to show what became known beside.
        text: it in words, plain, of a few lines at most.
        at: when that was.
        loud: it is to be heard: something is new, or worse.
        about: the fingerprints of the alerts that are to be heard of by it.
        mentions: whom it is to reach, in the far side's words, as the user's own texts name them: "<!here>".
        below: the far side's handle of the message that it is about; "" where that is whichever the group has.
        asks: the token of what somebody may approve where it is told, and which question it is; "" for nothing.
        done: it tells of something that was done, and not of what would be, is asked for, or came of it.
    """

    kind: EntryKind
    text: str
    at: datetime
    loud: bool = False
    about: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    below: str = ""
    asks: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has taken a group's alerts over, or had them silenced.

    Attributes:
        by: who, as the far side names them; anybody's text.
        via: where they said so.
        resolved: they closed the incident there, whatever fires.
        silenced_until: until when they had its alerts silenced, where that is what they did.
    """

    by: str
    at: datetime
    via: Literal["slack", "pagerduty"]
    resolved: bool = False
    silenced_until: datetime | None = None

    @property
    def where(self) -> str:
        """Where they said so, as people call it."""
        return {"slack": "Slack", "pagerduty": "PagerDuty"}[self.via]
