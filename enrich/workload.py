"""Workload: what runs a pod, how much of it is ready, and whether it was changed just now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import units
from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from alerts.target import target
from enrich._base import Answers, Gauges, NoAnswer
from enrich._promql import any_of, quoted
from enrich._target import described, in_namespaces, largest, of_kube_state, one, pod_names, samples
from enrich._vector import Sample

_OWNER = "kube_pod_owner"
_HPA_OF = "kube_horizontalpodautoscaler_info"
_HPA_MOST = "kube_horizontalpodautoscaler_spec_max_replicas"
_HPA_NOW = "kube_horizontalpodautoscaler_status_current_replicas"
_ROLLOUT_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class _Kind:
    """How kube-state-metrics tells of one kind of workload.

    Attributes:
        label: that of its name.
        named: whether alerts name it by that label.
    """

    name: str
    label: str
    named: bool
    desired: str
    ready: str
    updated: str = ""

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.desired, self.ready, self.updated)))


_KINDS = {
    each.name: each
    for each in (
        _Kind(
            "Deployment",
            "deployment",
            True,
            "kube_deployment_spec_replicas",
            "kube_deployment_status_replicas_ready",
            "kube_deployment_status_replicas_updated",
        ),
        _Kind(
            "StatefulSet",
            "statefulset",
            True,
            "kube_statefulset_replicas",
            "kube_statefulset_status_replicas_ready",
            "kube_statefulset_status_replicas_updated",
        ),
        _Kind(
            "DaemonSet",
            "daemonset",
            True,
            "kube_daemonset_status_desired_number_scheduled",
            "kube_daemonset_status_number_ready",
            "kube_daemonset_status_updated_number_scheduled",
        ),
        _Kind(
            "ReplicaSet", "replicaset", False, "kube_replicaset_spec_replicas", "kube_replicaset_status_ready_replicas"
        ),
        _Kind("Job", "job_name", True, "kube_job_spec_completions", "kube_job_status_succeeded"),
    )
}
_SET_OWNER = "kube_replicaset_owner"
_SET_CREATED = "kube_replicaset_created"
_JOB_FAILED = "kube_job_status_failed"
_MORE = {"ReplicaSet": (_SET_OWNER, _SET_CREATED), "Job": (_JOB_FAILED,)}


@dataclass(frozen=True, slots=True)
class _Object:
    """A workload; `replica_set` is the one that a Deployment's pod is of."""

    kind: str
    namespace: str
    name: str
    replica_set: str = ""
    cluster: str = ""


