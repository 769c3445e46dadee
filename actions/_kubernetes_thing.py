"""A thing as Kubernetes told of it, read with care: what is missing is empty, and of the wrong kind, too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from actions._kubernetes_api import Api, ApiError, Document
from actions._kubernetes_resources import RESOURCES, place
from actions._plain import plain
from alerts.remediation import Target

_MAX_SHOWN = 120

TOKEN_ANNOTATION = "alert-manager/remediation"
"""By it a write of ours is known again: the annotation has the token of the last one."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What controls a thing."""

    api_version: str
    kind: str
    name: str
    uid: str

    @property
    def text(self) -> str:
        """For people: whoever makes a thing may have written anything there."""
        return plain(f"{self.kind} {self.name}", _MAX_SHOWN)


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of the API; `kind` is one of `RESOURCES`."""

    kind: str
    namespace: str
    name: str
    document: Document

    @property
    def target(self) -> Target:
        """What it is to people and guards."""
        return Target(self.kind.partition(".")[0], self.name, self.namespace)

    @property
    def uid(self) -> str:
        """What tells it from others that had or will have its name."""
        return text(self.document, "metadata", "uid")

    @property
    def version(self) -> str:
        """What changes with whatever changes of it."""
        return text(self.document, "metadata", "resourceVersion")

    @property
    def generation(self) -> int:
        """What counts how often its specification was changed; 0 of what has none."""
        return number(self.document, "metadata", "generation")

    @property
    def spec(self) -> Document:
        """How it is wanted."""
        return mapping(self.document, "spec")

    @property
    def status(self) -> Document:
        """How it is."""
        return mapping(self.document, "status")

    @property
    def replicas(self) -> int:
        """How many are wanted: one, where nothing is said."""
        return number(self.spec, "replicas", otherwise=1)

    @property
    def annotations(self) -> Document:
        """Its annotations."""
        return mapping(self.document, "metadata", "annotations")

    @property
    def token(self) -> str:
        """Of our last write, as far as it is still known."""
        return text(self.annotations, TOKEN_ANNOTATION)

    @property
    def ending(self) -> bool:
        """Whether it is being deleted."""
        return bool(text(self.document, "metadata", "deletionTimestamp"))

    @property
    def owner(self) -> Owner | None:
        """What controls it; what merely owns it beside that does not count."""
        for each in _mappings(mapping(self.document, "metadata").get("ownerReferences")):
            if each.get("controller") is True:
                return Owner(text(each, "apiVersion"), text(each, "kind"), text(each, "name"), text(each, "uid"))
        return None


def fetched(api: Api, kind: str, namespace: str, name: str) -> Thing:
    """Get a thing by its names, which are checked.

    Raises:
        ApiError: it is not there, or that cannot be known.
        NoName: it cannot be called so.
    """
    document = api.get(place(kind, namespace, name))
    found = Thing(kind, namespace if RESOURCES[kind].namespaced else "", name, document)
    if not found.uid or not found.version:
        raise ApiError("Kubernetes answered with something that is not its API's")
    return found


def digest(value: Any) -> str:
    """What tells one specification from another; nothing can be read from it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def mapping(document: Any, *keys: str) -> Document:
    """What stands at a path, where that is a mapping; {} where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def text(document: Any, *keys: str) -> str:
    """Likewise a text, or ""."""
    found = mapping(document, *keys[:-1]).get(keys[-1])
    return found if isinstance(found, str) else ""


def number(document: Any, *keys: str, otherwise: int = 0) -> int:
    """Likewise a whole number."""
    found = mapping(document, *keys[:-1]).get(keys[-1])
    return found if type(found) is int else otherwise


def _mappings(value: Any) -> Iterator[Document]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, Mapping))
