"""Alert groups whose states change at random, as an Alertmanager tells them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.samples import webhook, wire_alert

_RESOLVES = 0.25
_FLIPS = 0.4


@dataclass(frozen=True, slots=True)
class State:
    """One state of a group, as one webhook tells it.

    Attributes:
        version: counts the group's states from 1.
        posted_at: monotonic seconds, just before it was first posted.
        firing: the names of the alerts that fire.
        resolved: of those that have ended since the state before; an Alertmanager names them once.
    """

    group: str
    version: int
    posted_at: float
    firing: frozenset[str]
    resolved: frozenset[str]

    def payload(self) -> dict[str, Any]:
        """The webhook's body, distinct for each version."""
        alerts = [self._alert(name, "firing") for name in sorted(self.firing)]
        alerts += [self._alert(name, "resolved") for name in sorted(self.resolved)]
        return webhook(*alerts, group_key=f'{{}}:{{group="{self.group}"}}', groupLabels={"group": self.group})

    def _alert(self, name: str, status: str) -> dict[str, Any]:
        alert = wire_alert(name, status, group=self.group, severity="critical")
        alert["annotations"] = {"summary": f"{self.group} state {self.version}", "version": str(self.version)}
        alert["startsAt"] = datetime.now(UTC).isoformat()
        if status == "resolved":
            alert["endsAt"] = datetime.now(UTC).isoformat()
        return alert


def group_name(number: int) -> str:
    """What a group is called, and how the names of its alerts begin: "G07"."""
    return f"G{number:02}"


def next_firing(group: str, size: int, firing: frozenset[str], dice: Random) -> frozenset[str]:
    """Which of a group's alerts fire next; what does not fire at all is told once, so it fires again then."""
    names = [f"{group}A{number}" for number in range(1, size + 1)]
    if not firing:
        return frozenset(dice.sample(names, dice.randint(1, size)))
    if dice.random() < _RESOLVES:
        return frozenset()
    return frozenset(name for name in names if (name in firing) != (dice.random() < _FLIPS))
