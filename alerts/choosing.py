"""Which of many sets of matchers a label set meets, without trying them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from alerts.matchers import Matcher, all_match


@dataclass(slots=True)
class Choices:
    """Several sets of matchers, made ready once.

    Most matchers name the values that they want (`team="a"`, `team=~"a|b"`): each set is found by one of its own that
    does, the one that fewest others share; only those that have none are tried with each label set.

    Attributes:
        conditions: the sets; an empty one is met by all.
    """

    conditions: Sequence[Sequence[Matcher]]
    _by_value: dict[str, dict[str, list[int]]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _others: list[int] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        shared = Counter((each.name, value) for one in self.conditions for each in one for value in each.literals or ())
        for at, one in enumerate(self.conditions):
            named = [each for each in one if each.literals is not None]
            if not named:
                self._others.append(at)
                continue
            key = min(named, key=lambda each: sum(shared[each.name, value] for value in each.literals or ()))
            for value in key.literals or ():
                self._by_value.setdefault(key.name, {}).setdefault(value, []).append(at)

    def meeting(self, labels: Mapping[str, str]) -> Iterator[int]:
        """The places of the sets that are met, in their order."""
        found = list(self._others)
        for name, by_value in self._by_value.items():
            found += by_value.get(labels.get(name, ""), ())
        for at in sorted(found):
            if all_match(self.conditions[at], labels):
                yield at
