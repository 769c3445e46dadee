"""Why an alert goes where it goes: each route that was tried, and each rule that was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.model import AlertGroup
from config.schema import Route
from routing.grouping import group_key
from routing.inhibit import Sources
from routing.intervals import muted
from routing.rules import Rules

_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Tried:
    """A route that was tried.

    Attributes:
        path: where it stands: "route.routes[1]".
        failing: the matchers that were not met, each with what is there instead; it is taken when there are none.
        receiver: its own or the nearest one above it.
        told: whether its receiver is told: it is taken, and none of its children is.
        muted: why it tells nobody now, in words; "" when it may.
        children: those of its children that were tried.
    """

    path: str
    matchers: tuple[str, ...]
    failing: tuple[str, ...]
    receiver: str
    group_by: tuple[str, ...] | None
    told: bool = False
    muted: str = ""
    children: tuple[Tried, ...] = ()

    @property
    def taken(self) -> Iterator[Tried]:
        """The routes whose receivers are told, in the tree's order."""
        if self.told:
            yield self
        for child in self.children:
            yield from child.taken

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        said: dict[str, Any] = {
            "route": self.path,
            "matchers": list(self.matchers),
            "matched": not self.failing,
            "failing": list(self.failing),
            "receiver": self.receiver,
            "told": self.told,
        }
        if self.muted:
            said["muted"] = self.muted
        return {**said, "routes": [each.document() for each in self.children]}


def trace(rules: Rules, labels: Mapping[str, str], now: datetime) -> Tried:
    """Walk the tree as `take` does, and say of each route that was tried why it was taken or not."""
    return _tried(rules, rules.root, labels, now, "route", "", None)


def _tried(
    rules: Rules,
    route: Route,
    labels: Mapping[str, str],
    now: datetime,
    path: str,
    receiver: str,
    group_by: tuple[str, ...] | None,
) -> Tried:
    receiver, group_by = route.receiver or receiver, route.group_by or group_by
    matchers = tuple(map(str, route.conditions))
    failing = tuple(_failing(route, labels))
    if failing:
        return Tried(path, matchers, failing, receiver, group_by)
    children = []
    for at, child in enumerate(route.routes):
        children.append(_tried(rules, child, labels, now, f"{path}.routes[{at}]", receiver, group_by))
        if not children[-1].failing and not child.continue_:
            break
    told = all(child.failing for child in children)
    mute = muted(route, rules.intervals, now) if told else ""
    return Tried(path, matchers, (), receiver, group_by, told, mute, tuple(children))


def _failing(route: Route, labels: Mapping[str, str]) -> Iterator[str]:
    for matcher in route.conditions:
        if not matcher.matches(labels):
            value = labels.get(matcher.name, "")
            yield f"{matcher}: it is {value[:_LONGEST_VALUE]!r}" if value else f"{matcher}: there is no such label"


def looked_at(rules: Rules, labels: Mapping[str, str], sources: Sources) -> list[dict[str, Any]]:
    """The rules of inhibition that an alert is a target of, in their order, each with the source that fires, if any.

    Args:
        sources: those that fire, of the alert's own scopes at least.
    """
    return [
        {"rule": rules.inhibition.named(at), "source": sources.get(scope)}
        for at, scope in rules.inhibition.looked_at(labels)
    ]


def in_group(tried: Tried, group: AlertGroup, at: int) -> tuple[Tried, ...]:
    """The routes by which an alert is told in this group: of one that was made here, those that make it.

    Args:
        at: the alert's place in the group.
    """
    alert = group.alerts[at]
    return tuple(each for each in tried.taken if not group.bare or group_key(each.group_by, alert) == group.group_key)
