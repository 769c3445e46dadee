"""Rules about Kubernetes: what an action holds, and what settings take."""

from tests.actions.contract import ActionContract


class TestKubernetesContract(ActionContract):
    """What every action holds."""

    kind = "kubernetes"
