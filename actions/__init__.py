"""How somebody is told. One module an action, found by its name; see `_base.py`."""

from actions import _mrkdwn as mrkdwn
from actions import _slack_controls as slack_controls
from actions._base import Action, find, link, subject
from actions._digest import counted
from actions._recorded import try_template
from actions._remedy import Remedy, RemedyAction

__all__ = [
    "Action",
    "Remedy",
    "RemedyAction",
    "counted",
    "find",
    "link",
    "mrkdwn",
    "slack_controls",
    "subject",
    "try_template",
]
