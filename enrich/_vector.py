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
        names = tuple(sorted(labels))
        index = self._indexes.get(names)
        if index is None:
            index = {}
            for sample in self.samples:
                index.setdefault(tuple(sample.labels.get(name, "") for name in names), []).append(sample)
            # Only when it is whole: an answer may be read by several threads.
            self._indexes[names] = index
        return index.get(tuple(labels[name] for name in names), [])
