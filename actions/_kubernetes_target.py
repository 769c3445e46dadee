"""What an alert is about, found by its labels alone and what the API says of owners.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
"""

from __future__ import annotations

from collections.abc import Mapping

import alerts.target
from actions._kubernetes_api import Api
from actions._kubernetes_resources import place
from actions._kubernetes_settings import KINDS, VerbName
from actions._kubernetes_thing import Owner, Thing, fetched, mapping, text
from alerts.model import Alert
from alerts.remediation import NotProposed, Target

_AUTOSCALER = "HorizontalPodAutoscaler"
# How kube-state-metrics calls them: https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
_WORKLOADS = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "replicaset": "ReplicaSet",
    "horizontalpodautoscaler": _AUTOSCALER,
}
_OWNERS = ("ReplicaSet", "Deployment", "StatefulSet", "DaemonSet")
_MOST_OWNERS = 3


def workload(api: Api, alert: Alert, verb: VerbName) -> Thing:
    """The workload that an alert names, or that its pod is of, of a kind that the verb changes.

    Raises:
        NotProposed: there is none, or there are several.
        ApiError: it cannot be found.
        NoName: a label, or the API, names something that is no name.
    """
    kinds = KINDS[verb]
    named = {kind: name for label, kind in _WORKLOADS.items() if (name := _own(alert.labels, label))}
    if verb != "scale":
        # It says how many there are, and nothing of what else may be done.
        named.pop(_AUTOSCALER, None)
    # A Deployment's alert may say of which ReplicaSet, and of which autoscaler.
    for beside in ("ReplicaSet", _AUTOSCALER):
        if len(named) > 1:
            named.pop(beside, None)
    if len(named) > 1:
        raise NotProposed(f"the alert names several workloads: {', '.join(sorted(named))}")
    if named:
        ((kind, name),) = named.items()
        namespace = _namespace(alert)
        place(kind, namespace, name)
        _refuse_others(Target(kind, name, namespace), (*kinds, "ReplicaSet", _AUTOSCALER), verb)
        found = _named(api, kind, namespace, name)
    else:
        found = _controller(api, pod(api, alert), (*kinds, "ReplicaSet"), verb)
    for _ in range(_MOST_OWNERS):
        if found.kind != "ReplicaSet" or found.owner is None:
            break
        found = owning(api, found, found.owner)
    if found.ending:
        raise NotProposed(f"{found.target.text} is being deleted")
    _refuse_others(found.target, kinds, verb)
    return found


def pod(api: Api, alert: Alert) -> Thing:
    """The pod that an alert is about.

    Raises:
        NotProposed: it is about none, or it has nobody who makes another one.
        ApiError: it cannot be found.
        NoName: its labels hold no names.
    """
    of = alerts.target.target(alert)
    if not of.pod:
        raise NotProposed("the alert's labels name no pod and no workload")
    if not of.namespace:
        raise NotProposed("the alert has no namespace label, and its pod may be in any")
    found = fetched(api, "Pod", of.namespace, of.pod)
    if found.ending:
        raise NotProposed(f"{found.target.text} is being deleted already")
    return found


def node(api: Api, alert: Alert) -> Thing:
    """The node that an alert names, that its pod is on, or whose address its instance is.

    Raises:
        NotProposed: there is none, or it is not known exactly.
        ApiError: it cannot be found.
        NoName: its labels hold no names.
    """
    labels = alert.labels
    exported = any(each.startswith("exported_") for each in labels)
    # Beside exported labels a plain `node` is where the exporter runs.
    name = labels.get("exported_node") or ("" if exported else labels.get("node"))
    if name:
        return fetched(api, "Node", "", name)
    of = alerts.target.target(alert)
    if of.pod:
        on = text(pod(api, alert).spec, "nodeName")
        if not on:
            raise NotProposed(f"pod {of.namespace}/{of.pod} is on no node")
        return fetched(api, "Node", "", on)
    if of.instance:
        return _node_of(api, of.instance)
    raise NotProposed("the alert's labels name no node, no pod and no instance")


def owning(api: Api, thing: Thing, owner: Owner) -> Thing:
    """What controls a thing: by the name that the API has for it, which is checked all the same, and by its uid.

    Raises:
        NotProposed: it is of a kind that is not known here, or another by now.
        ApiError: it cannot be found.
        NoName: it cannot be called so.
    """
    if owner.kind not in _OWNERS or owner.api_version.partition("/")[0] != "apps":
        place("Pod", thing.namespace, owner.name)
        raise NotProposed(f"{thing.target.text} is run by {owner.text}, which is nothing that is changed")
    found = fetched(api, owner.kind, thing.namespace, owner.name)
    if found.uid != owner.uid:
        raise NotProposed(f"{found.target.text} is another by now than the one that {thing.target.text} is of")
    return found


def _named(api: Api, kind: str, namespace: str, name: str) -> Thing:
    if kind != _AUTOSCALER:
        return fetched(api, kind, namespace, name)
    # What it is of stands in either version alike, and the older one is everywhere.
    of = mapping(fetched(api, f"{kind}.v1", namespace, name).spec, "scaleTargetRef")
    if text(of, "kind") not in _OWNERS:
        raise NotProposed(f"horizontalpodautoscaler {namespace}/{name} is of no workload that is known here")
    return fetched(api, text(of, "kind"), namespace, text(of, "name"))


def _refuse_others(of: Target, kinds: tuple[str, ...], verb: VerbName) -> None:
    """Refuse what a verb does not change, before it is asked for."""
    if of.kind not in kinds:
        alone = "a ReplicaSet without a Deployment" if of.kind == "ReplicaSet" else f"a {of.kind}"
        raise NotProposed(
            f"{of.text} is {alone}: {verb} changes {', '.join(each for each in kinds if each in KINDS[verb])} only"
        )


def _controller(api: Api, of: Thing, kinds: tuple[str, ...], verb: VerbName) -> Thing:
    if of.owner is None:
        raise NotProposed(f"{of.target.text} is run by nothing: it has no owner")
    place("Pod", of.namespace, of.owner.name)
    if of.owner.kind in _OWNERS:
        _refuse_others(Target(of.owner.kind, of.owner.name, of.namespace), kinds, verb)
    return owning(api, of, of.owner)


def _own(labels: Mapping[str, str], label: str) -> str:
    """A metric's own label, where its exporter's has the same name: see `alerts.target.target`."""
    return labels.get(f"exported_{label}") or labels.get(label, "")


def _namespace(alert: Alert) -> str:
    found = _own(alert.labels, "namespace")
    if not found:
        raise NotProposed("the alert has no namespace label, and its workload may be in any")
    return found


def _node_of(api: Api, instance: str) -> Thing:
    """The node of that name or internal address, if it is exactly one."""
    host = instance.rpartition(":")[0].strip("[]") if instance.rpartition(":")[2].isdigit() else instance
    found = [each for each in api.items(place("Node", "")) if host in _known_as(each)]
    if len(found) != 1:
        raise NotProposed(f"the alert's instance is {'no' if not found else 'more than one'} node's name or InternalIP")
    return fetched(api, "Node", "", text(found[0], "metadata", "name"))


def _known_as(document: Mapping[str, object]) -> list[str]:
    addresses = mapping(document, "status").get("addresses")
    inside = [
        text(each, "address")
        for each in (addresses if isinstance(addresses, list) else ())
        if text(each, "type") == "InternalIP"
    ]
    return [text(document, "metadata", "name"), *inside]
