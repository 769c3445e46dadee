"""What enrichment finds of an alert: a value, lines of somebody else's, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import units


@dataclass(frozen=True, slots=True)
class Reading:
    """A value an enricher found.

    Attributes:
        name: the enricher's, "memory"; how templates and conditions call it.
        title: how people call it, "memory" or "CPU".
        value: the use now, in `unit`.
        unit: "cores", "bytes", "seconds", "share" or a word of its own.
        at: what moment the value is of.
        query: the PromQL that gave the value, or what asks for it of its alert alone.
        request: what was asked for, in `unit`; None when nothing was, or it is not that kind of value.
        limit: what it may have at most, likewise.
        note: what else is known of it, in a few words: "growing, full in 14m".
        threshold: what the alert's rule holds it against, in `unit`.
        drawn: whether a picture tells more than the value: `query` then was this one value all along.
    """

    name: str
    title: str
    value: float
    unit: str
    at: datetime
    query: str
    request: float | None = None
    limit: float | None = None
    note: str = ""
    threshold: float | None = None
    drawn: bool = False

    @property
    def share(self) -> float | None:
        """The part of the limit that is used, 0 to 1 and above."""
        return self.value / self.limit if self.limit else None

    @property
    def text(self) -> str:
        """The value in words: "0.42 of 0.50 cores (84%), request 0.25 cores; throttled 12% of the time"."""
        request = f", request {units.quantity(self.request, self.unit)}" if self.request else ""
        return "; ".join(filter(None, (f"{self.brief}{request}", self.note)))

    @property
    def brief(self) -> str:
        """The value against its limit: "220 MiB of 256 MiB (86%)"; with no limit the value alone."""
        value = units.quantity(self.value, self.unit)
        if self.share is None or self.limit is None:
            return value
        number = value.removesuffix(f" {self.unit}")
        return f"{number} of {units.quantity(self.limit, self.unit)} ({units.percent(self.share)})"


@dataclass(frozen=True, slots=True)
class Gap:
    """A value that could not be had, and why."""

    name: str
    title: str
    reason: str

    @property
    def text(self) -> str:
        """The reason, for a reader."""
        return self.reason


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A few lines of what somebody else says: a container's log, Kubernetes' events.

    Attributes:
        name: the enricher's, "logs".
        title: how people call it, "log of app".
        lines: as they are to be read, one below the other; few, short, plain, and without secrets.
        at: what moment they were asked for about.
        source: where they come from, as a command that shows more of it; "" where there is none.
    """

    name: str
    title: str
    lines: tuple[str, ...]
    at: datetime
    source: str = ""

    @property
    def text(self) -> str:
        """The lines, for a reader."""
        return "\n".join(self.lines)


Finding = Reading | Gap | Excerpt


def gathered(findings: Iterable[Finding]) -> list[Finding]:
    """Findings as they are shown: the gaps of one reason are one, in the place of the first; excerpts stand behind."""
    shown: dict[object, Finding] = {}
    for number, each in enumerate(findings):
        if not isinstance(each, Gap):
            shown[number] = each
        elif (first := shown.get(each.reason)) is not None:
            shown[each.reason] = replace(first, title=f"{first.title}, {each.title}")
        else:
            shown[each.reason] = each
    return sorted(shown.values(), key=lambda each: isinstance(each, Excerpt))
