"""What RBAC is to allow for each verb, and no more; of this are errors, manifests and docs/remediation.md.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from actions._kubernetes_resources import Place
from actions._kubernetes_settings import Settings, VerbName


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a Role, or of a ClusterRole.

    Attributes:
        group: "" is the core's.
        resource: with its part, "deployments/scale".
        cluster_wide: it is in no namespace, so that a Role cannot allow it.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    cluster_wide: bool = False


_OWNERS = (
    Rule("", "pods", ("get",)),
    Rule("apps", "replicasets", ("get",)),
    Rule("apps", "deployments", ("get",)),
    Rule("apps", "statefulsets", ("get",)),
)
_ALL_OWNERS = (*_OWNERS, Rule("apps", "daemonsets", ("get",)))
_CONTROLLERS = tuple(each for each in _ALL_OWNERS if each.resource != "deployments")
_EVENTS = Rule("", "events", ("create",))
_NODES = (Rule("", "nodes", ("get", "list", "patch"), cluster_wide=True), Rule("", "pods", ("get",)))
_AUTOSCALERS = "horizontalpodautoscalers"

_OF: Mapping[VerbName, tuple[Rule, ...]] = {
    "scale": (
        *_OWNERS,
        Rule("apps", "deployments/scale", ("patch",)),
        Rule("apps", "statefulsets/scale", ("patch",)),
        Rule("autoscaling", _AUTOSCALERS, ("get", "list")),
    ),
    "restart": (
        *_ALL_OWNERS,
        Rule("apps", "deployments", ("patch",)),
        Rule("apps", "statefulsets", ("patch",)),
        Rule("apps", "daemonsets", ("patch",)),
    ),
    "delete_pod": (*_CONTROLLERS, Rule("", "pods", ("delete",))),
    "evict_pod": (*_CONTROLLERS, Rule("", "pods/eviction", ("create",))),
    "cordon": _NODES,
    "uncordon": _NODES,
    "rollback": (
        *_ALL_OWNERS,
        Rule("apps", "deployments", ("patch",)),
        Rule("apps", "statefulsets", ("patch",)),
        Rule("apps", "daemonsets", ("patch",)),
        Rule("apps", "replicasets", ("list",)),
        Rule("apps", "controllerrevisions", ("get", "list")),
    ),
}


def needed(verb: str, place: Place) -> str:
    """A right in words: "patch deployments/scale in API group apps, namespace shop"."""
    of = place.resource
    group = f"API group {of.group}, " if of.group else ""
    where = f"namespace {place.namespace}" if of.namespaced else "the whole cluster (a ClusterRole)"
    return f"{verb} {place.called} in {group}{where}"


def rights(verb: VerbName, *, raise_hpa: bool = False) -> tuple[Rule, ...]:
    """What a verb needs, and the right to leave an Event, sorted; one rule a resource."""
    raised = (Rule("autoscaling", _AUTOSCALERS, ("patch",)),) if raise_hpa else ()
    return _together((*_OF[verb], *raised, _EVENTS))


def rights_of(rules: Iterable[Settings]) -> tuple[Rule, ...]:
    """What all of the rules of a configuration need."""
    return _together(each for rule in rules for each in rights(rule.verb, raise_hpa=rule.raise_hpa))


def _together(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    verbs: dict[tuple[str, str, bool], set[str]] = {}
    for each in rules:
        verbs.setdefault((each.group, each.resource, each.cluster_wide), set()).update(each.verbs)
    return tuple(Rule(group, name, tuple(sorted(said)), wide) for (group, name, wide), said in sorted(verbs.items()))
