"""The real client, as one who may do what a test says, and what can come between it and the API server."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from actions.kubernetes import Action, Settings
from alerts.model import Alert
from alerts.remediation import Performed, Proposal, Ready
from cluster import Cluster, ClusterError, Identity
from outbound import Answer, Http

_SECONDS = 20.0


def alert(**labels: str) -> Alert:
    """An alert with these labels."""
    return Alert({"alertname": "A", **labels}, {}, "firing", datetime.now(UTC), None, "", "0" * 16)


class Rule:
    """A rule of `kubernetes_configs` at work.

    Args:
        cluster: the API server, and who one is there.
    """

    def __init__(self, cluster: Cluster, verb: str, **more: Any) -> None:
        self.token = f"r{uuid.uuid4().hex}"
        self._action = Action(Settings.model_validate({"verb": verb, **more}), Http(), cluster)

    def propose(self, alert: Alert) -> Proposal:
        """What it would do."""
        return self._action.propose(alert, _SECONDS)

    def perform(self, proposal: Proposal) -> Performed:
        """Do it."""
        return self._action.perform(proposal, alert(), self.token, _SECONDS)

    def happened(self, proposal: Proposal) -> Performed | None:
        """Whether it was done."""
        return self._action.happened(proposal, self.token, _SECONDS)

    def ready(self, proposal: Proposal, performed: Performed) -> Ready:
        """Whether it helped."""
        return self._action.ready(proposal, performed, _SECONDS)

    def note(self, proposal: Proposal, text: str) -> str:
        """Leave a word."""
        return self._action.note(proposal, text, self.token, datetime.now(UTC), _SECONDS)


class Forgetful(Cluster):
    """Loses the answer of the first write."""

    _forgets = True

    def send(self, method: str, path: Sequence[str], query: Mapping[str, str], *body: Any, **more: Any) -> Answer:
        """Asks, and throws away what is answered."""
        answer = super().send(method, path, query, *body, **more)
        if method != "GET" and self._forgets:
            self._forgets = False
            raise ClusterError("timed out after 1s", sent=True)
        return answer


class Overtaken(Cluster):
    """Somebody else is faster: does something right before the first write.

    Args:
        first: what.
    """

    def __init__(self, identify: Callable[[], Identity], first: Callable[[], object]) -> None:
        super().__init__(identify)
        self._first: Callable[[], object] | None = first

    def send(self, method: str, path: Sequence[str], query: Mapping[str, str], *body: Any, **more: Any) -> Answer:
        """Asks, after the other did."""
        if method != "GET" and self._first:
            first, self._first = self._first, None
            first()
        return super().send(method, path, query, *body, **more)
