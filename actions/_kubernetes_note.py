"""A Kubernetes Event on what was changed, as `kubectl describe` shows it.

The core's own Events are written, which every version has: those of events.k8s.io/v1 there are since 1.19.

Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from actions._base import cut
from actions._kubernetes_api import Api, ApiError
from actions._kubernetes_resources import RESOURCES, place
from actions._plain import plain
from alerts.remediation import Proposal

# In bytes, as the newer API has it: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
_MAX_MESSAGE = 1_024
_US = "alert-manager"


def note(api: Api, proposal: Proposal, text: str, token: str, at: datetime) -> None:
    """Leave an Event; the same text of the same remediation is left once, however often it is tried.

    Raises:
        ApiError: it is not there.
    """
    of, when = proposal.target, at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = cut(plain(text, _MAX_MESSAGE), _MAX_MESSAGE, lambda each: len(each.encode()))
    # What is in no namespace has its Events in this one.
    namespace = of.namespace or "default"
    name = f"{_US}.{token}.{hashlib.sha256(message.encode()).hexdigest()[:8]}"
    about = {
        "apiVersion": RESOURCES[of.kind].api_version,
        "kind": of.kind,
        "name": of.name,
        "uid": proposal.request.get("uid", ""),
        **({"namespace": of.namespace} if of.namespace else {}),
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": about,
        "type": "Normal",
        "reason": "Remediated",
        "message": message,
        "source": {"component": _US},
        "reportingComponent": _US,
        "reportingInstance": _US,
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
    # Checked as every name is: the token is one's own, and the target was read from a row.
    place("Event", namespace, name)
    try:
        api.write("POST", place("Event", namespace), event)
    except ApiError as error:
        if error.status != 409:
            raise
