"""A namespace of a real cluster with workloads in it, whose pods run where a test says so."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.far_sides.kube_apiserver import KubeApiserver, Object

RESOURCES = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


class Place:
    """A namespace, made with it."""

    def __init__(self, api: KubeApiserver, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        api.done("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    def path(self, resource: str, name: str = "") -> str:
        """Where a resource is, or one of them."""
        group = {
            **dict.fromkeys(("pods", "events", "secrets"), "api/v1"),
            **dict.fromkeys(("roles", "rolebindings"), "apis/rbac.authorization.k8s.io/v1"),
            "poddisruptionbudgets": "apis/policy/v1beta1",
            "horizontalpodautoscalers": "apis/autoscaling/v1",
            "jobs": "apis/batch/v1",
        }.get(resource, "apis/apps/v1")
        return "/" + "/".join(filter(None, (group, "namespaces", self.namespace, resource, name)))

    def get(self, resource: str, name: str) -> Object:
        """What there is of that name."""
        return self.api.get(self.path(resource, name))

    def gone(self, resource: str, name: str) -> bool:
        """Whether there is nothing of that name."""
        return self.api.ask("GET", self.path(resource, name)).status_code == 404

    def list(self, resource: str) -> list[Object]:
        """All of a resource."""
        found: list[Object] = self.api.get(self.path(resource))["items"]
        return found

    def make(self, resource: str, manifest: Mapping[str, Any]) -> Object:
        """Makes something."""
        return self.api.done("POST", self.path(resource), manifest)

    def change(self, resource: str, name: str, patch: Mapping[str, Any], part: str = "") -> Object:
        """Changes something, as somebody else does."""
        return self.api.done("PATCH", self.path(resource, name) + (f"/{part}" if part else ""), patch)

    @staticmethod
    def manifest(kind: str, name: str, replicas: int, image: str = "cart:1") -> Object:
        """A workload of pods with one container."""
        labels = {"app": name}
        containers = [{"name": "app", "image": image}]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        more: Object = {} if kind == "DaemonSet" else {"replicas": replicas}
        if kind == "StatefulSet":
            more |= {"serviceName": name, "podManagementPolicy": "Parallel"}
        return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template, **more}}

    def workload(self, kind: str, name: str, replicas: int = 2, image: str = "cart:1") -> Object:
        """Makes a workload and waits for its pods; a DaemonSet has one on each node."""
        made = self.make(RESOURCES[kind], self.manifest(kind, name, replicas, image))
        if kind != "DaemonSet":
            self.pods(name, replicas)
        self.seen(RESOURCES[kind], name)
        return made

    def image(self, kind: str, name: str, image: str) -> Object:
        """Rolls another image out."""
        containers = [{"name": "app", "image": image}]
        change = {"spec": {"template": {"spec": {"containers": containers}}}}
        return self.api.done("PATCH", self.path(RESOURCES[kind], name), change, patch="strategic-merge-patch")

    def pods(self, app: str, count: int) -> Sequence[str]:
        """The names of a workload's pods, once there are so many."""

        def look() -> list[str] | None:
            names = [each["metadata"]["name"] for each in self.list("pods") if each["metadata"]["labels"]["app"] == app]
            return names if len(names) == count else None

        return self.api.wait_until(look)

    def run(self, *pods: str, ready: bool = True) -> None:
        """Says of pods what a kubelet says once they run."""
        for pod in pods:
            word = "True" if ready else "False"
            conditions = [{"type": kind, "status": word} for kind in ("Ready", "ContainersReady")]
            self.change("pods", pod, {"status": {"phase": "Running", "conditions": conditions}}, "status")

    def running(self, kind: str, name: str, replicas: int = 2, image: str = "cart:1") -> Sequence[str]:
        """Makes a workload all of whose pods run; returns their names."""
        self.workload(kind, name, replicas, image)
        pods = self.pods(name, replicas)
        self.run(*pods)
        self.settled(kind, name, replicas)
        return pods

    def seen(self, resource: str, name: str) -> None:
        """Waits until a workload's controller has seen it as it is wanted."""

        def look() -> bool:
            found = self.get(resource, name)
            return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])

        self.api.wait_until(look)

    def settled(self, kind: str, name: str, replicas: int) -> Object:
        """A workload, once its controller has seen all that there is to see, and so many of its pods are ready."""

        def look() -> Object | None:
            found = self.get(RESOURCES[kind], name)
            status = found["status"]
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return found if seen and status.get("readyReplicas", 0) == replicas else None

        return self.api.wait_until(look)

    def roll(self, kind: str, name: str, replicas: int) -> None:
        """Runs a workload's new pods, as kubelets would, until all are of what it is to be."""

        def look() -> bool:
            for pod in self.list("pods"):
                if pod["metadata"]["labels"]["app"] == name and pod["status"].get("phase") != "Running":
                    self.run(pod["metadata"]["name"])
            found = self.get(RESOURCES[kind], name)
            of = found["status"]
            if of.get("observedGeneration") != found["metadata"]["generation"]:
                return False
            if kind == "DaemonSet":
                return bool(of.get("updatedNumberScheduled") == of.get("numberAvailable") == replicas)
            counted = {of.get(each) for each in ("replicas", "updatedReplicas", "readyReplicas")}
            return counted == {replicas} and of.get("updateRevision") == of.get("currentRevision")

        self.api.wait_until(look)

    def revised(self, kind: str, name: str, revision: int) -> None:
        """Waits until a workload's controller has kept so many of its templates, and says which is the present one."""

        def look() -> bool:
            found = self.get(RESOURCES[kind], name)
            if found["status"].get("observedGeneration") != found["metadata"]["generation"]:
                return False
            if kind == "Deployment":
                key = "deployment.kubernetes.io/revision"
                return bool(found["metadata"].get("annotations", {}).get(key) == str(revision))
            held = [each for each in self.list("controllerrevisions") if each["metadata"]["labels"]["app"] == name]
            return bool(max((each["revision"] for each in held), default=0) == revision)

        self.api.wait_until(look)
