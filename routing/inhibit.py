"""Inhibition, as Alertmanager means it: while its source fires, an alert is not told.

Source: https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings and `inhibit/inhibit.go`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from alerts.choosing import Choices
from alerts.matchers import all_match
from config.inhibition import InhibitRule

_Side = Literal["any", "source only"]

Sources = Mapping[str, str]
"""By scope the fingerprint of a source that fires there."""


@dataclass(frozen=True, slots=True)
class Inhibited:
    """Why an alert is not to be told.

    Attributes:
        rule: its name, or its place among the rules: "inhibit_rules[0]".
        source: the fingerprint of one alert that inhibits it.
        scope: where that one was found; while any source fires there, it is inhibited.
    """

    rule: str
    source: str
    scope: str

    @property
    def text(self) -> str:
        """In words."""
        return f"inhibited by {self.rule}, as alert {self.source} fires"


@dataclass(frozen=True, slots=True)
class Inhibition:
    """The rules, made ready once.

    An alert is a source, or looks for one, in scopes: a scope is a rule and the values of the labels in its `equal`,
    hashed, so that who looks finds a source by its scope and no alert has to be compared with all the others. An alert
    that is both a source and a target of a rule is not inhibited by another such, and so not by itself: it looks in a
    scope of sources that are no targets.
    """

    rules: Sequence[InhibitRule] = ()
    _sources: Choices = field(init=False, repr=False, compare=False)
    _targets: Choices = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sources", Choices([rule.sources for rule in self.rules]))
        object.__setattr__(self, "_targets", Choices([rule.targets for rule in self.rules]))

    def source_scopes(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The scopes in which an alert inhibits others while it fires."""
        found = []
        for at in self._sources.meeting(labels):
            rule = self.rules[at]
            found.append(_scope(rule, labels, "any"))
            if not all_match(rule.targets, labels):
                found.append(_scope(rule, labels, "source only"))
        return tuple(found)

    def target_scopes(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The scopes in which a source inhibits an alert."""
        return tuple(scope for _, scope in self.looked_at(labels))

    def inhibited(self, labels: Mapping[str, str], sources: Sources) -> Inhibited | None:
        """Why an alert is not to be told, by the first rule that says so; None when it may be.

        Args:
            sources: those that fire, of the alert's own scopes at least.
        """
        for at, scope in self.looked_at(labels):
            if scope in sources:
                return Inhibited(self.named(at), sources[scope], scope)
        return None

    def named(self, at: int) -> str:
        """What a rule is called."""
        return self.rules[at].name or f"inhibit_rules[{at}]"

    def looked_at(self, labels: Mapping[str, str]) -> Iterator[tuple[int, str]]:
        """The rules that an alert is a target of, by their places, each with the scope of its sources."""
        for at in self._targets.meeting(labels):
            rule = self.rules[at]
            yield at, _scope(rule, labels, "source only" if all_match(rule.sources, labels) else "any")


def _scope(rule: InhibitRule, labels: Mapping[str, str], side: _Side) -> str:
    values = [labels.get(name, "") for name in sorted(set(rule.equal))]
    return hashlib.sha256(ascii((rule.id, side, values)).encode()).hexdigest()[:32]
