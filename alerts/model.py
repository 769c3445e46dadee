"""Alert and AlertGroup: what Alertmanager tells us, in its own words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Status = Literal["firing", "resolved"]

ALONE = "alert:"
"""What the key begins with of a group that was made here of one alert."""
TOGETHER = "group:"
"""And of one that was made of all alerts that share some labels."""

_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert at one moment.

    Attributes:
        fingerprint: 16 hex digits over the labels, the same as Alertmanager's.
        ends_at: None while it fires.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    status: Status
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str
    fingerprint: str

    @property
    def name(self) -> str:
        """The alert's name, or what stands in for one."""
        return self.labels.get("alertname") or "alert"

    @property
    def firing(self) -> bool:
        """Whether it fires."""
        return self.status == "firing"

    @property
    def summary(self) -> str:
        """The one sentence its author wrote, or as near as there is to one."""
        return self.annotations.get("summary") or self.annotations.get("description") or ""


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """One webhook payload: the whole group, not a change to it.

    Attributes:
        group_key: Alertmanager's; for alerts that came without one it is made here.
        receiver: the upstream's receiver, "" for a bare alert.
        external_url: where the upstream is to be seen; shown, never called.
        truncated_alerts: how many more there are than `alerts` holds.
        notification_reason: why the upstream spoke, "" when it does not say.
        bare: its alerts came without a group key, and were put together here.
    """

    group_key: str
    alerts: tuple[Alert, ...]
    group_labels: Mapping[str, str] = field(default_factory=dict)
    common_labels: Mapping[str, str] = field(default_factory=dict)
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    receiver: str = ""
    external_url: str = ""
    truncated_alerts: int = 0
    notification_reason: str = ""
    bare: bool = False

    @property
    def status(self) -> Status:
        """Firing while any of its alerts is."""
        return "firing" if any(alert.firing for alert in self.alerts) else "resolved"

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts that fire, in the payload's order."""
        return tuple(alert for alert in self.alerts if alert.firing)

    @property
    def resolved(self) -> tuple[Alert, ...]:
        """The alerts that are over, in the payload's order."""
        return tuple(alert for alert in self.alerts if not alert.firing)


def group_id(group_key: str) -> str:
    """A group key of any length and any characters in 32 hex digits."""
    return hashlib.sha256(group_key.encode()).hexdigest()[:32]


def fingerprint(labels: Mapping[str, str]) -> str:
    """Hash a label set as Prometheus does: FNV-1a, 64 bits, over the sorted pairs.

    Source: labelSetToFingerprint in https://github.com/prometheus/common/blob/main/model/signature.go
    """
    digest = _FNV_OFFSET
    for name in sorted(labels, key=lambda each: each.encode()):
        for text in (name, labels[name]):
            for byte in (*text.encode(), 0xFF):
                digest = ((digest ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


def common(mappings: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that all of the mappings share."""
    each = iter(mappings)
    shared = dict(next(each, {}))
    for mapping in each:
        shared = {name: value for name, value in shared.items() if mapping.get(name) == value}
    return shared
