"""What Kubernetes takes for a name: whatever else a label holds, nothing is asked for by it.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ (RFC 1123)
"""

from __future__ import annotations

import re

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LABELS = re.compile(_LABEL)
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAX_LABEL, _MAX_SUBDOMAIN = 63, 253


def is_name(text: str) -> bool:
    """Whether something may be called so: a pod, a node, a Deployment."""
    return len(text) <= _MAX_SUBDOMAIN and _SUBDOMAIN.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Whether a namespace or a container may be."""
    return len(text) <= _MAX_LABEL and _LABELS.fullmatch(text) is not None
