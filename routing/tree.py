"""The routing tree, walked as Alertmanager walks it.

Source: https://prometheus.io/docs/alerting/latest/configuration/#route and `dispatch/route.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.schema import Route


@dataclass(frozen=True, slots=True)
class Taken:
    """A route that an alert takes.

    Attributes:
        receiver: its own or the nearest one above it.
        group_by: likewise; None when none of them says.
        children: those of its children that the alert takes; where there are none, its receiver is told.
    """

    route: Route
    receiver: str
    group_by: tuple[str, ...] | None
    children: tuple[Taken, ...]

    @property
    def told(self) -> Iterator[Taken]:
        """The routes whose receivers are told, in the tree's order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.told

    @property
    def receivers(self) -> Iterator[str]:
        """Who is told; one that several routes lead to is named by each of them."""
        return (taken.receiver for taken in self.told)


def take(root: Route, labels: Mapping[str, str], receiver: str = "", group_by: tuple[str, ...] | None = None) -> Taken:
    """Walk the tree with an alert's labels.

    Depth first; the first child that matches, and those behind it as long as they say `continue`.

    Args:
        receiver: of what is above the root.
        group_by: likewise.
    """
    receiver, group_by = root.receiver or receiver, root.group_by or group_by
    children = []
    for child in root.matching(labels):
        children.append(take(child, labels, receiver, group_by))
        if not child.continue_:
            break
    return Taken(root, receiver, group_by, tuple(children))
