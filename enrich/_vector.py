"""An instant vector, Prometheus' answer to a query, with its series found by label in constant time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value."""

    labels: Mapping[str, str]
    value: float


class Vector:
    """The samples of one answer."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self.samples = tuple(samples)
        self._indexes: dict[tuple[str, ...], dict[tuple[str, ...], list[Sample]]] = {}

    def where(self, **labels: str) -> list[Sample]:
        """The samples with exactly these label values."""
        names = tuple(sorted(labels))
        if names not in self._indexes:
            index: dict[tuple[str, ...], list[Sample]] = {}
            for sample in self.samples:
                index.setdefault(tuple(sample.labels.get(name, "") for name in names), []).append(sample)
            self._indexes[names] = index
        return self._indexes[names].get(tuple(labels[name] for name in names), [])
