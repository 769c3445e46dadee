"""The use of a resource against its request and its limit: what `cpu` and `memory` have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import Template
from typing import Literal

from alerts.model import Alert
from alerts.notification import Finding, Gap, Reading
from alerts.target import Target
from enrich._base import Answers, NoAnswer
from enrich._target import instances, pods, samples, target, targets, total

_PER_CONTAINER = "max by (namespace, pod, container)"


@dataclass(frozen=True, slots=True)
class Usage:
    """An enricher of one resource.

    Attributes:
        unit: "cores" or "bytes".
        resource: kube-state-metrics' name for it.
        container_use: PromQL of a container's use, `$matchers` standing for the selector's.
        instance_use: PromQL of an instance's use, by instance, likewise.
        instance_limit: and of all there is of it.
        metrics: what must exist for a pod and for an instance, for the gap's reason.
    """

    name: str
    title: str
    unit: Literal["cores", "bytes"]
    resource: str
    container_use: str
    instance_use: str
    instance_limit: str
    metrics: tuple[str, str]

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """At most three queries for all pods and two for all instances."""
        of = targets(alerts)
        asked = {}
        if matchers := pods(of):
            asked["use"] = f"{_PER_CONTAINER} ({_filled(self.container_use, matchers)})"
            for kind in ("request", "limit"):
                metric = f"kube_pod_container_resource_{kind}s"
                asked[kind] = f'{_PER_CONTAINER} ({metric}{{{matchers},resource="{self.resource}"}})'
        if matchers := instances(of):
            asked["instance use"] = _filled(self.instance_use, matchers)
            asked["instance limit"] = _filled(self.instance_limit, matchers)
        return asked

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """The use, with its request and limit where they are known; a gap beside it where they are not."""
        of = target(alert)
        question = "instance use" if of.instance else "use"
        found = samples(answers[question], of)
        if not found:
            raise NoAnswer(f"no data: {self.metrics[bool(of.instance)]} has no samples for {_described(of)}")
        use = total(found)
        # Of an alert that does not say, the namespace in which the pod runs: another may hold limits of its namesake.
        of = replace(of, namespace=found[0].labels.get("namespace", ""))
        containers = {sample.labels.get("container", "") for sample in found}
        bounds: dict[str, float | None] = {}
        gaps: list[Gap] = []
        for kind in ("limit",) if of.instance else ("request", "limit"):
            try:
                vector = answers["instance limit" if of.instance else kind]
            except NoAnswer as reason:
                gaps.append(Gap(self.name, f"{self.title} {kind}", str(reason)))
                continue
            bounding = [each for each in samples(vector, of) if each.labels.get("container", "") in containers]
            # Of a pod, some of whose containers have no limit, the sum of the others' is none.
            whole = len({each.labels.get("container", "") for each in bounding}) == len(containers)
            bound = sum(each.value for each in bounding)
            bounds[kind] = bound if whole and math.isfinite(bound) else None
        reading = Reading(
            name=self.name,
            title=self.title,
            value=use,
            unit=self.unit,
            at=answers.at,
            query=answers.query(question),
            request=bounds.get("request"),
            limit=bounds.get("limit"),
        )
        return (reading, *gaps)


def _filled(promql: str, matchers: str) -> str:
    return Template(promql).substitute(matchers=matchers)


def _described(of: Target) -> str:
    if of.instance:
        return f"instance {of.text}"
    return f"pod {of.text}" + (f", container {of.container}" if of.container else "")
