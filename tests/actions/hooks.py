"""Hooks as the tests have them: rules, alerts, a Job's template, and clusters to run it in."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from actions._remedy import Remedy
from actions.hook import Action, Settings
from alerts.model import Alert
from alerts.remediation import Proposal
from cluster import Cluster, ClusterError, Identity
from outbound import Http, Tls
from tests.actions.notifications import alert
from tests.far_sides.kubernetes import TOKEN as CLUSTER_TOKEN

TOKEN = "r0f3c9a7e51d24b8e"
SECRET = "what-both-sides-know-0123456789"
LABELS = {"alertname": "CartStuck", "namespace": "shop", "pod": "cart-1", "severity": "critical"}
TEMPLATE = """
apiVersion: batch/v1
kind: Job
metadata:
  name: unstick
  namespace: automation
  labels: {team: shop}
spec:
  template:
    spec:
      serviceAccountName: unstick
      initContainers:
        - {name: first, image: busybox, command: [sh, -c, 'echo "$ALERT_LABEL_POD"']}
      containers:
        - name: unstick
          image: registry.example.com/unstick:1.10
          command: [sh, -c, 'unstick --pod "$ALERT_LABEL_POD" --within 1:30']
          env:
            - {name: FROM, value: "$(ALERT_NAME) on 2026-01-01"}
"""


def nowhere() -> closing[Cluster]:
    """Returns a cluster that is not there."""

    def identify() -> Identity:
        raise ClusterError("is not around")

    return closing(Cluster(identify))


def cluster(url: str) -> closing[Cluster]:
    """Returns a cluster at a URL, with the token."""
    return closing(Cluster(lambda: Identity(url, Tls(), lambda: CLUSTER_TOKEN)))


def made(settings: Mapping[str, Any], http: Http, at: Cluster) -> Remedy:
    """Returns a rule's action, which is all that the pipeline asks of one."""
    action = Action(Settings.model_validate(settings), http, at)
    assert isinstance(action, Remedy)
    return action


def job(folder: Path, text: str = TEMPLATE, **more: Any) -> dict[str, Any]:
    """Returns settings with a Job's template."""
    file = folder / "job.yaml"
    file.write_text(text)
    return {"name": "unstick-carts", "job": {"template": str(file)}, **more}


def stuck(**labels: str) -> Alert:
    """Returns an alert about a pod."""
    return alert({**LABELS, **labels}, {"summary": "a cart is stuck"}, generator_url="https://prometheus.example/graph")


def proposed(action: Remedy, about: Alert | None = None) -> Proposal:
    """Returns what would be done about an alert."""
    return action.propose(about or stuck(), 5)
