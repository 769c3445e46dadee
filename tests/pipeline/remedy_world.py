"""Things that a rule may touch, and a rule that does: how it goes, and what is known of it, is the test's to say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from actions._remedy import RemedyAction
from alerts.model import Alert
from alerts.remediation import NotPerformed, NotProposed, Performed, Proposal, Ready, Target
from building import action_settings
from config.environment import Environment
from config.load import load
from config.remediation import RemedySettings
from config.schema import Configuration

RULE = "fix/fix/0"
YAML = """
web:
  slack_signing_secret: of-tests-alone
  auth: {{alert: {{tokens: [token-of-alertmanager]}}, change: {{tokens: [token-of-operators-1]}}}}
route:
  receiver: {root}
  routes: [{{receiver: fix, matchers: ['fixable="yes"'], continue: true}}, {{receiver: on-call}}]
receivers:
- name: on-call
  log_configs: [{{send_resolved: true}}]
- name: fix
  fix_configs:
  - {rule}
{more}
"""
OPEN = (
    "{dry_run: false, namespaces: [shop], kinds: [Deployment], names: ['*'],"
    " settle: 1s, verify_after: 5s, max_targets: 3}"
)


class FixSettings(RemedySettings):
    """A rule of a kind that only tests have."""

    example: ClassVar[Mapping[str, Any]] = {"namespaces": ["shop"]}


def configuration(folder: Path, rule: str = OPEN, more: str = "", root: str = "on-call") -> Configuration:
    """Loads a configuration with such a rule, as the service does its own."""
    path = folder / "config.yaml"
    path.write_text(YAML.format(rule=rule, more=more, root=root))
    return load(
        path,
        Environment({}),
        actions={**action_settings(), "fix": FixSettings},
        enrichers={},
        read_query=lambda query: None,
        try_template=lambda template: None,
    )


@dataclass
class Thing:
    """One target: its version changes with every write; a write of another version is refused.

    Attributes:
        touched: when, by the world's own clock.
        by: the tokens of what changed it, the last one last.
    """

    version: int = 1
    touched: list[float] = field(default_factory=list)
    by: list[str] = field(default_factory=list)


class World:
    """All things, by their keys, and a clock that nobody sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.things: dict[str, Thing] = {}
        self.lock = threading.Lock()

    def thing(self, target: Target) -> Thing:
        """Returns one."""
        return self.things.setdefault(target.key, Thing())

    def write(self, target: Target, version: int, token: str) -> bool:
        """Changes one, unless it has changed since."""
        with self.lock:
            thing = self.thing(target)
            if thing.version != version:
                return False
            thing.version += 1
            thing.touched.append(self.now)
            thing.by.append(token)
            return True

    @property
    def touched(self) -> list[str]:
        """The keys of what was changed, as often as it was."""
        return [key for key, thing in sorted(self.things.items()) for _ in thing.touched]


class Fix(RemedyAction):
    """Does what its world lets it do.

    Attributes:
        proposing: called with an alert before anything is proposed; may raise.
        performing: called before the write; may raise.
        answering: called after it; may raise.
        readiness: what is said of a target.
        notes: what was left with the targets.
        instead: the deployment that is found, whatever the label says.
        last: what was performed last, or was to be.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.proposing: Callable[[Alert], Any] = lambda alert: None
        self.performing: Callable[[], Any] = lambda: None
        self.answering: Callable[[], Any] = lambda: None
        self.readiness = Ready(True, "it is ready")
        self.notes: list[str] = []
        self.proposed = 0
        self.instead = ""
        self.last: Proposal

    def propose(self, alert: Alert, deadline_seconds: float) -> Proposal:
        """Finds the deployment that a label names."""
        self.proposed += 1
        self.proposing(alert)
        name = self.instead or alert.labels.get("deployment", "")
        if not name:
            raise NotProposed("it names no deployment")
        target = Target("Deployment", name, alert.labels.get("namespace", "shop"))
        version = self.world.thing(target).version
        return Proposal("fix", target, f"fix {target.text}", {"version": version}, {"version": version})

    def perform(self, proposal: Proposal, alert: Alert, token: str, deadline_seconds: float) -> Performed:
        """Writes."""
        self.last = proposal
        self.performing()
        if not self.world.write(proposal.target, proposal.request["version"], token):
            raise NotPerformed("it has changed meanwhile", in_doubt=False)
        self.answering()
        return Performed("taken", {"version": proposal.request["version"] + 1})

    def happened(self, proposal: Proposal, token: str, deadline_seconds: float) -> Performed | None:
        """Looks at the last write."""
        self.performing()
        thing = self.world.thing(proposal.target)
        if thing.by[-1:] == [token]:
            return Performed("found", {"version": thing.version})
        if thing.version != proposal.request["version"]:
            raise NotPerformed("something else has changed it since", in_doubt=True)
        return None

    def ready(self, proposal: Proposal, performed: Performed, deadline_seconds: float) -> Ready:
        """Says what it is told to."""
        return self.readiness

    def note(self, proposal: Proposal, text: str, token: str, at: datetime, deadline_seconds: float) -> str:
        """Keeps it."""
        self.notes.append(text)
        return ""
