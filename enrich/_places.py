"""Which pods of the alerts in hand Kubernetes is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import alerts.target
from alerts.model import Alert
from alerts.severity import SEVERITIES, alert_severity
from cluster.names import is_label, is_name
from enrich._base import NoAnswer

# Of one run: each is a few requests.
MOST_PODS = 10


@dataclass(frozen=True, slots=True)
class Place:
    """A pod by its names."""

    namespace: str
    pod: str

    @property
    def text(self) -> str:
        """For people: "pod shop/cart-1"."""
        return f"pod {self.namespace}/{self.pod}"


def places(of: Sequence[Alert]) -> list[Place | NoAnswer | None]:
    """What alerts are about, in their order: a pod, why it is not looked up, or nothing.

    What is over is not looked up any more. Where there are many pods, the worst and newest are.
    """
    found = [_place(alert) for alert in of]
    chosen: set[Place] = set()
    for number in sorted(range(len(of)), key=lambda number: _last(of[number])):
        place = found[number]
        if isinstance(place, Place) and place not in chosen:
            if len(chosen) < MOST_PODS:
                chosen.add(place)
            else:
                found[number] = NoAnswer(f"left out: {MOST_PODS} pods at a time are looked up, the worst and newest")
    return found


def _last(alert: Alert) -> tuple[int, float]:
    """What is looked up last: the least bad and oldest."""
    return SEVERITIES.index(alert_severity(alert)), -alert.starts_at.timestamp()


def _place(alert: Alert) -> Place | NoAnswer | None:
    of = alerts.target.target(alert)
    if not of.pod or not alert.firing:
        return None
    if not of.namespace:
        return NoAnswer(f"the alert has no namespace label, and pod {of.pod[:100]} may be in any")
    if not is_label(of.namespace) or not is_name(of.pod):
        return NoAnswer("the alert's namespace and pod are no names that Kubernetes takes")
    return Place(of.namespace, of.pod)
