"""An instant vector, Prometheus' answer to a query, with its series found by label in constant time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value."""

    labels: Mapping[str, str]
    value: float


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
        self._indexes: dict[tuple[str, ...], dict[tuple[str, ...], list[Sample]]] = {}

    def where(self, **labels: str) -> list[Sample]:
        """The samples with exactly these label values."""
        names = tuple(labels)
        index = self._indexes.get(names)
        if index is None:
            # Only when it is whole: an answer may be read by several threads.
            index = self._indexes[names] = self._index(names)
        return index.get(tuple(labels.values()), [])

    def _index(self, names: tuple[str, ...]) -> dict[tuple[str, ...], list[Sample]]:
        index: dict[tuple[str, ...], list[Sample]] = {}
        for sample in self.samples:
            labels = sample.labels
            index.setdefault(tuple([labels.get(name, "") for name in names]), []).append(sample)
        return index
