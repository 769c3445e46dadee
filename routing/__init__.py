"""Who hears of what. Pure: the configuration and the labels in, the receivers out."""

from routing.tree import Hearing, Taken, route, take

__all__ = ["Hearing", "Taken", "route", "take"]
