"""A storm: many groups at once, from the first webhook until the last of their events is at the sink."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks._alerts import Kind
from benchmarks._load import Loaded, Order, load
from benchmarks._sink import Seen, SinkProcess

_WARM_UP = 100
_QUIET_SECONDS = 20.0
# How long one waits for what may come twice.
_AFTERMATH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of one.

    Attributes:
        groups: how many there were.
    """

    groups: int
    loaded: Loaded
    seen: Seen

    @property
    def seconds(self) -> float:
        """From the first webhook to the last event of a group of which none had come."""
        return self.seen.last_at - self.loaded.begun_at

    @property
    def missing(self) -> int:
        """Groups of which no event came."""
        return self.groups - self.seen.keys


def storm(url: str, kind: Kind, run: str, sink: SinkProcess, groups: int, alerts: int = 1) -> Storm:
    """Makes one, after a small one that is not counted.

    Args:
        run: what tells its groups from those of other storms.
        alerts: of each group, in one request.
    """
    for name, count in ((f"warm-{run}", min(_WARM_UP, groups)), (run, groups)):
        sink.reset()
        loaded = load(Order(url, kind, name, count=count, alerts=alerts))
        sink.wait_for(count, _QUIET_SECONDS)
    time.sleep(_AFTERMATH_SECONDS)
    return Storm(groups, loaded, sink.seen())
