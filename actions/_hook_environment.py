"""An alert as environment variables, each of them exactly what the alert holds.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables
"""

from __future__ import annotations

import re
from datetime import UTC

from alerts.model import Alert

LABEL = "ALERT_LABEL_"
TOKEN = "REMEDIATION_TOKEN"
MOST_BYTES = 32 * 1024
MOST_BYTES_IN_ALL = 256 * 1024

_OTHER = re.compile(r"[^A-Z0-9_]")
_SMALL = re.compile(r"[a-z]+")


class UnfitAlert(Exception):
    """An alert that cannot be handed over as variables; the message says why, for people."""


def variables(alert: Alert, token: str) -> dict[str, str]:
    """Each variable's name and value, as the program is to find it.

    Raises:
        UnfitAlert: two labels would be the same variable, or a value can be none.
    """
    named: dict[str, str] = {}
    for label in alert.labels:
        name = variable(label)
        if name in named:
            raise UnfitAlert(f"its labels {named[name]!r} and {label!r} would be the same variable, {name}")
        named[name] = label
    found = {
        "ALERT_NAME": alert.name,
        "ALERT_FINGERPRINT": alert.fingerprint,
        "ALERT_STARTS_AT": alert.starts_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        TOKEN: token,
        **{name: alert.labels[label] for name, label in named.items()},
    }
    for name, value in found.items():
        if "\0" in value:
            raise UnfitAlert(f"{named.get(name, name)!r} holds a NUL, which no variable can")
        if _size(value) > MOST_BYTES:
            raise UnfitAlert(f"{named.get(name, name)!r} is longer than {MOST_BYTES // 1024} KiB")
    if sum(_size(name) + _size(value) for name, value in found.items()) > MOST_BYTES_IN_ALL:
        raise UnfitAlert(f"its labels are longer than {MOST_BYTES_IN_ALL // 1024} KiB in all")
    return found


def variable(label: str) -> str:
    """What the variable of a label is called: "ALERT_LABEL_APP_KUBERNETES_IO_NAME"."""
    return LABEL + _OTHER.sub("_", _SMALL.sub(lambda match: match[0].upper(), label))


def literal(value: str) -> str:
    """What to write for the kubelet to make a value of it: it takes `$(NAME)` for a variable, and `$$` for a dollar.

    Source: Expand in https://github.com/kubernetes/kubernetes/blob/master/third_party/forked/golang/expansion/expand.go
    """
    return value.replace("$", "$$")


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))
