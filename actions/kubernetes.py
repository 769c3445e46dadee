"""Kubernetes: what is safe to do to a workload, a pod or a node, done once.

What is to be changed is found by an alert's labels and by owner references; each write names what it was decided on.
The verbs are in modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from actions._kubernetes_api import Api, ApiError
from actions._kubernetes_nodes import Cordon, Uncordon
from actions._kubernetes_note import note
from actions._kubernetes_pods import DeletePod, EvictPod
from actions._kubernetes_resources import NoName
from actions._kubernetes_restart import Restart
from actions._kubernetes_rollback import Rollback
from actions._kubernetes_scale import Scale
from actions._kubernetes_settings import Settings, VerbName
from actions._remedy import RemedyAction, Token
from alerts.model import Alert
from alerts.remediation import NotPerformed, NotProposed, Performed, Proposal, Ready
from cluster import Cluster
from outbound import Http

__all__ = ["Action", "Settings"]


class Verb(Protocol):
    """One thing that is done; see `actions._remedy.Remedy`. Each may raise an ApiError or a NoName, too."""

    def propose(self, api: Api, alert: Alert) -> Proposal: ...

    def perform(self, api: Api, proposal: Proposal, token: Token) -> Performed: ...

    def happened(self, api: Api, proposal: Proposal, token: Token) -> Performed | None: ...

    def ready(self, api: Api, proposal: Proposal, performed: Performed) -> Ready: ...


_VERBS: Mapping[VerbName, Callable[[Settings], Verb]] = {
    "scale": Scale,
    "restart": Restart,
    "delete_pod": DeletePod,
    "evict_pod": EvictPod,
    "cordon": Cordon,
    "uncordon": Uncordon,
    "rollback": Rollback,
}


class Action(RemedyAction):
    """Does what one rule says.

    Args:
        http: what others send by; the cluster has connections of its own.
    """

    def __init__(self, settings: Settings, http: Http, cluster: Cluster) -> None:
        self._cluster = cluster
        self._verb = _VERBS[settings.verb](settings)

    def propose(self, alert: Alert, deadline_seconds: float) -> Proposal:
        """See `Remedy`."""
        try:
            return self._verb.propose(Api(self._cluster, deadline_seconds), alert)
        except NoName as error:
            raise NotProposed(str(error)) from None
        except ApiError as error:
            raise NotProposed(str(error), later=error.later) from None

    def perform(self, proposal: Proposal, alert: Alert, token: Token, deadline_seconds: float) -> Performed:
        """See `Remedy`."""
        with _performing():
            return self._verb.perform(Api(self._cluster, deadline_seconds), proposal, token)

    def happened(self, proposal: Proposal, token: Token, deadline_seconds: float) -> Performed | None:
        """See `Remedy`."""
        try:
            return self._verb.happened(Api(self._cluster, deadline_seconds), proposal, token)
        except (ApiError, NoName) as error:
            raise NotPerformed(str(error), in_doubt=True) from None

    def ready(self, proposal: Proposal, performed: Performed, deadline_seconds: float) -> Ready:
        """See `Remedy`."""
        try:
            return self._verb.ready(Api(self._cluster, deadline_seconds), proposal, performed)
        except (ApiError, NoName) as error:
            return Ready(None, str(error))

    def note(self, proposal: Proposal, text: str, token: Token, at: datetime, deadline_seconds: float) -> str:
        """See `Remedy`."""
        try:
            note(Api(self._cluster, deadline_seconds), proposal, text, token, at)
        except (ApiError, NoName) as error:
            return str(error)
        return ""


@contextmanager
def _performing() -> Iterator[None]:
    try:
        yield
    except NoName as error:
        raise NotPerformed(str(error), in_doubt=False) from None
    except ApiError as error:
        raise NotPerformed(str(error), in_doubt=error.in_doubt) from None
