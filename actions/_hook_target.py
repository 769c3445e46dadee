"""What a hook is called about: the thing that an alert names by its labels, which nobody is asked for."""

from __future__ import annotations

import re

from alerts.model import Alert
from alerts.remediation import NotProposed, Target
from alerts.target import target as target_of
from cluster.names import is_label, is_name

# As kube-state-metrics calls them, the more particular first.
_KINDS = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "replicaset": "ReplicaSet",
    "cronjob": "CronJob",
    "job_name": "Job",
    "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}
# What tells of nodes, at an instance that is none: or is one, by another name.
_OF_NODES = re.compile("node[-_]exporter|kubelet|kube-state-metrics")
_LONGEST = 253


def hook_target(alert: Alert) -> Target:
    """Read it from the labels: a pod, else what kube-state-metrics would call it, a node, an instance, a namespace, or
    else the alert itself.

    Raises:
        NotProposed: it cannot be what it is called.
    """
    found = _found(alert)
    if found.kind not in ("Instance", "Alert"):
        if not is_name(found.name) or not is_label(found.namespace or "default"):
            raise NotProposed(f"the {found.kind.lower()} that its labels name can be none: no such name is allowed")
    elif len(found.name) > _LONGEST or not found.name.isprintable():
        raise NotProposed(f"the {found.kind.lower()} that its labels name is too long, or holds what cannot be printed")
    return found


def told(target: Target) -> str:
    """A target for people: "pod shop/cart-1"."""
    return f"namespace {target.name}" if target.kind == "Namespace" else target.text


def _found(alert: Alert) -> Target:
    labels, of = alert.labels, target_of(alert)
    if of.pod:
        return Target("Pod", of.pod, of.namespace)
    if namespace := labels.get("exported_namespace") or labels.get("namespace", ""):
        for label, kind in _KINDS.items():
            if labels.get(label):
                return Target(kind, labels[label], namespace)
    if labels.get("node") and (not of.instance or _OF_NODES.search(labels.get("job", ""))):
        return Target("Node", labels["node"])
    if of.instance:
        return Target("Instance", of.instance)
    # It is within itself, for whoever goes by the namespaces in which something may be done.
    return Target("Namespace", of.namespace, of.namespace) if of.namespace else Target("Alert", alert.name)
