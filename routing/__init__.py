"""Who hears of what. Pure: the configuration and the labels in, the receivers out."""

from routing.grouping import group_key, regrouped
from routing.inhibit import Inhibition, Sources
from routing.intervals import changes_at, muted
from routing.rules import Hearing, Rules, part, route
from routing.trace import Tried, in_group, looked_at, trace
from routing.tree import Taken, take

__all__ = [
    "Hearing",
    "Inhibition",
    "Rules",
    "Sources",
    "Taken",
    "Tried",
    "changes_at",
    "group_key",
    "in_group",
    "looked_at",
    "muted",
    "part",
    "regrouped",
    "route",
    "take",
    "trace",
]
