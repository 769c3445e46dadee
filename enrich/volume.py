"""Volumes: how full a persistent volume claim is, and when it will be full if that goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import units
from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from alerts.target import target
from enrich._base import Answers, Gauges, NoAnswer
from enrich._promql import any_of, equal
from enrich._target import each_of, largest, of_kube_state, one, samples

_USED = "kubelet_volume_stats_used_bytes"
_CAPACITY = "kubelet_volume_stats_capacity_bytes"
_CLAIMS = "kube_pod_spec_volumes_persistentvolumeclaims_info"
_CLAIM = "persistentvolumeclaim"
_LATER_SECONDS = 7 * 86_400.0

_Claims = dict[tuple[str, str], None]


class Enricher:
    """What the kubelet tells of the claim that an alert names, or of those of its pod."""

    name = "volume"
    title = "volume"

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Which claims the pods have."""
        selections = of_kube_state(target(alert) for alert in alerts)
        return {"claims": Gauges(_CLAIMS, selections)} if selections else {}

    def follow_up(self, alerts: Sequence[Alert], answers: Answers) -> Mapping[str, str]:
        """How full all of these are, and how fast they fill."""
        claims: _Claims = {}
        for alert in alerts:
            try:
                claims |= _claims(alert, answers)
            except NoAnswer:
                continue
        if not claims:
            return {}
        selections = _selections(claims)
        return {
            "used": Gauges(_USED, selections),
            "capacity": Gauges(_CAPACITY, selections),
            "growth": each_of(selections, f"deriv({_USED}{{$matchers}}[1h])"),
        }

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """Each claim's use; nothing for what has none."""
        if not target(alert).pod and not alert.labels.get(_CLAIM):
            return ()
        found: list[Finding] = []
        for namespace, claim in _claims(alert, answers):
            title = f"volume {claim}"[:120]
            try:
                found += self._of(namespace, claim, title, target(alert).cluster, answers)
            except NoAnswer as reason:
                found.append(Gap(self.name, title, str(reason)))
        return tuple(found)

    def _of(self, namespace: str, claim: str, title: str, cluster: str, answers: Answers) -> list[Finding]:
        used = _value(answers, "used", namespace, claim, cluster)
        if used is None:
            raise NoAnswer(f"no data: {_USED} has no samples for claim {namespace}/{claim}")
        gaps: list[Finding] = []
        capacity, growth = None, None
        try:
            capacity = _value(answers, "capacity", namespace, claim, cluster)
            growth = _value(answers, "growth", namespace, claim, cluster)
        except NoAnswer as reason:
            gaps.append(Gap(self.name, f"more of {title}", str(reason)))
        note = ""
        if capacity is not None and growth is not None and growth > 0 and capacity > used:
            seconds = (capacity - used) / growth
            note = f"full in {units.duration(seconds)}" if seconds < _LATER_SECONDS else ""
        at, query = answers.at("used"), f"max({_USED}{{{equal(_labels(namespace, claim))}}})"
        reading = Reading(self.name, title, used, "bytes", at, query, limit=capacity or None, note=note, drawn=True)
        return [reading, *gaps]


def _claims(alert: Alert, answers: Answers) -> _Claims:
    """The claim that the alert names, or those of its pod, as (namespace, claim)."""
    of = target(alert)
    if alert.labels.get(_CLAIM):
        return {(of.namespace, alert.labels[_CLAIM]): None}
    if not of.pod:
        return {}
    found = samples(answers["claims"], replace(of, container=""))
    named = ((each.labels.get("namespace", ""), each.labels.get(_CLAIM, "")) for each in found)
    return dict.fromkeys(sorted({each for each in named if each[1]}))


def _selections(claims: Iterable[tuple[str, str]]) -> list[str]:
    claims = list(claims)
    matchers = [any_of(_CLAIM, (claim for _, claim in claims))]
    if all(namespace for namespace, _ in claims):
        matchers.insert(0, any_of("namespace", (namespace for namespace, _ in claims)))
    return [",".join(matchers)]


def _value(answers: Answers, question: str, namespace: str, claim: str, cluster: str) -> float | None:
    """The value of a claim.

    Raises:
        NoAnswer: there is none, or it cannot be known whose.
    """
    return largest(one(answers[question], f"claim {claim}", cluster, **_labels(namespace, claim)))


def _labels(namespace: str, claim: str) -> dict[str, str]:
    return {name: value for name, value in (("namespace", namespace), (_CLAIM, claim)) if value}
