"""Roles of deployment-k8s-remediation.yaml, by verb: `python -m scripts.remediation_roles` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

from actions._kubernetes_rights import Rule, rights
from actions._kubernetes_settings import VerbName

MANIFEST = Path(__file__).parent.parent / "deployment-k8s-remediation.yaml"

_NAMESPACE = "shop"
_ACCOUNT = "alert-manager"
_MARK = "# What follows is written by scripts/remediation_roles.py.\n"
_SAID = {
    "scale": "More or fewer replicas. With `raise_hpa` patch, too, on horizontalpodautoscalers.",
    "restart": "A rollout of the same.",
    "delete_pod": "Delete a pod that something else makes anew, whatever a disruption budget says.",
    "evict_pod": "The same, where the disruption budget allows it.",
    "cordon": "Keep new pods off a node. Nodes are in no namespace: a RoleBinding does not allow it.",
    "uncordon": "Let pods onto it again: the same rights.",
    "rollback": "Back to the revision before.",
}


def name_of(verb: str) -> str:
    """What the role of a verb is called."""
    return f"alert-manager-{verb.replace('_', '-')}"


def rules_of(rules: Iterable[Rule]) -> list[dict[str, list[str]]]:
    """Rules as RBAC has them, those together that differ in the resource alone."""
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in rules:
        together.setdefault((each.group, each.verbs), []).append(each.resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}
        for (group, verbs), resources in together.items()
    ]


def filled(manifest: str) -> str:
    """The manifest with its roles as the code has them, and then, commented, what binds them."""
    written = [f"# {_SAID[verb]}\n{_role('ClusterRole', verb)}" for verb in get_args(VerbName)]
    return "---\n".join([manifest.partition(_MARK)[0] + _MARK, *written]) + "".join(map(_commented, _examples()))


def _examples() -> Iterator[tuple[str, str]]:
    yield (
        f"In the namespace {_NAMESPACE} alone, a verb each.",
        _binding("RoleBinding", "restart", _NAMESPACE),
    )
    yield (
        "The same for who may make no ClusterRole: this in its place, and `kind: Role` where it is bound.\n"
        "In each of them a rule to patch or delete is of one thing alone with `resourceNames: [cart]`.",
        _role("Role", "restart", _NAMESPACE),
    )
    yield (
        "In all namespaces, kube-system among them, for RBAC has no exceptions: there the guards alone hold.\n"
        "Of nodes there is no other way.",
        _binding("ClusterRoleBinding", "cordon"),
    )


def _commented(example: tuple[str, str]) -> str:
    said, manifest = example
    lines = [*(f"# {line}" for line in said.splitlines()), "# ---", *(f"# {line}" for line in manifest.splitlines())]
    return "\n".join(["", *lines, ""])


def _role(kind: str, verb: VerbName, namespace: str = "") -> str:
    lines = [*_head(kind, verb, namespace), "rules:"]
    for rule in rules_of(rights(verb)):
        group = rule["apiGroups"][0] or '""'
        lines.append(f"  - apiGroups: [{group}]")
        lines += [f"    {key}: [{', '.join(rule[key])}]" for key in ("resources", "verbs")]
    return "\n".join([*lines, ""])


def _binding(kind: str, verb: VerbName, namespace: str = "") -> str:
    to = ["roleRef:", "  apiGroup: rbac.authorization.k8s.io", "  kind: ClusterRole", f"  name: {name_of(verb)}"]
    of = ["subjects:", "  - kind: ServiceAccount", f"    name: {_ACCOUNT}", f"    namespace: {_ACCOUNT}"]
    return "\n".join([*_head(kind, verb, namespace), *to, *of, ""])


def _head(kind: str, verb: VerbName, namespace: str) -> list[str]:
    within = [f"  namespace: {namespace}"] if namespace else []
    head = ["apiVersion: rbac.authorization.k8s.io/v1", f"kind: {kind}", "metadata:", f"  name: {name_of(verb)}"]
    return [*head, *within, "  labels:", "    app.kubernetes.io/name: alert-manager"]


if __name__ == "__main__":
    MANIFEST.write_text(filled(MANIFEST.read_text(encoding="utf-8")), encoding="utf-8")
