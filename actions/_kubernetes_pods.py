"""Delete and evict: one pod, by its uid, where there is a controller that makes another in its place.

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from actions._kubernetes_api import Api, ApiError, Document
from actions._kubernetes_readiness import readiness
from actions._kubernetes_resources import place
from actions._kubernetes_settings import Settings
from actions._kubernetes_target import pod
from actions._kubernetes_thing import Thing, fetched, text
from actions._plain import plain
from alerts.model import Alert
from alerts.remediation import NotPerformed, NotProposed, Performed, Proposal, Ready

_OWNED = ("ReplicaSet", "StatefulSet", "DaemonSet")


class DeletePod:
    """Deletes a pod."""

    verb: Literal["delete_pod", "evict_pod"] = "delete_pod"
    does = "delete"

    def __init__(self, settings: Settings) -> None:
        self._grace = settings.grace_period

    def propose(self, api: Api, alert: Alert) -> Proposal:
        """The pod, as long as it has its uid."""
        found = pod(api, alert)
        owner = found.owner
        if owner is None:
            raise NotProposed(f"{found.target.text} is run by nothing: nobody would make another one")
        place("Pod", found.namespace, owner.name)
        if owner.kind == "Node":
            raise NotProposed(f"{found.target.text} is a static one, of node {owner.name}: it cannot be deleted here")
        return Proposal(
            self.verb,
            found.target,
            f"{self.does} {found.target.text} of {owner.text}",
            {"uid": found.uid, "node": text(found.spec, "nodeName")},
            {"uid": found.uid, "owner": {"kind": plain(owner.kind, 63), "name": owner.name}, **self._how(api)},
        )

    def perform(self, api: Api, proposal: Proposal, token: str) -> Performed:
        """Delete it, if it still is the same."""
        gone = NotPerformed(f"{proposal.target.text} is gone, or another by now", in_doubt=False)
        if not _still_there(api, proposal, ending=False):
            # Asked first, for evictions try a conflict again for longer than anybody waits for them.
            raise gone
        try:
            self._write(api, proposal, self._options(proposal))
        except ApiError as error:
            if error.status in (404, 409):
                raise gone from None
            raise
        return _performed(proposal)

    def happened(self, api: Api, proposal: Proposal, token: str) -> Performed | None:
        """By the pod itself: one that is gone or going is, whoever had it go; nothing that arrives yet changes more."""
        return None if _still_there(api, proposal, ending=False) else _performed(proposal)

    def ready(self, api: Api, proposal: Proposal, performed: Performed) -> Ready:
        """Whether it is gone, and its controller has what it wants."""
        if _still_there(api, proposal, ending=True):
            return Ready(False, f"{proposal.target.text} is not gone yet")
        owner = proposal.request["owner"]
        if owner["kind"] not in _OWNED:
            return Ready(None, f"it is gone; nothing is known of how {owner['kind']} {owner['name']} is")
        return readiness(fetched(api, owner["kind"], proposal.target.namespace, owner["name"]))

    def _how(self, api: Api) -> Mapping[str, Any]:
        return {}

    def _options(self, proposal: Proposal) -> Document:
        grace = {} if self._grace is None else {"gracePeriodSeconds": math.ceil(self._grace)}
        return {"preconditions": {"uid": proposal.request["uid"]}, **grace}

    def _write(self, api: Api, proposal: Proposal, options: Document) -> None:
        of = place("Pod", proposal.target.namespace, proposal.target.name)
        api.write("DELETE", of, {"apiVersion": "v1", "kind": "DeleteOptions", **options})


class EvictPod(DeletePod):
    """Deletes a pod, if its disruption budget has room for that."""

    verb = "evict_pod"
    does = "evict"

    def _how(self, api: Api) -> Mapping[str, Any]:
        """Which version of the policy API evictions are of: discovery says it, as `kubectl drain` asks.

        Since 1.22 it is policy/v1. A server that has none of it cannot evict.
        """
        resources = api.discover("v1").get("resources")
        for each in resources if isinstance(resources, list) else ():
            if text(each, "name") == "pods/eviction":
                return {"policy": f"{text(each, 'group') or 'policy'}/{text(each, 'version') or 'v1'}"}
        raise NotProposed("Kubernetes takes no evictions there: its API has no pods/eviction")

    def _write(self, api: Api, proposal: Proposal, options: Document) -> None:
        of = proposal.target
        eviction = {
            "apiVersion": proposal.request["policy"],
            "kind": "Eviction",
            "metadata": {"name": of.name, "namespace": of.namespace},
            "deleteOptions": options,
        }
        api.write("POST", place("Pod", of.namespace, of.name, "eviction"), eviction)


def _still_there(api: Api, proposal: Proposal, *, ending: bool) -> bool:
    """Whether the pod is.

    Args:
        ending: one that is being deleted still is.

    Raises:
        ApiError: that cannot be known.
    """
    try:
        thing: Thing = fetched(api, "Pod", proposal.target.namespace, proposal.target.name)
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return thing.uid == proposal.request["uid"] and (ending or not thing.ending)


def _performed(proposal: Proposal) -> Performed:
    return Performed(f"{proposal.target.text} is gone, or going", {"deleted": True})
