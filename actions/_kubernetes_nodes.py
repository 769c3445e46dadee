"""Cordon and uncordon: whether new pods may go to a node; those that are there stay.

Source: https://kubernetes.io/docs/concepts/architecture/nodes/#manual-node-administration
"""

from __future__ import annotations

from typing import Literal

from actions._kubernetes_api import Api
from actions._kubernetes_patching import Change, decided_on, patch, thing_of, written
from actions._kubernetes_settings import Settings
from actions._kubernetes_target import node
from actions._kubernetes_thing import Thing
from alerts.model import Alert
from alerts.remediation import NotProposed, Performed, Proposal, Ready


class Cordon:
    """Keeps new pods from a node."""

    verb: Literal["cordon", "uncordon"] = "cordon"
    unschedulable = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def propose(self, api: Api, alert: Alert) -> Proposal:
        """The one field."""
        found = node(api, alert)
        if _unschedulable(found) is self.unschedulable:
            raise NotProposed(f"{found.target.text} is {_how(self.unschedulable)} already")
        return Proposal(
            self.verb,
            found.target,
            f"{self.verb} {found.target.text}",
            {"unschedulable": _unschedulable(found)},
            {"uid": found.uid, "of": decided_on(found)},
        )

    def perform(self, api: Api, proposal: Proposal, token: str) -> Performed:
        """Patch it."""
        change = Change({"spec": {"unschedulable": self.unschedulable}})
        thing, _ = patch(api, proposal.request["of"], token, lambda _: change)
        return self._performed(thing)

    def happened(self, api: Api, proposal: Proposal, token: str) -> Performed | None:
        """By our token."""
        thing = written(api, proposal.request["of"], token)
        return self._performed(thing) if thing else None

    def ready(self, api: Api, proposal: Proposal, performed: Performed) -> Ready:
        """Whether it still is so."""
        thing = thing_of(api, proposal.request["of"])
        is_so = thing.uid == proposal.request["uid"] and _unschedulable(thing) is self.unschedulable
        return Ready(is_so, f"{thing.target.text} is {_how(_unschedulable(thing))}")

    def _performed(self, thing: Thing) -> Performed:
        words = f"{thing.target.text} is {_how(self.unschedulable)}"
        return Performed(words, {"unschedulable": self.unschedulable})


class Uncordon(Cordon):
    """Lets new pods go to a node again."""

    verb = "uncordon"
    unschedulable = False


def _unschedulable(thing: Thing) -> bool:
    return thing.spec.get("unschedulable") is True


def _how(unschedulable: bool) -> str:
    return "cordoned" if unschedulable else "not cordoned"
