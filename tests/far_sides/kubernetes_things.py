"""What there is in a cluster of the tests: workloads, what they made, and nodes, as the API has them."""

from typing import Any

Object = dict[str, Any]


def thing(kind: str, name: str, owner: Object | None = None, **more: Any) -> Object:
    """A thing of the API with its uid; `owner` is the thing that controls it."""
    metadata: Object = {"name": name, "uid": f"uid-of-{kind.lower()}-{name}"}
    metadata |= more.pop("metadata", {})
    if owner is not None:
        version = owner.get("apiVersion", "apps/v1")
        said = owner["metadata"]
        reference = {"apiVersion": version, "kind": owner["kind"], "name": said["name"], "uid": said["uid"]}
        metadata["ownerReferences"] = [{**reference, "controller": True, "blockOwnerDeletion": True}]
    version = {"Pod": "v1", "Node": "v1", "HorizontalPodAutoscaler": "autoscaling/v2"}.get(kind, "apps/v1")
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def template(image: str = "cart:2", **annotations: str) -> Object:
    """A pod's template, with what is secret in its environment."""
    container = {"name": "app", "image": image, "env": [{"name": "PASSWORD", "value": "hunter2"}]}
    metadata: Object = {"labels": {"app": "cart"}, "creationTimestamp": None}
    return {
        "metadata": metadata | ({"annotations": annotations} if annotations else {}),
        "spec": {"containers": [container]},
    }


def deployment(
    name: str = "cart", replicas: int = 3, revision: int = 2, owner: Object | None = None, **spec: Any
) -> Object:
    """A Deployment that is rolled out."""
    wanted = {"replicas": replicas, "selector": {"matchLabels": {"app": "cart"}}, "template": template(), **spec}
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = {"generation": 4, "annotations": annotations}
    status = {
        "observedGeneration": 4,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
    }
    return thing("Deployment", name, owner, metadata=metadata, spec=wanted, status=status)


def replica_set(of: Object | None, name: str, revision: int = 2, replicas: int = 3, image: str = "cart:2") -> Object:
    """A ReplicaSet, of a Deployment or by itself."""
    made = template(image)
    made["metadata"]["labels"] = {**made["metadata"]["labels"], "pod-template-hash": name}
    metadata = {"generation": 1, "annotations": {"deployment.kubernetes.io/revision": str(revision)}}
    metadata["labels"] = made["metadata"]["labels"]
    status = {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas, "observedGeneration": 1}
    spec = {"replicas": replicas, "template": made}
    return thing("ReplicaSet", name, of, metadata=metadata, spec=spec, status=status)


def stateful_set(name: str = "db", replicas: int = 3, **spec: Any) -> Object:
    """A StatefulSet that is rolled out."""
    wanted = {"replicas": replicas, "selector": {"matchLabels": {"app": "cart"}}, "template": template(), **spec}
    status: Object = {"observedGeneration": 4, "replicas": replicas, "readyReplicas": replicas}
    status["updatedReplicas"] = replicas
    status |= {"currentRevision": f"{name}-2", "updateRevision": f"{name}-2"}
    return thing("StatefulSet", name, metadata={"generation": 4}, spec=wanted, status=status)


def daemon_set(name: str = "agent", **spec: Any) -> Object:
    """A DaemonSet that is rolled out on two nodes."""
    wanted = {"selector": {"matchLabels": {"app": "cart"}}, "template": template(), **spec}
    status = {"observedGeneration": 4, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
    return thing("DaemonSet", name, metadata={"generation": 4}, spec=wanted, status=status)


def controller_revision(of: Object, number: int, image: str) -> Object:
    """A revision of a StatefulSet or a DaemonSet."""
    data = {"spec": {"template": {**template(image), "$patch": "replace"}}}
    name = f"{of['metadata']['name']}-{number}"
    return thing("ControllerRevision", name, of, metadata={"labels": {"app": "cart"}}, data=data, revision=number)


def pod(of: Object | None, name: str = "cart-1", node: str = "worker-1") -> Object:
    """A pod that runs."""
    return thing("Pod", name, of, spec={"nodeName": node}, status={"phase": "Running"})


def node(name: str = "worker-1", address: str = "10.0.0.5", *, unschedulable: bool = False) -> Object:
    """A node."""
    addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
    spec = {"podCIDR": "10.1.0.0/24"} | ({"unschedulable": True} if unschedulable else {})
    return thing("Node", name, spec=spec, status={"addresses": addresses})


def autoscaler(of: Object, most: int = 8, owner: Object | None = None) -> Object:
    """A HorizontalPodAutoscaler of a workload."""
    named = {"apiVersion": "apps/v1", "kind": of["kind"], "name": of["metadata"]["name"]}
    spec = {"scaleTargetRef": named, "minReplicas": 1, "maxReplicas": most}
    status = {"currentReplicas": 3, "desiredReplicas": 3}
    return thing("HorizontalPodAutoscaler", f"{named['name']}-hpa", owner, spec=spec, status=status)
