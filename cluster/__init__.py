"""Kubernetes' API, for whoever looks something up there: who one is, and one request within one deadline.

It says nothing of what an answer means, knows neither alerts nor settings, and never tries again. `kubeconfig.py` is
imported by who has one.
"""

from cluster.api import Cluster
from cluster.identity import ClusterError, Identity, in_cluster, own_namespace

__all__ = ["Cluster", "ClusterError", "Identity", "in_cluster", "own_namespace"]
