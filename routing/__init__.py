"""Who hears of what. Pure: the configuration and the labels in, the receivers out."""

from routing.tree import Hearing, receivers, route

__all__ = ["Hearing", "receivers", "route"]
