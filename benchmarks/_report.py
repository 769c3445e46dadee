"""Arguments, ratios and what is printed in the end."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours by theirs, run by run: its median, and the least and the most as the noise."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, ours: Sequence[float], others: Sequence[float]) -> Ratio:
        """Compares the runs that followed one another."""
        ratios = [one / other for one, other in zip(ours, others, strict=True)]
        return cls(statistics.median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so many of the values do not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


def milliseconds(values: Sequence[float]) -> dict[str, float]:
    """p50, p99 and the worst of some seconds."""
    found = {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "worst": max(values, default=float("nan"))}
    return {name: round(value * 1000, 2) for name, value in found.items()}


def arguments(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """A parser of what every benchmark takes, and of a few numbers of its own.

    Args:
        defaults: of each option, by its name; its type is the default's.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    for name, default in {"repeats": 3, **defaults}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=f"{default}")
    return parser


def tell(line: str) -> None:
    """What goes on, for the one who waits."""
    print(line, file=sys.stderr, flush=True)


def conclude(name: str, figures: dict[str, Any], targets: dict[str, bool]) -> None:
    """Prints the figures for people, and all of it as one line of JSON in the end."""
    for figure, value in figures.items():
        print(f"{figure:>24}  {value}")
    for target, met in targets.items():
        print(f"{'met' if met else 'MISSED':>24}  {target}")
    plain = {figure: str(value) if isinstance(value, Ratio) else value for figure, value in figures.items()}
    ratios = {
        figure: {"median": value.median, "least": value.least, "most": value.most}
        for figure, value in figures.items()
        if isinstance(value, Ratio)
    }
    print(json.dumps({"benchmark": name, **plain, **ratios, "targets": targets}))
