"""Scale: more or fewer replicas, within bounds; where an autoscaler says how many, the most that it may say.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ (the scale subresource)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from actions._kubernetes_api import Api, ApiError
from actions._kubernetes_patching import Change, decided_on, patch, thing_of, unchanged, written
from actions._kubernetes_readiness import readiness
from actions._kubernetes_resources import place
from actions._kubernetes_settings import Settings
from actions._kubernetes_target import workload
from actions._kubernetes_thing import Thing, mapping, number, text
from alerts.model import Alert
from alerts.remediation import NotPerformed, NotProposed, Performed, Proposal, Ready

_AUTOSCALER = "HorizontalPodAutoscaler"


class Scale:
    """Changes how many replicas of a Deployment or a StatefulSet there are."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def propose(self, api: Api, alert: Alert) -> Proposal:
        """One number instead of another."""
        found = workload(api, alert, "scale")
        if found.owner is not None:
            raise NotProposed(f"{found.target.text} is run by {found.owner.text}, which says how many")
        if not found.replicas:
            raise NotProposed(f"{found.target.text} is scaled to 0: somebody switched it off")
        autoscaler = _autoscaler(api, found)
        if autoscaler is not None:
            return self._raised(found, autoscaler)
        wanted = self._wanted(found.replicas, found.target.text)
        return Proposal(
            "scale",
            found.target,
            f"scale {found.target.text} from {found.replicas} to {_counted(wanted)}",
            {"replicas": found.replicas},
            {"uid": found.uid, "of": decided_on(found), "replicas": wanted},
        )

    def _raised(self, found: Thing, autoscaler: Thing) -> Proposal:
        named = f"horizontalpodautoscaler {autoscaler.namespace}/{autoscaler.name}"
        if not self._settings.raise_hpa:
            raise NotProposed(f"{named} says how many replicas {found.target.text} has (raise_hpa is not set)")
        if autoscaler.owner is not None:
            by = autoscaler.owner.text
            raise NotProposed(f"{named} is made by {by}, which would put back what is changed")
        most = number(autoscaler.spec, "maxReplicas")
        wanted = self._wanted(most, named)
        return Proposal(
            "scale",
            found.target,
            f"raise the most that {named} may make of {found.target.text} from {most} to {_counted(wanted)}",
            {"replicas": found.replicas, "maxReplicas": most},
            {"uid": found.uid, "of": decided_on(autoscaler), "maxReplicas": wanted},
        )

    def _wanted(self, now: int, named: str) -> int:
        of = self._settings
        least, most = of.min or 1, of.max or 1
        up = of.scales_up
        if up and now >= most:
            raise NotProposed(f"{named} is {_at(now, most)} its max of {most} already")
        if not up and now <= least:
            raise NotProposed(f"{named} is {_at(now, least)} its min of {least} already")
        if of.step is not None:
            wanted = now + of.step
        else:
            scaled = now * (of.factor or 1)
            wanted = max(math.ceil(scaled), now + 1) if up else min(math.floor(scaled), now - 1)
        wanted = min(max(wanted, least), most)
        if (wanted > now) != up:
            # It is beyond the other bound: what would bring it back is the other way.
            raise NotProposed(f"{named} has {now}, which is outside of {least} to {most}")
        return wanted

    def perform(self, api: Api, proposal: Proposal, token: str) -> Performed:
        """Patch the number, and nothing else."""
        decided = proposal.request["of"]
        if "maxReplicas" in proposal.request:
            most = proposal.request["maxReplicas"]
            patch(api, decided, token, lambda _: Change({"spec": {"maxReplicas": most}}))
            return _performed(proposal)
        wanted = proposal.request["replicas"]
        patch(api, decided, token, lambda _: Change({"spec": {"replicas": wanted}}, part="scale", annotated=False))
        return _performed(proposal)

    def happened(self, api: Api, proposal: Proposal, token: str) -> Performed | None:
        """By the number itself: a subresource has no place for our token."""
        decided = proposal.request["of"]
        if "maxReplicas" in proposal.request:
            return _performed(proposal) if written(api, decided, token) else None
        thing = thing_of(api, decided)
        if unchanged(thing, decided):
            return None
        same = thing.uid == decided["uid"] and thing.generation == decided["generation"] + 1
        if same and thing.replicas == proposal.request["replicas"]:
            return _performed(proposal)
        raise NotPerformed(f"{thing.target.text} was changed since, and nothing tells whether by this", in_doubt=True)

    def ready(self, api: Api, proposal: Proposal, performed: Performed) -> Ready:
        """Whether the replicas are there; of an autoscaler whether those are that it wants by now."""
        decided: Mapping[str, Any] = proposal.request["of"]
        thing = thing_of(api, decided)
        if thing.uid != decided["uid"]:
            return Ready(None, f"{thing.target.text} is another by now")
        if "maxReplicas" not in proposal.request:
            if thing.replicas != proposal.request["replicas"]:
                return Ready(False, f"{thing.target.text} is to have {_counted(thing.replicas)} by now")
            return readiness(thing, decided["generation"] + 1)
        most = number(thing.spec, "maxReplicas")
        if most != proposal.request["maxReplicas"]:
            return Ready(False, f"{thing.name} may make {_counted(most)} at most by now")
        are, wanted = number(thing.status, "currentReplicas"), number(thing.status, "desiredReplicas")
        return Ready(are >= wanted, f"{are} of the {wanted} replicas that {thing.name} wants are there")


def _autoscaler(api: Api, of: Thing) -> Thing | None:
    """Which HorizontalPodAutoscaler says how many replicas a workload has.

    Raises:
        ApiError: that cannot be known.
    """
    kind = _AUTOSCALER
    try:
        listed = api.items(place(kind, of.namespace))
    except ApiError as error:
        if error.status != 404:
            raise
        kind = f"{_AUTOSCALER}.v1"
        listed = api.items(place(kind, of.namespace))
    for each in listed:
        named = mapping(each, "spec", "scaleTargetRef")
        if (text(named, "kind"), text(named, "name")) == (of.kind, of.name):
            found = Thing(kind, of.namespace, text(each, "metadata", "name"), each)
            # Checked before it is named anywhere.
            place(kind, found.namespace, found.name)
            return replace(found)
    return None


def _performed(proposal: Proposal) -> Performed:
    after = {key: proposal.request[key] for key in ("replicas", "maxReplicas") if key in proposal.request}
    key, number_of = next(iter(after.items()))
    words = f"{proposal.target.text} is to have {_counted(number_of)}"
    return Performed(words if key == "replicas" else f"{words} at most", after)


def _counted(number_of: int) -> str:
    return f"{number_of} {'replica' if number_of == 1 else 'replicas'}"


def _at(now: int, bound: int) -> str:
    return "at" if now == bound else f"at {now}, beyond"
