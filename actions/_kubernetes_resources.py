"""What of Kubernetes' API is asked for and written: where it stands there, by names that are checked first.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actions._plain import plain
from cluster.names import is_label, is_name

_MAX_SHOWN = 80


class NoName(Exception):
    """A namespace or a name that Kubernetes would not take, so that no URL is made of it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of things.

    Attributes:
        group: of the API; "" is the core's.
        plural: how URLs and RBAC call it.
        namespaced: whether each is in a namespace.
    """

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As documents have it: "apps/v1", "v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version


RESOURCES: Mapping[str, Resource] = {
    "Pod": Resource("", "v1", "pods"),
    "Node": Resource("", "v1", "nodes", namespaced=False),
    "Event": Resource("", "v1", "events"),
    "Deployment": Resource("apps", "v1", "deployments"),
    "ReplicaSet": Resource("apps", "v1", "replicasets"),
    "StatefulSet": Resource("apps", "v1", "statefulsets"),
    "DaemonSet": Resource("apps", "v1", "daemonsets"),
    "ControllerRevision": Resource("apps", "v1", "controllerrevisions"),
    "HorizontalPodAutoscaler": Resource("autoscaling", "v2", "horizontalpodautoscalers"),
    # Before 1.23 there is no v2: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
    "HorizontalPodAutoscaler.v1": Resource("autoscaling", "v1", "horizontalpodautoscalers"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One thing, a part of it, or all of a kind in a namespace; made by `place`, which checks the names."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    part: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """The parts of its URL."""
        of = self.resource
        root = ("apis", of.group, of.version) if of.group else ("api", of.version)
        inside = ("namespaces", self.namespace) if of.namespaced else ()
        return (*root, *inside, of.plural, *filter(None, (self.name, self.part)))

    @property
    def called(self) -> str:
        """As RBAC calls it: "deployments/scale"."""
        return "/".join(filter(None, (self.resource.plural, self.part)))


def place(kind: str, namespace: str, name: str = "", part: str = "") -> Place:
    """Where a thing is, or with no name all of its kind.

    Args:
        kind: one of `RESOURCES`.
        part: a subresource: "scale", "eviction".

    Raises:
        NoName: its namespace or its name is none.
    """
    resource = RESOURCES[kind]
    if resource.namespaced and not is_label(namespace):
        raise NoName(f"{_shown(namespace)} is no namespace's name by RFC 1123")
    if name and not is_name(name):
        raise NoName(f"{_shown(name)} is no {kind.partition('.')[0].lower()}'s name by RFC 1123")
    return Place(resource, namespace if resource.namespaced else "", name, part)


def _shown(text: str) -> str:
    return f'"{plain(text, _MAX_SHOWN)}"'
