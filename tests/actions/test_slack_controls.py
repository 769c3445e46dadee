"""The buttons below a Slack message, and what a click of them says."""

import pytest

from actions import slack_controls
from tests.far_sides.slack_blocks import block_errors

GROUP = "0123456789abcdef" * 2
SHOWN = "fedcba9876543210"


def test_acknowledges_a_group() -> None:
    """The button's value is the group's id."""
    (button,) = slack_controls.controls(GROUP, silences=False)
    assert (slack_controls.ACKNOWLEDGE, GROUP) == (button["action_id"], slack_controls.group_of(button["value"]))


def test_silences_a_group() -> None:
    """A menu, whose every option says for how long, and which group."""
    _, menu = slack_controls.controls(GROUP, silences=True)
    assert (slack_controls.SILENCE, "overflow") == (menu["action_id"], menu["type"])
    choices = [slack_controls.choice_of(each["value"]) for each in menu["options"]]
    assert [slack_controls.Choice(each, GROUP) for each in ("1h", "4h", "tomorrow")] == choices
    words = [each["text"]["text"] for each in menu["options"]]
    assert ["Silence for 1 hour", "Silence for 4 hours", "Silence until tomorrow morning"] == words


def test_confirms_what_was_shown() -> None:
    """And nothing else."""
    choice = slack_controls.Choice("4h", GROUP)
    confirm, cancel = slack_controls.confirmation(choice, SHOWN)
    assert (slack_controls.CONFIRM, slack_controls.CANCEL) == (confirm["action_id"], cancel["action_id"])
    assert slack_controls.Choice("4h", GROUP, SHOWN) == slack_controls.choice_of(confirm["value"])


def test_keeps_slacks_limits() -> None:
    """As the loopback Slack judges them."""
    confirmation = slack_controls.confirmation(slack_controls.Choice("tomorrow", GROUP), SHOWN)
    for elements in (slack_controls.controls(GROUP, silences=True), confirmation):
        assert [] == block_errors({"blocks": [{"type": "actions", "elements": elements}]})


@pytest.mark.parametrize(
    "value",
    [
        "",
        GROUP,
        f"2h:{GROUP}",
        f"1h:{GROUP[:-1]}",
        f"1h:{GROUP.upper()}",
        f"1h:{GROUP}:",
        f"1h:{GROUP}:{SHOWN}0",
        f"1h:{GROUP}\n",
        f"1h:{'٠' * 32}",
    ],
)
def test_no_other_value_is_a_choice(value: str) -> None:
    """Of another version, or of somebody else's."""
    assert slack_controls.choice_of(value) is None


@pytest.mark.parametrize("value", ["", GROUP[:-1], GROUP.upper(), f"{GROUP}\n", f"1h:{GROUP}", "٠" * 32])
def test_no_other_value_is_a_group(value: str) -> None:
    """Likewise."""
    assert slack_controls.group_of(value) is None
