"""A house with two receivers, and runs of the service on one database."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from alerts.notification import Notification, Receipt, Thread
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Clock, Recorder, body, make_pipeline, settled
from tests.samples import webhook, wire_alert

RECEIVERS = "receivers: [{name: team, log_configs: [{}]}, {name: boss, log_configs: [{}]}]\n"
RULES = """
inhibit_rules:
- {name: down, source_matchers: [alertname="Down"], target_matchers: [severity="warning"], equal: [node]}
- {name: dark, source_matchers: [alertname="Dark"], target_matchers: [severity="warning"], equal: [node]}
"""
INHIBITED = f"route: {{receiver: team}}\n{RECEIVERS}{RULES}"


class Keeping(Recorder):
    """A recorder that gives back the thread that it gets, as real actions do."""

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends to the list."""
        receipt = super().send(notification, thread, deadline_seconds)
        return replace(receipt, thread=replace(thread, key="key"))


class House:
    """Runs of the service one after the other, or side by side, on one database."""

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        self.folder, self.store, self.clock = folder, store, clock
        self.recorders: dict[str, Recorder] = {name: Keeping() for name in ("team", "boss")}
        self.pipeline: Pipeline

    def built(self, yaml: str = INHIBITED, store: Store | None = None) -> Pipeline:
        """A pipeline that is not started."""
        actions = {f"{name}/log/0": each for name, each in self.recorders.items()}
        self.pipeline = make_pipeline(self.folder, store or self.store, actions, yaml, clock=self.clock)
        return self.pipeline

    def post(self, key: str, *alerts: dict[str, Any], **keys: Any) -> int:
        """Posts a group; returns its event."""
        return self.pipeline.accept(body(webhook(*alerts, group_key=key, **keys)))

    def tell(self, key: str, *alerts: dict[str, Any], **keys: Any) -> list[str]:
        """Posts a group; returns what became of it."""
        return settled(self.pipeline, self.post(key, *alerts, **keys))

    def heard(self, name: str = "team") -> list[str]:
        """What a receiver heard: names that fire, and in small letters those that are over."""
        return [
            " ".join(sorted(each.name if each.firing else each.name.lower() for each in one.group.alerts))
            for one in self.recorders[name].sent
        ]


def fires(name: str, **labels: str) -> dict[str, Any]:
    """An alert that fires at node n; all but "Down" and "Dark" are warnings."""
    severity = {} if name in ("Down", "Dark") else {"severity": "warning"}
    return wire_alert(name, **{"node": "n", **severity, **labels})


def over(name: str, **labels: str) -> dict[str, Any]:
    """The same when it is over."""
    return {**fires(name, **labels), "status": "resolved", "endsAt": "2026-03-02T08:00:00Z"}
