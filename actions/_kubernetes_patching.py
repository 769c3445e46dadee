"""A change to a thing that was decided on as it was: not made to what was changed by somebody else since.

Each write names the resourceVersion of a moment before. A status that changes meanwhile, as that of what is in trouble
does all the time, is no reason to give up: the generation and the specification say whether it is wanted otherwise.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from actions._kubernetes_api import MERGE_PATCH, Api, ApiError, Document
from actions._kubernetes_resources import place
from actions._kubernetes_thing import TOKEN_ANNOTATION, Thing, digest, fetched, mapping
from alerts.remediation import NotPerformed

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written.

    Attributes:
        document: the patch, but for what names the version.
        content_type: how it is to be understood.
        part: the subresource that it is of.
        annotated: the thing gets our token with it; a subresource has no place for one.
    """

    document: Mapping[str, Any]
    content_type: str = MERGE_PATCH
    part: str = ""
    annotated: bool = True


def decided_on(thing: Thing) -> dict[str, Any]:
    """What is kept of a thing with a proposal, so that it is known whether it is still the same."""
    return {
        "kind": thing.kind,
        "namespace": thing.namespace,
        "name": thing.name,
        "uid": thing.uid,
        "resourceVersion": thing.version,
        "generation": thing.generation,
        "spec": digest(_wanted(thing)),
    }


def thing_of(api: Api, decided: Mapping[str, Any]) -> Thing:
    """The thing as it is now.

    Raises:
        ApiError: it is gone, or that cannot be known.
    """
    return fetched(api, decided["kind"], decided["namespace"], decided["name"])


def unchanged(thing: Thing, decided: Mapping[str, Any]) -> bool:
    """Whether it is wanted as it was."""
    then = (decided["uid"], decided["generation"], decided["spec"])
    return then == (thing.uid, thing.generation, digest(_wanted(thing)))


def patch(
    api: Api, decided: Mapping[str, Any], token: str, change: Callable[[Thing], Change]
) -> tuple[Thing, Document | None]:
    """Write a change, unless it was written before.

    Returns:
        The thing as it was right before, and the answer; None where it has the token already.

    Raises:
        NotPerformed: it is another by now.
        ApiError: it is not done, or may not be.
    """
    for _ in range(_TRIES):
        thing = thing_of(api, decided)
        if thing.token == token:
            return thing, None
        if not unchanged(thing, decided):
            raise NotPerformed(f"{thing.target.text} was changed meanwhile", in_doubt=False)
        wanted = change(thing)
        metadata: dict[str, Any] = {**mapping(wanted.document, "metadata"), "resourceVersion": thing.version}
        if wanted.annotated:
            metadata["annotations"] = {**mapping(metadata, "annotations"), TOKEN_ANNOTATION: token}
        else:
            metadata["uid"] = thing.uid
        where = place(thing.kind, thing.namespace, thing.name, wanted.part)
        try:
            return thing, api.write("PATCH", where, {**wanted.document, "metadata": metadata}, wanted.content_type)
        except ApiError as error:
            if error.status != 409:
                raise
    raise NotPerformed(f"{thing.target.text} was changed meanwhile, again and again", in_doubt=False)


def written(api: Api, decided: Mapping[str, Any], token: str) -> Thing | None:
    """The thing, if it has our token; None where it is as it was.

    Raises:
        NotPerformed: it is neither.
        ApiError: that cannot be known.
    """
    thing = thing_of(api, decided)
    if thing.uid == decided["uid"] and thing.token == token:
        return thing
    if unchanged(thing, decided):
        return None
    raise NotPerformed(f"{thing.target.text} was changed since, and nothing tells whether by this", in_doubt=True)


def _wanted(thing: Thing) -> Any:
    """What a decision is about: of a node that pods may go there, for its taints come and go by themselves."""
    return thing.spec.get("unschedulable") is True if thing.kind == "Node" else thing.spec
