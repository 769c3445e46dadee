"""Inhibition: which alerts keep others from being told.

Source: https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings
"""

from __future__ import annotations

import hashlib
from typing import Self

from pydantic import Field, PrivateAttr, model_validator

from alerts.matchers import Matcher
from config.base import Expressions, MatcherList, Settings, all_matchers


class InhibitRule(Settings):
    """While a source fires, no target with the same values of the labels in `equal` is told.

    Attributes:
        name: how people call it.
        equal: labels that both must have the same value of; one that is missing is empty.
    """

    name: str = ""
    source_matchers: MatcherList = ()
    source_match: dict[str, str] = Field(default_factory=dict)
    source_match_re: Expressions = Field(default_factory=dict)
    target_matchers: MatcherList = ()
    target_match: dict[str, str] = Field(default_factory=dict)
    target_match_re: Expressions = Field(default_factory=dict)
    equal: tuple[str, ...] = ()

    _sources: tuple[Matcher, ...] = PrivateAttr(default=())
    _targets: tuple[Matcher, ...] = PrivateAttr(default=())
    _id: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _compile(self) -> Self:
        if "" in self.equal:
            raise ValueError("equal holds an empty label name")
        self._sources = all_matchers(self.source_match, self.source_match_re, self.source_matchers)
        self._targets = all_matchers(self.target_match, self.target_match_re, self.target_matchers)
        said = (sorted(map(str, self._sources)), sorted(map(str, self._targets)), sorted(set(self.equal)))
        self._id = hashlib.sha256(ascii(said).encode()).hexdigest()[:16]
        return self

    @property
    def sources(self) -> tuple[Matcher, ...]:
        """What an alert meets that is a source."""
        return self._sources

    @property
    def targets(self) -> tuple[Matcher, ...]:
        """What an alert meets that is a target."""
        return self._targets

    @property
    def id(self) -> str:
        """16 hex digits that are another rule's only where it means the same, whatever it is called."""
        return self._id
