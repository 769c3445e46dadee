"""What can be done about a group from its Slack message, and what a click of that says.

Source: https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from alerts.silence import IN_WORDS, Duration

Elements = list[dict[str, Any]]

ACKNOWLEDGE = "acknowledge"
SILENCE = "silence"
CONFIRM = "silence-confirm"
CANCEL = "silence-cancel"
RUN = "remediation-run"
LEAVE = "remediation-leave"

_GROUP_ID = re.compile(r"[0-9a-f]{32}")
_ASKED = re.compile(r"(r[0-9a-f]{20}):([0-9a-f]{16})")
_CHOICE = re.compile(r"(1h|4h|tomorrow):([0-9a-f]{32})(?::([0-9a-f]{16}))?")


@dataclass(frozen=True, slots=True)
class Choice:
    """For how long a group is to be silenced.

    Attributes:
        shown: a hash of the labels that were shown before it was confirmed; "" where none were yet.
    """

    duration: Duration
    group_id: str
    shown: str = ""


def controls(group_id: str, *, silences: bool, taken: bool = False) -> Elements:
    """What stands in a row of buttons while the group fires.

    A menu and no selection for silences: what was selected would go on standing there, whatever came of it.

    Args:
        group_id: as the store has it, 32 hex digits.
        silences: whether an Alertmanager is configured that can be asked for them.
        taken: somebody has taken it over; whoever relieves them may say so.
    """
    made: Elements = [_button(ACKNOWLEDGE, "Acknowledge", group_id, style="" if taken else "primary")]
    if silences:
        options = [_option(f"Silence {words}", f"{duration}:{group_id}") for duration, words in IN_WORDS.items()]
        made.append({"type": "overflow", "action_id": SILENCE, "options": options})
    return made


def confirmation(choice: Choice, shown: str) -> Elements:
    """The buttons below what is to be silenced.

    Args:
        shown: 16 hex digits of the labels that stand there.
    """
    value = f"{choice.duration}:{choice.group_id}:{shown}"
    return [_button(CONFIRM, "Silence", value, style="danger"), _button(CANCEL, "Cancel", choice.group_id)]


def approval(asks: str) -> Elements:
    """The buttons below what somebody is to approve.

    Of several in one message each has an action_id of its own, as Slack wants it.

    Args:
        asks: the remediation's token, and which question it is.
    """
    return [
        _button(f"{RUN}:{asks}", "Run it", asks, style="primary"),
        _button(f"{LEAVE}:{asks}", "Leave it", asks),
    ]


def kind_of(action_id: str) -> str:
    """What a click asks for, whatever it is about."""
    return action_id.partition(":")[0]


def asked_of(value: str) -> tuple[str, str] | None:
    """The token of the remediation that a click is about, and the question that was shown; None where it is neither."""
    match = _ASKED.fullmatch(value)
    return (match[1], match[2]) if match else None


def group_of(value: str) -> str | None:
    """The group that a click of Acknowledge is about; None where it is no group's id."""
    return value if _GROUP_ID.fullmatch(value) else None


def choice_of(value: str) -> Choice | None:
    """What a click of Silence, or of its confirmation, is about; None where it is none of ours."""
    match = _CHOICE.fullmatch(value)
    return Choice(cast(Duration, match[1]), match[2], match[3] or "") if match else None


def _button(action_id: str, text: str, value: str, style: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"type": "button", "action_id": action_id, "text": _plain(text), "value": value}
    return made | ({"style": style} if style else {})


def _option(text: str, value: str) -> dict[str, Any]:
    return {"text": _plain(text), "value": value}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
