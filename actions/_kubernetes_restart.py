"""Restart: a rollout of the same again, as `kubectl rollout restart` does it.

Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_rollout/kubectl_rollout_restart/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from actions._kubernetes_api import Api, Document
from actions._kubernetes_patching import Change, decided_on, patch, thing_of, written
from actions._kubernetes_readiness import readiness
from actions._kubernetes_settings import Settings
from actions._kubernetes_target import workload
from actions._kubernetes_thing import Thing, number, text
from actions._plain import plain
from alerts.model import Alert
from alerts.remediation import NotProposed, Performed, Proposal, Ready

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_MAX_REVISION = 20
REVISION = "deployment.kubernetes.io/revision"


class Restart:
    """Has all pods of a workload made anew, one after the other by its own strategy."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def propose(self, api: Api, alert: Alert) -> Proposal:
        """The same template with another annotation."""
        found = workload(api, alert, "restart")
        refuse_what_rolls_nothing(found, "restart")
        return Proposal(
            "restart",
            found.target,
            f"restart {found.target.text}{_of_so_many(found)}",
            {"revision": revision(found)},
            {"uid": found.uid, "of": decided_on(found)},
        )

    def perform(self, api: Api, proposal: Proposal, token: str) -> Performed:
        """Annotate the template."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        template = {"metadata": {"annotations": {RESTARTED_AT: now}}}
        thing, answer = patch(api, proposal.request["of"], token, lambda _: Change({"spec": {"template": template}}))
        return rolled(thing, answer, proposal, "restarts")

    def happened(self, api: Api, proposal: Proposal, token: str) -> Performed | None:
        """By our token."""
        thing = written(api, proposal.request["of"], token)
        return rolled(thing, None, proposal, "restarts") if thing else None

    def ready(self, api: Api, proposal: Proposal, performed: Performed) -> Ready:
        """Whether it is rolled out."""
        return rolled_out(api, proposal.request["of"], performed)


def refuse_what_rolls_nothing(thing: Thing, verb: str) -> None:
    """Refuse where a change of the template would have no pod made anew.

    Raises:
        NotProposed: with why.
    """
    named = thing.target.text
    if thing.kind == "Deployment" and thing.spec.get("paused") is True:
        raise NotProposed(f"{named} is paused: nothing of it is rolled out until somebody resumes it")
    if text(thing.spec, "updateStrategy", "type") == "OnDelete":
        raise NotProposed(f"{named} has the update strategy OnDelete: a {verb} would have no pod made anew")
    if thing.kind != "DaemonSet" and not thing.replicas:
        raise NotProposed(f"{named} is scaled to 0: there is nothing to {verb}")


def revision(thing: Thing) -> str:
    """Which of its templates a workload has; of a DaemonSet nothing but the generation tells."""
    if thing.kind == "Deployment":
        return plain(text(thing.annotations, REVISION), _MAX_REVISION)
    return text(thing.status, "updateRevision") or f"generation {thing.generation}"


def rolled(thing: Thing, answer: Document | None, proposal: Proposal, how: str) -> Performed:
    """What a change of the template comes to.

    Args:
        thing: as it was right before, or where there is no answer as it is with the change.
    """
    said = number(answer, "metadata", "generation") if answer else 0
    generation = said or (thing.generation if answer is None else thing.generation + 1)
    after: dict[str, Any] = {"generation": generation}
    before = str(proposal.before.get("revision", ""))
    if thing.kind == "Deployment" and before.isascii() and before.isdigit():
        # Its controller counts on from the last.
        after["revision"] = str(int(before) + 1)
    return Performed(f"{thing.target.text} {how}", after)


def rolled_out(api: Api, decided: Mapping[str, Any], performed: Performed) -> Ready:
    """Whether a change of the template has reached all pods.

    Raises:
        ApiError: that cannot be known.
    """
    thing = thing_of(api, decided)
    if thing.uid != decided["uid"]:
        return Ready(None, f"{thing.target.text} is another by now")
    return readiness(thing, number(performed.after, "generation"))


def _of_so_many(thing: Thing) -> str:
    many = number(thing.status, "desiredNumberScheduled") if thing.kind == "DaemonSet" else thing.replicas
    return f" ({many} {'pod' if many == 1 else 'pods'})"
