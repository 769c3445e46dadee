"""An instant vector, Prometheus' answer to a query, with its series found by label in constant time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value.

    Attributes:
        labels: as they are usually called.
        renamed: the labels as Prometheus has them, where these are others.
    """

    labels: Mapping[str, str]
    value: float
    renamed: Mapping[str, str] | None = None

    @property
    def stored(self) -> Mapping[str, str]:
        """The labels as Prometheus has them."""
        return self.labels if self.renamed is None else self.renamed


@dataclass(frozen=True, slots=True)
class Series:
    """One series over a while.

    Attributes:
        values: the second since 1970 and the value; where there is none, there is none of the two.
    """

    labels: Mapping[str, str]
    values: tuple[tuple[float, float], ...]


class Vector:
    """The samples of one answer.

    Attributes:
        at: the moment they are of; None where that is the moment that was asked for.
        warnings: what Prometheus said beside them.
    """

    def __init__(
        self, samples: Iterable[Sample] = (), at: datetime | None = None, warnings: tuple[str, ...] = ()
    ) -> None:
        self.samples = tuple(samples)
        self.at = at
        self.warnings = warnings
        self._shapes: dict[tuple[str, ...], Mapping[tuple[str, ...], Vector]] = {}
        self._indexes: dict[tuple[bool, tuple[str, ...]], dict[tuple[str, ...], list[Sample]]] = {}

    def shapes(self, *besides: str) -> Mapping[tuple[str, ...], Vector]:
        """The samples by the names of their labels, in order; those of `besides` do not count."""
        shapes = self._shapes.get(besides)
        if shapes is None:
            found: dict[tuple[str, ...], list[Sample]] = {}
            for sample in self.samples:
                found.setdefault(tuple(sorted(sample.labels.keys() - set(besides))), []).append(sample)
            shapes = self._shapes[besides] = {names: Vector(samples) for names, samples in found.items()}
        return shapes

    def where(self, **labels: str) -> list[Sample]:
        """The samples with exactly these label values."""
        return self._found(labels, stored=False)

    def stored(self, labels: Mapping[str, str]) -> list[Sample]:
        """The same by the labels as Prometheus has them: those that it was asked by."""
        return self._found(labels, stored=True)

    def _found(self, labels: Mapping[str, str], stored: bool) -> list[Sample]:
        names = tuple(labels)
        index = self._indexes.get((stored, names))
        if index is None:
            # Only when it is whole: an answer may be read by several threads.
            index = self._indexes[stored, names] = self._index(names, stored)
        return index.get(tuple(labels.values()), [])

    def _index(self, names: tuple[str, ...], stored: bool) -> dict[tuple[str, ...], list[Sample]]:
        index: dict[tuple[str, ...], list[Sample]] = {}
        for sample in self.samples:
            labels = sample.stored if stored else sample.labels
            index.setdefault(tuple([labels.get(name, "") for name in names]), []).append(sample)
        return index
