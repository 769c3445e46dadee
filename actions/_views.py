"""Alerts and what was found of them as a user's templates name them: nothing that can be changed or does anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, SupportsIndex, overload

from actions._base import briefs
from alerts.findings import Excerpt, Finding, Gap, Reading
from alerts.model import Alert
from alerts.notification import Notification
from alerts.severity import alert_severity
from alerts.target import target
from templating import Labels

_LONGEST_VALUE = 20_000


class Unknown:
    """A number that there is not: written as nothing, false, and neither more nor less than any other."""

    template_kind: ClassVar[str] = "unknown"
    __slots__ = ()

    def __str__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False

    def __float__(self) -> float:
        return float("nan")

    def _none(self, other: object) -> bool:
        return False

    def _unknown(self, other: object) -> Unknown:
        return self

    __lt__ = __le__ = __gt__ = __ge__ = _none
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _unknown
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _unknown

    @property
    def document(self) -> None:
        """As JSON has it."""
        return None


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class FindingView:
    """What one enricher found: a reading, lines, or the reason why there is nothing.

    Attributes:
        name: as conditions call it, "memory".
        title: as people call it, "CPU".
        kind: "reading", "excerpt", "gap", or "" where nothing of that name was looked up.
        text: all of it in words; of a gap nothing.
        gap: of a gap the reason.
    """

    name: str
    title: str = ""
    kind: str = ""
    text: str = ""
    brief: str = ""
    gap: str = ""
    value: float | Unknown = UNKNOWN
    limit: float | Unknown = UNKNOWN
    request: float | Unknown = UNKNOWN
    share: float | Unknown = UNKNOWN
    threshold: float | Unknown = UNKNOWN
    unit: str = ""
    note: str = ""
    at: datetime | None = None
    lines: tuple[str, ...] = ()

    template_kind: ClassVar[str] = "reading"

    def __bool__(self) -> bool:
        return self.kind in ("reading", "excerpt")

    def __str__(self) -> str:
        return self.text

    @property
    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"name": self.name, "title": self.title, "kind": self.kind, "text": self.text or self.gap}


def viewed(finding: Finding) -> FindingView:
    """A finding as templates see it."""
    if isinstance(finding, Gap):
        return FindingView(finding.name, finding.title, "gap", gap=finding.reason)
    if isinstance(finding, Excerpt):
        lines = finding.lines
        return FindingView(finding.name, finding.title, "excerpt", finding.text, at=finding.at, lines=lines)
    return FindingView(
        finding.name,
        finding.title,
        "reading",
        finding.text,
        finding.brief,
        value=finding.value,
        unit=finding.unit,
        note=finding.note,
        at=finding.at,
        limit=_known(finding.limit),
        request=_known(finding.request),
        share=_known(finding.share),
        threshold=_known(finding.threshold),
    )


def _known(number: float | None) -> float | Unknown:
    return UNKNOWN if number is None else number


class Readings:
    """An alert's findings by name; one that there is not is there all the same, and empty.

    Where an enricher found several, the name is its first reading's.
    """

    template_kind: ClassVar[str] = "readings"
    __slots__ = ("_findings",)

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._findings = tuple(findings)

    def __getitem__(self, name: object) -> FindingView:
        named = [each for each in self._findings if each.name == name]
        best = next((each for each in named if isinstance(each, Reading)), named[0] if named else None)
        return FindingView(str(name)) if best is None else viewed(best)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(each.name for each in self._findings))

    def __len__(self) -> int:
        return len(set(self))

    def __contains__(self, name: object) -> bool:
        return any(each.name == name and isinstance(each, Reading) for each in self._findings)

    def __str__(self) -> str:
        return "; ".join(f"{each.title}: {each.text}" for each in self._findings if isinstance(each, Reading))

    @property
    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: self[name].document for name in self}


class AlertView:
    """One alert."""

    template_kind: ClassVar[str] = "alert"
    __slots__ = ("_alert", "_notification")

    def __init__(self, alert: Alert, notification: Notification) -> None:
        self._alert = alert
        self._notification = notification

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.subject)))

    @property
    def labels(self) -> Labels:
        """Its labels."""
        return labels(self._alert.labels)

    @property
    def annotations(self) -> Labels:
        """Its annotations."""
        return labels(self._alert.annotations)

    @property
    def status(self) -> str:
        """Either "firing" or "resolved"."""
        return self._alert.status

    @property
    def firing(self) -> bool:
        """Whether it fires."""
        return self._alert.firing

    @property
    def starts_at(self) -> datetime:
        """When it began."""
        return self._alert.starts_at

    @property
    def ends_at(self) -> datetime | None:
        """When it ended; nothing while it fires."""
        return self._alert.ends_at

    @property
    def generator_url(self) -> str:
        """Where Prometheus shows its expression."""
        return self._alert.generator_url

    @property
    def fingerprint(self) -> str:
        """16 hex digits over its labels."""
        return self._alert.fingerprint

    @property
    def name(self) -> str:
        """Its `alertname`, or "alert"."""
        return cut(self._alert.name)

    @property
    def summary(self) -> str:
        """Its annotation `summary`, else `description`."""
        return cut(self._alert.summary)

    @property
    def severity(self) -> str:
        """One of "critical", "error", "warning" and "info", however its label spells it."""
        return alert_severity(self._alert)

    @property
    def subject(self) -> str:
        """What it is about: "shop/cart-7", an instance, a namespace, or nothing."""
        return cut(target(self._alert).text)

    @property
    def readings(self) -> Readings:
        """What was found of it, by name."""
        return Readings(self._notification.findings.get(self._alert.fingerprint, ()))

    @property
    def findings(self) -> list[FindingView]:
        """What was found of it, in the order in which it is shown."""
        return [viewed(each) for each in self._notification.shown(self._alert)]

    @property
    def briefs(self) -> list[str]:
        """The same in the fewest words, as on the phone: "memory 220 MiB of 256 MiB (86%)"."""
        return briefs(self._notification.told(self._alert))

    @property
    def document(self) -> dict[str, Any]:
        """As JSON has it; the keys are Alertmanager's."""
        return {
            "status": self.status,
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": self.starts_at,
            "endsAt": self.ends_at or datetime.min.replace(tzinfo=self.starts_at.tzinfo),
            "generatorURL": self.generator_url,
            "fingerprint": self.fingerprint,
        }


class AlertsView(tuple[AlertView, ...]):
    """Several alerts."""

    template_kind: ClassVar[str] = "alerts"
    __slots__ = ()

    @overload
    def __getitem__(self, at: SupportsIndex) -> AlertView: ...
    @overload
    def __getitem__(self, at: slice) -> AlertsView: ...
    def __getitem__(self, at: SupportsIndex | slice) -> AlertView | AlertsView:
        found = super().__getitem__(at)
        return AlertsView(found) if isinstance(found, tuple) else found

    @property
    def firing(self) -> AlertsView:
        """Those that fire."""
        return AlertsView(each for each in self if each.firing)

    @property
    def resolved(self) -> AlertsView:
        """Those that are over."""
        return AlertsView(each for each in self if not each.firing)


def labels(pairs: Mapping[str, str]) -> Labels:
    """Labels or annotations; what no message could show whole is cut."""
    if any(len(each) > _LONGEST_VALUE for each in pairs.values()):
        return Labels({name: cut(value) for name, value in pairs.items()})
    return Labels(pairs)


def cut(text: str) -> str:
    """The beginning of a text that no message could show whole."""
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
