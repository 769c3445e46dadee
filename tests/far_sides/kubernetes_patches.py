"""Patches as a Kubernetes API server takes them.

Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/ and
https://www.rfc-editor.org/rfc/rfc7396
"""

from copy import deepcopy
from typing import Any

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class NotJudged(Exception):
    """The patch does what this server does not know."""


def patched(document: Any, patch: Any, content_type: str) -> Any:
    """Returns a document with a patch applied; LookupError for a content type that is none of a patch."""
    if content_type == MERGE:
        return _merged(document, patch)
    if content_type == STRATEGIC:
        return _strategically(document, patch)
    raise LookupError(content_type)


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return deepcopy(patch)
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), value)
    return found


def _strategically(target: Any, patch: Any) -> Any:
    """Maps are merged, or replaced where the patch says so; of lists it depends on the field, which is not known."""
    if isinstance(patch, list) and any(isinstance(each, dict) for each in patch):
        raise NotJudged("a list of mappings, outside of what is replaced")
    if not isinstance(patch, dict):
        return deepcopy(patch)
    rest = {key: value for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "replace":
        return deepcopy(rest)
    if "$patch" in patch:
        raise NotJudged(f"$patch: {patch['$patch']}")
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in rest.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _strategically(found.get(key), value)
    return found
