"""Node: what the node of a pod, or the one that an alert names, has to give, and what Kubernetes thinks of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerts.findings import Finding, Reading
from alerts.model import Alert
from alerts.target import Target, target
from enrich._base import Answers, Gauges, NoAnswer
from enrich._promql import any_of, equal, per_second
from enrich._target import cluster_of, described, each_of, instances, largest, of_kube_state, one, pod_names, samples
from enrich._vector import Sample

_POD = "kube_pod_info"
_CONDITION = "kube_node_status_condition"
_CAPACITY = "kube_node_status_capacity"
_CPU = "container_cpu_usage_seconds_total"
_MEMORY = "container_memory_working_set_bytes"
_FREE = "node_filesystem_avail_bytes"
_SIZE = "node_filesystem_size_bytes"
_NO_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|nsfs|fuse.lxcfs"'
# What the kubelet's cAdvisor calls its node depends on how it is scraped.
_NAMES = ("node", "kubernetes_io_hostname", "instance")
_READY = "Ready"


class Enricher:
    """A node's use of its CPU and memory, with what is wrong with it; of an instance of the node exporter its disk."""

    name = "node"
    title = "node"

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """On which nodes the pods run, and the disks of instances."""
        of = [target(alert) for alert in alerts]
        asked: dict[str, str] = {}
        if selections := of_kube_state(of):
            asked["pod"] = Gauges(_POD, selections, pod_names(of))
        if matchers := instances(of):
            for metric in (_FREE, _SIZE):
                asked[metric] = Gauges(metric, [f"{matchers},{_NO_DISKS}"])
        return asked

    def follow_up(self, alerts: Sequence[Alert], answers: Answers) -> Mapping[str, str]:
        """How all of these nodes fare."""
        nodes = set()
        for alert in alerts:
            try:
                nodes.add(_node(alert, answers))
            except NoAnswer:
                continue
        nodes -= {""}
        if not nodes:
            return {}
        of_state = [f'{any_of("node", nodes)},exported_node=""', any_of("exported_node", nodes)]
        # The cgroup of all that runs on the node.
        of_cadvisor = [f'{any_of(name, nodes)},id="/"' for name in _NAMES]
        use = each_of(of_cadvisor, f"max by (cluster, {', '.join(_NAMES)}) ({_slope('$matchers')})", nodes, _NAMES)
        return {
            "cpu": use,
            "memory": Gauges(_MEMORY, of_cadvisor, nodes, _NAMES),
            "capacity": Gauges(_CAPACITY, of_state, nodes, ("node",)),
            "condition": Gauges(_CONDITION, of_state, nodes, ("node",)),
        }

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """One reading of the node, and one of the fullest disk; nothing for what is on none."""
        of = target(alert)
        if of.instance:
            return self._disk(alert, of, answers)
        node = _node(alert, answers)
        if not node:
            return ()
        title = f"node {node}"[:120]
        conditions = one(answers["condition"], title, of.cluster, node=node)
        bad = _bad(conditions)
        said: list[str] = []
        readings: list[Reading] = []
        for question, unit, resource in (("cpu", "cores", "cpu"), ("memory", "bytes", "memory")):
            called, found = _of_node(answers, question, node, of.cluster)
            value = largest(found)
            if value is not None:
                limit = largest(one(answers["capacity"], title, of.cluster, node=node, resource=resource))
                own = f'{equal({**cluster_of(found[0]), called: node})},id="/"'
                query = f"max({_slope(own) if question == 'cpu' else f'{_MEMORY}{{{own}}}'})"
                at = answers.at(question)
                readings.append(Reading(self.name, title, value, unit, at, query, limit=limit or None, drawn=True))
        if not readings and not conditions:
            raise NoAnswer(f'no data: {_CPU}{{id="/"}} and {_CONDITION} have no samples for {title}')
        if not readings:
            at, query = answers.at("condition"), answers.query("condition")
            unit = "bad condition" if len(bad) == 1 else "bad conditions"
            readings.append(Reading(self.name, title, len(bad), unit, at, query))
        said += [f"memory {each.brief}" for each in readings[1:]]
        return (replace(readings[0], note="; ".join((*said, *bad))),)

    def _disk(self, alert: Alert, of: Target, answers: Answers) -> tuple[Finding, ...]:
        """The fullest, or the one that the alert names."""
        sized = samples(answers[_SIZE], of)
        sizes = {_mount(each): each.value for each in sized}
        free = {_mount(each): each.value for each in samples(answers[_FREE], of)}
        known = [each for each, size in sizes.items() if 0 <= free.get(each, math.nan) <= size < math.inf and size]
        named = [each for each in known if each == alert.labels.get("mountpoint")] or known
        if not named:
            if alert.labels.get("mountpoint"):
                raise NoAnswer(f"no data: {_SIZE} has no samples for {described(of)}")
            return ()
        mount = min(named, key=lambda each: (free[each] / sizes[each], each))
        used, size = sizes[mount] - free[mount], sizes[mount]
        title = f"disk {mount}"[:120]
        labels = {**cluster_of(sized[0]), "instance": of.instance, "mountpoint": mount}
        at, own = answers.at(_SIZE), f"{equal(labels)},{_NO_DISKS}"
        query = f"max({_SIZE}{{{own}}} - {_FREE}{{{own}}})"
        return (Reading(self.name, title, used, "bytes", at, query, limit=size, drawn=True),)


def _node(alert: Alert, answers: Answers) -> str:
    """The node's name; "" for what is on none.

    Raises:
        NoAnswer: it cannot be known.
    """
    of = target(alert)
    if of.instance:
        return ""
    if not of.pod:
        return alert.labels.get("exported_node") or alert.labels.get("node", "")
    found = samples(answers["pod"], replace(of, container=""))
    names = {each.labels["node"] for each in found if each.labels.get("node")}
    if not found:
        raise NoAnswer(f"no data: {_POD} has no samples for {described(replace(of, container=''))}")
    # One that waits for a node has none; of one that was moved, with its old series there still, it cannot be known.
    return names.pop() if len(names) == 1 else ""


def _slope(matchers: str) -> str:
    return per_second(f"{_CPU}{{{matchers}}}")


def _of_node(answers: Answers, question: str, node: str, cluster: str) -> tuple[str, list[Sample]]:
    """What the node is called there, and its samples."""
    for name in _NAMES:
        named = one(answers[question], f"node {node}", cluster, **{name: node})
        found = [each for each in named if not each.labels.get("pod")]
        if found:
            return name, found
    return "node", []


def _bad(conditions: Sequence[Sample]) -> list[str]:
    """What is not as it should be: "not Ready", "MemoryPressure"."""
    bad = []
    for each in conditions:
        condition, status = each.labels.get("condition", ""), each.labels.get("status", "")
        if each.value != 1 or not condition:
            continue
        if condition == _READY and status != "true":
            bad.append(f"not {_READY}" if status == "false" else f"{_READY} unknown")
        elif condition != _READY and status == "true":
            bad.append(condition)
    return sorted(set(bad))


def _mount(sample: Sample) -> str:
    return sample.labels.get("mountpoint", "")
