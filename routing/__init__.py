"""Who hears of what. Pure: the configuration and the labels in, the receivers out."""

from routing.grouping import group_key, regrouped
from routing.inhibit import Inhibition, Sources
from routing.rules import Hearing, Rules, part, route
from routing.tree import Taken, take

__all__ = ["Hearing", "Inhibition", "Rules", "Sources", "Taken", "group_key", "part", "regrouped", "route", "take"]
