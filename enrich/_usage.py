"""The use of a resource against its request and its limit: what `cpu` and `memory` have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from alerts.target import Target
from enrich._base import Answers, Gauges, NoAnswer
from enrich._promql import per_second
from enrich._target import (
    BY_CONTAINER,
    by_container,
    described,
    each_of,
    instances,
    of_cadvisor,
    of_kube_state,
    own,
    pod_names,
    samples,
    target,
    targets,
    total,
)


@dataclass(frozen=True, slots=True)
class Usage:
    """An enricher of one resource.

    Attributes:
        unit: "cores" or "bytes".
        resource: kube-state-metrics' name for it.
        metric: cAdvisor's series of a container's use.
        counter: it counts what was used, and its slope is the use.
        instance_use: PromQL of an instance's use, by instance, `$matchers` standing for the selector's.
        instance_limit: and of all there is of it.
        instance_metric: what must exist for an instance, for the gap's reason.
        aside_promql: PromQL of something else worth a word of a container, likewise; "" for nothing.
    """

    name: str
    title: str
    unit: Literal["cores", "bytes"]
    resource: str
    metric: str
    counter: bool
    instance_use: str
    instance_limit: str
    instance_metric: str
    aside_promql: str = ""

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """What containers use and may use, and what instances use and have."""
        of = targets(alerts)
        asked: dict[str, str] = {}
        if selections := of_cadvisor(of):
            pods = pod_names(of)
            use = each_of(selections, self._slope, pods) if self.counter else Gauges(self.metric, selections, pods)
            # Not each pod has a limit: whether they have other names is told by what each has.
            known = Gauges("kube_pod_info", of_kube_state(of), pods)
            asked |= {"use": use, "known": known}
            for kind in ("request", "limit"):
                asked[kind] = Gauges(f"kube_pod_container_resource_{kind}s", of_kube_state(of), like=known)
            if self.aside_promql:
                asked["aside"] = each_of(selections, f"max {BY_CONTAINER} ({self.aside_promql})", like=use)
        if matchers := instances(of):
            asked["instance use"] = each_of([matchers], self.instance_use)
            asked["instance limit"] = each_of([matchers], self.instance_limit)
        return asked

    @property
    def _slope(self) -> str:
        # Older cAdvisors have a series for each CPU.
        return f"max {BY_CONTAINER} (sum without (cpu) ({per_second(f'{self.metric}{{$matchers}}')}))"

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """The use, with its request and limit where they are known; a gap beside it where they are not."""
        of = target(alert)
        return self._of_instance(of, answers) if of.instance else self._of_pod(of, answers)

    def remark(self, reading: Reading, aside: float) -> str:
        """A word beside a pod's reading, made of what the aside brought; "" when there is nothing to say."""
        return ""

    def _of_instance(self, of: Target, answers: Answers) -> tuple[Finding, ...]:
        found = samples(answers["instance use"], of)
        if not found:
            raise NoAnswer(f"no data: {self.instance_metric} has no samples for {described(of)}")
        at, query = answers.at("instance use"), self.instance_use.replace("$matchers", own(of, found[0]))
        reading = Reading(self.name, self.title, total(found), self.unit, at, query, drawn=True)
        try:
            limit = sum(each.value for each in samples(answers["instance limit"], of))
        except NoAnswer as reason:
            return (reading, Gap(self.name, f"{self.title} limit", str(reason)))
        return (replace(reading, limit=limit if math.isfinite(limit) and limit else None),)

    def _of_pod(self, of: Target, answers: Answers) -> tuple[Finding, ...]:
        found = samples(answers["use"], of)
        uses = by_container(found)
        if not uses:
            raise NoAnswer(f"no data: {self.metric} has no samples for {described(of)}")
        # Of an alert that does not say, the namespace in which the pod runs: another may hold limits of its namesake.
        of = replace(of, namespace=found[0].labels.get("namespace", ""))
        bounds: dict[str, float | None] = {}
        gaps: list[Gap] = []
        for kind in ("request", "limit"):
            try:
                bounding = [each for each in samples(answers[kind], of) if each.labels.get("resource") == self.resource]
            except NoAnswer as reason:
                gaps.append(Gap(self.name, f"{self.title} {kind}", str(reason)))
                continue
            values = {name: value for name, value in by_container(bounding).items() if name in uses}
            # Of a pod, some of whose containers have no limit, the sum of the others' is none.
            bound = sum(values.values())
            bounds[kind] = bound if len(values) == len(uses) and math.isfinite(bound) else None
        use = sum(uses.values())
        if not math.isfinite(use):
            raise NoAnswer(f"no data: Prometheus has {use} for it")
        each_use = self._slope if self.counter else f"max {BY_CONTAINER} ({self.metric}{{$matchers}})"
        reading = Reading(
            self.name,
            self.title,
            use,
            self.unit,
            answers.at("use"),
            f"sum({each_use.replace('$matchers', own(of, found[0]))})",
            request=bounds.get("request"),
            limit=bounds.get("limit"),
            drawn=True,
        )
        if self.aside_promql:
            try:
                values = by_container(samples(answers["aside"], of))
                if note := self._note(reading, values, uses):
                    reading = replace(reading, note=note)
            except NoAnswer as reason:
                gaps.append(Gap(self.name, f"more of {self.title}", str(reason)))
        return (reading, *gaps)

    def _note(self, reading: Reading, values: Mapping[str, float], uses: Mapping[str, float]) -> str:
        known = [value for name, value in values.items() if name in uses and math.isfinite(value)]
        return self.remark(reading, sum(known) if self.unit == "bytes" else max(known)) if known else ""
