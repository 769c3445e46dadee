"""Rollback: the template of the revision before, as `kubectl rollout undo` does it.

A Deployment's templates are in its ReplicaSets, those of others in ControllerRevisions. A template may hold what is
secret, so a proposal keeps only what tells it from others.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-back-a-deployment
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actions._kubernetes_api import STRATEGIC_MERGE_PATCH, Api, ApiError, Document
from actions._kubernetes_patching import Change, decided_on, patch, written
from actions._kubernetes_resources import place
from actions._kubernetes_restart import RESTARTED_AT, REVISION, refuse_what_rolls_nothing, rolled, rolled_out
from actions._kubernetes_settings import Settings
from actions._kubernetes_target import workload
from actions._kubernetes_thing import Thing, digest, fetched, mapping, number, text
from alerts.model import Alert
from alerts.remediation import NotPerformed, NotProposed, Performed, Proposal, Ready

_HASH = "pod-template-hash"
_CONTROLLED_BY = "ControllerRevision"


@dataclass(frozen=True, slots=True)
class _Revision:
    """A template that a workload had.

    Attributes:
        held: the ReplicaSet or the ControllerRevision that has it.
    """

    number: int
    held: Thing
    template: Document


class Rollback:
    """Gives a workload the template that it had before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def propose(self, api: Api, alert: Alert) -> Proposal:
        """The revision before the one that is now."""
        found = workload(api, alert, "rollback")
        named = found.target.text
        if found.owner is not None:
            raise NotProposed(f"{named} is run by {found.owner.text}, which would put it back")
        refuse_what_rolls_nothing(found, "rollback")
        if number(found.status, "observedGeneration") < found.generation:
            raise NotProposed(f"{named}: its controller has not seen its last change yet", later=True)
        now, before = _two_last(found, _revisions(api, found))
        if _same(before.template, mapping(found.spec, "template")):
            raise NotProposed(
                f"{named} was only restarted since revision {before.number}: the one before it is no other"
            )
        return Proposal(
            "rollback",
            found.target,
            f"roll {named} back from revision {now.number} to {before.number}",
            {"revision": str(now.number), "back_to": str(before.number)},
            {
                "uid": found.uid,
                "of": decided_on(found),
                "from": {"kind": before.held.kind, "name": before.held.name, "uid": before.held.uid},
                "template": digest(before.template),
                "revision": before.number,
            },
        )

    def perform(self, api: Api, proposal: Proposal, token: str) -> Performed:
        """Replace the template by what the revision has."""
        said = proposal.request["from"]
        held = fetched(api, said["kind"], proposal.target.namespace, said["name"])
        template = _template(held)
        if held.uid != said["uid"] or digest(template) != proposal.request["template"]:
            raise NotPerformed("the revision to go back to is another by now", in_doubt=False)
        # As the controllers write it themselves: https://github.com/kubernetes/design-proposals-archive (history)
        change = Change({"spec": {"template": {**template, "$patch": "replace"}}}, STRATEGIC_MERGE_PATCH)
        thing, answer = patch(api, proposal.request["of"], token, lambda _: change)
        return _performed(thing, answer, proposal)

    def happened(self, api: Api, proposal: Proposal, token: str) -> Performed | None:
        """By our token."""
        thing = written(api, proposal.request["of"], token)
        return _performed(thing, None, proposal) if thing else None

    def ready(self, api: Api, proposal: Proposal, performed: Performed) -> Ready:
        """Whether it is rolled out."""
        return rolled_out(api, proposal.request["of"], performed)


def _revisions(api: Api, of: Thing) -> Sequence[_Revision]:
    """The templates that there still are, the oldest first."""
    kind = "ReplicaSet" if of.kind == "Deployment" else _CONTROLLED_BY
    chosen = {"labelSelector": _selector(mapping(of.spec, "selector"))}
    found = []
    for each in api.items(place(kind, of.namespace), chosen):
        held = Thing(kind, of.namespace, text(each, "metadata", "name"), each)
        if held.owner is None or held.owner.uid != of.uid:
            continue
        place(kind, held.namespace, held.name)
        number_of = _number(held)
        if number_of > 0:
            found.append(_Revision(number_of, held, _template(held)))
    return sorted(found, key=lambda each: each.number)


def _two_last(of: Thing, revisions: Sequence[_Revision]) -> tuple[_Revision, _Revision]:
    if len(revisions) < 2:
        raise NotProposed(f"{of.target.text} has no previous revision")
    before, now = revisions[-2:]
    known = text(of.annotations, REVISION) if of.kind == "Deployment" else text(of.status, "updateRevision")
    is_now = str(now.number) if of.kind == "Deployment" else now.held.name
    if known and known != is_now:
        raise NotProposed(f"{of.target.text}: it is not clear which of its revisions is the present one", later=True)
    if before.number == now.number:
        raise NotProposed(f"{of.target.text} has two revisions {now.number}")
    return now, before


def _number(held: Thing) -> int:
    if held.kind == _CONTROLLED_BY:
        return number(held.document, "revision")
    said = text(held.annotations, REVISION)
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def _template(held: Thing) -> Document:
    """What a revision has, as a workload's template."""
    if held.kind == _CONTROLLED_BY:
        found = dict(mapping(held.document, "data", "spec", "template"))
        found.pop("$patch", None)
        return found
    found = dict(mapping(held.spec, "template"))
    metadata = dict(mapping(found, "metadata"))
    # Its ReplicaSet's own: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
    metadata["labels"] = {key: each for key, each in mapping(metadata, "labels").items() if key != _HASH}
    return {**found, "metadata": metadata}


def _same(one: Document, other: Document) -> bool:
    """Whether two templates differ in nothing but when they were restarted."""
    return _plain(one) == _plain(other)


def _plain(template: Document) -> Document:
    metadata = {key: each for key, each in mapping(template, "metadata").items() if key != "creationTimestamp"}
    annotations = {key: each for key, each in mapping(metadata, "annotations").items() if key != RESTARTED_AT}
    metadata.pop("annotations", None)
    return {**template, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def _selector(selector: Mapping[str, Any]) -> str:
    """A selector as a query has it.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
    """
    terms = [f"{key}={each}" for key, each in mapping(selector, "matchLabels").items()]
    for each in selector.get("matchExpressions") or ():
        key, values = text(each, "key"), ",".join(map(str, each.get("values") or ()))
        terms += {
            "In": [f"{key} in ({values})"],
            "NotIn": [f"{key} notin ({values})"],
            "Exists": [key],
            "DoesNotExist": [f"!{key}"],
        }.get(text(each, "operator"), [])
    if not terms:
        raise ApiError("Kubernetes told of a workload without a selector", status=200)
    return ",".join(terms)


def _performed(thing: Thing, answer: Document | None, proposal: Proposal) -> Performed:
    to = proposal.request["revision"]
    done = rolled(thing, answer, proposal, f"rolls back to what revision {to} was")
    return Performed(done.detail, {**done.after, "as_revision": str(to)})
