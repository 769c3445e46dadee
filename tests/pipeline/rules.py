"""A rule whose proposals the test holds, in a configuration whose log action it takes the place of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from actions import RemedyAction
from alerts.model import Alert
from alerts.remediation import NotPerformed, Performed, Proposal, Ready, Target
from config.remediation import RemedySettings
from config.schema import Configuration
from pipeline import Running
from tests.pipeline.parts import configuration

RULED = """
route: {receiver: fix, group_by: [alertname]}
receivers: [{name: fix, log_configs: [{}]}]
"""
DESTINATION = "fix/log/0"
ALLOWED: dict[str, Any] = {"dry_run": False, "namespaces": ["shop"], "kinds": ["Deployment"], "names": ["*"]}


def restart(alert: Alert) -> Proposal:
    """Returns what would be done: the deployment that the alert names is restarted."""
    target = Target("Deployment", alert.labels["deployment"], alert.labels.get("namespace", ""))
    return Proposal("restart", target, f"restart {target.text}", {"replicas": 3})


class Rule(RemedyAction):
    """Proposes as it is told, and does nothing."""

    def __init__(self, proposes: Callable[[Alert], Proposal] = restart) -> None:
        self._proposes = proposes
        self.asked: list[tuple[str, float]] = []

    def propose(self, alert: Alert, deadline_seconds: float) -> Proposal:
        """Proposes."""
        self.asked.append((alert.name, deadline_seconds))
        return self._proposes(alert)

    def perform(self, proposal: Proposal, alert: Alert, token: str, deadline_seconds: float) -> Performed:
        """Fails."""
        raise NotPerformed("nothing is done here", in_doubt=False)

    def happened(self, proposal: Proposal, token: str, deadline_seconds: float) -> Performed | None:
        """Nothing did."""
        return None

    def ready(self, proposal: Proposal, performed: Performed, deadline_seconds: float) -> Ready:
        """Nobody knows."""
        return Ready(None, "nobody looked")

    def note(self, proposal: Proposal, text: str, token: str, at: datetime, deadline_seconds: float) -> str:
        """There is no place for it."""
        return ""


def ruled(folder: Path, rule: Rule, yaml: str = RULED, own_namespace: str = "", **settings: Any) -> Running:
    """Returns what runs with a rule of these settings, beside those that allow it."""
    wanted = RemedySettings.model_validate({**ALLOWED, **settings})
    return Running(_with(configuration(folder, yaml), wanted), {DESTINATION: rule}, own_namespace=own_namespace)


def _with(loaded: Configuration, settings: RemedySettings) -> Configuration:
    (receiver,) = loaded.receivers
    (action,) = receiver.actions
    return replace(loaded, receivers=(replace(receiver, actions=(replace(action, settings=settings),)),))