class Enricher:
    """What kube-state-metrics tells of the owner of a pod, or of the workload that the alert names."""

    name = "workload"
    title = "workload"

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Who owns the pods, and which autoscalers there are beside them."""
        asked: dict[str, str] = {}
        of = [target(alert) for alert in alerts]
        if selections := of_kube_state(of):
            asked["owner"] = Gauges(_OWNER, selections, pod_names(of))
        namespaces = {each.namespace for each, alert in zip(of, alerts, strict=True) if each.pod or _named(alert)}
        if namespaces and all(namespaces):
            here = in_namespaces(namespaces)
            asked |= {each: Gauges(each, here) for each in (_HPA_OF, _HPA_MOST, _HPA_NOW)}
        return asked

    def follow_up(self, alerts: Sequence[Alert], answers: Answers) -> Mapping[str, str]:
        """How the owners fare: of a ReplicaSet its Deployment, too, which is called as it is but for the last part."""
        wanted: dict[str, set[tuple[str, str]]] = {}
        for alert in alerts:
            try:
                of = _owner(alert, answers)
            except NoAnswer:
                continue
            if of is not None and of.kind in _KINDS:
                wanted.setdefault(of.kind, set()).add((of.namespace, of.name))
                if of.kind == "ReplicaSet" and "-" in of.name:
                    wanted.setdefault("Deployment", set()).add((of.namespace, of.name.rpartition("-")[0]))
        asked: dict[str, str] = {}
        for kind, objects in wanted.items():
            selections = _selections(_KINDS[kind].label, objects)
            for metric in (*_KINDS[kind].metrics, *_MORE.get(kind, ())):
                asked[metric] = Gauges(metric, selections)
        return asked

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """How many of its replicas are ready, and what is happening to it; nothing for what has no owner."""
        of = _owner(alert, answers)
        if of is None:
            return ()
        if of.kind == "ReplicaSet":
            of = _deployment(of, answers)
        kind = _KINDS.get(of.kind)
        title = f"{of.kind} {of.name}"[:120]
        if kind is None:
            return (Gap(self.name, title, f"nothing is known of a {of.kind}"),)
        desired, ready = _value(answers, kind.desired, kind.label, of), _value(answers, kind.ready, kind.label, of)
        if desired is None or ready is None:
            missing = kind.desired if desired is None else kind.ready
            raise NoAnswer(f"no data: {missing} has no samples for {of.kind} {of.namespace}/{of.name}")
        state = "completions succeeded" if of.kind == "Job" else "replicas ready"
        return (
            Reading(
                self.name,
                title,
                ready,
                f"of {units.count(desired)} {state}",
                answers.at(kind.ready),
                f"{kind.ready}{{namespace={quoted(of.namespace)},{kind.label}={quoted(of.name)}}}",
                note="; ".join(_notes(of, kind, desired, answers)),
            ),
        )


def _named(alert: Alert) -> _Object | None:
    """The workload that an alert names itself."""
    of = target(alert)
    for kind in _KINDS.values():
        if kind.named and alert.labels.get(kind.label) and not of.pod:
            return _Object(kind.name, of.namespace, alert.labels[kind.label], cluster=of.cluster)
    return None


def _owner(alert: Alert, answers: Answers) -> _Object | None:
    """Who owns what the alert is about.

    Raises:
        NoAnswer: it cannot be known.
    """
    named = _named(alert)
    of = target(alert)
    if named is not None or not of.pod:
        return named
    found = samples(answers["owner"], replace(of, container=""))
    if not found:
        raise NoAnswer(f"no data: {_OWNER} has no samples for {described(replace(of, container=''))}")
    labels = found[0].labels
    kind, name = labels.get("owner_kind", ""), labels.get("owner_name", "")
    if kind in ("", "<none>", "Node") or not name:
        return None
    return _Object(kind, labels.get("namespace", ""), name, cluster=of.cluster)


def _deployment(of: _Object, answers: Answers) -> _Object:
    """The Deployment that a ReplicaSet is of, where there is one; else the set itself."""
    owners = [each.labels for each in _of(answers, _SET_OWNER, "replicaset", of)]
    for labels in owners:
        kind, name = labels.get("owner_kind", ""), labels.get("owner_name", "")
        # Of another kind (a Rollout of Argo's), it is the set whose replicas are known.
        if kind == "Deployment" and name == of.name.rpartition("-")[0]:
            return _Object(kind, of.namespace, name, of.name, of.cluster)
    return of


def _notes(of: _Object, kind: _Kind, desired: float, answers: Answers) -> Iterable[str]:
    if of.kind == "Deployment" and of.replica_set:
        created = _value(
            answers, _SET_CREATED, "replicaset", _Object("", of.namespace, of.replica_set, cluster=of.cluster)
        )
        age = _age(created, answers.at(_SET_CREATED))
        if age is not None and age < _ROLLOUT_SECONDS:
            yield f"rolled out {units.duration(age)} before"
    updated = _value(answers, kind.updated, kind.label, of) if kind.updated else None
    if updated is not None and updated < desired:
        yield f"being rolled out, {units.count(updated)} of {units.count(desired)} updated"
    if of.kind == "Job" and (failed := _value(answers, _JOB_FAILED, kind.label, of)):
        yield f"{units.count(failed)} failed"
    yield from _autoscaled(of, answers)


def _autoscaled(of: _Object, answers: Answers) -> Iterable[str]:
    try:
        scaling = [
            each.labels.get("horizontalpodautoscaler", "")
            for each in one(answers[_HPA_OF], of.name, of.cluster, namespace=of.namespace, scaletargetref_name=of.name)
            if each.labels.get("scaletargetref_kind") == of.kind
        ]
    except NoAnswer:
        return
    for name in dict.fromkeys(filter(None, scaling)):
        scaler = _Object("", of.namespace, name, cluster=of.cluster)
        most, now = (_value(answers, each, "horizontalpodautoscaler", scaler) for each in (_HPA_MOST, _HPA_NOW))
        if most is not None and now is not None and now >= most:
            yield f"its autoscaler is at its maximum of {units.count(most)}"


def _age(created: float | None, at: datetime) -> float | None:
    return at.timestamp() - created if created and created <= at.timestamp() else None


def _selections(label: str, objects: Iterable[tuple[str, str]]) -> list[str]:
    objects = list(objects)
    names = any_of(label, (name for _, name in objects))
    return in_namespaces((namespace for namespace, _ in objects), names)


def _of(answers: Answers, metric: str, label: str, of: _Object) -> list[Sample]:
    return one(answers[metric], of.name, of.cluster, namespace=of.namespace, **{label: of.name})


def _value(answers: Answers, metric: str, label: str, of: _Object) -> float | None:
    """A workload's value; where several tell of it, the largest.

    Raises:
        NoAnswer: it was not answered, or it cannot be known whose it is.
    """
    return largest(_of(answers, metric, label, of))
