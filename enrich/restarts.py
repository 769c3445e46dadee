"""Restarts: how often a pod's containers began anew within the last hour, and why the last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import units
from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from alerts.target import Target
from enrich._base import Answers, Gauges, NoAnswer
from enrich._target import (
    by_container,
    described,
    each_of,
    of_kube_state,
    own,
    pod_names,
    samples,
    target,
    targets,
)
from enrich._vector import Sample

_RESTARTS = "kube_pod_container_status_restarts_total"
_ENDED = "kube_pod_container_status_last_terminated_reason"
_CODE = "kube_pod_container_status_last_terminated_exitcode"
_WAITING = "kube_pod_container_status_waiting_reason"
_PLAINLY = {"OOMKilled": "OOMKilled (killed for want of memory)"}


class Enricher:
    """What kube-state-metrics tells of the restarts of a pod, or of the container that the alert names."""

    name = "restarts"
    title = "restarts"

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """Gauges, and one query for how it was an hour before."""
        selections = of_kube_state(targets(alerts))
        if not selections:
            return {}
        now = Gauges(_RESTARTS, selections, pod_names(targets(alerts)))
        return {
            "now": now,
            # `increase` would tell of 3.05 restarts.
            "before": each_of(selections, f"{_RESTARTS}{{$matchers}} offset 1h", like=now),
            "ended": Gauges(_ENDED, selections, like=now),
            "code": Gauges(_CODE, selections, like=now),
            "waiting": Gauges(_WAITING, selections, like=now),
        }

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """How many within the hour, and what is known of the last; nothing for what is no pod."""
        of = target(alert)
        if not of.pod:
            return ()
        found = samples(answers["now"], of)
        now = by_container(found)
        if not now:
            raise NoAnswer(f"no data: {_RESTARTS} has no samples for {described(of)}")
        gaps: list[Gap] = []
        unit = "in the last hour"
        try:
            before = by_container(samples(answers["before"], of))
            counts = [_since(before.get(name), value) for name, value in now.items()]
        except NoAnswer as reason:
            gaps.append(Gap(self.name, "restarts before", str(reason)))
            counts, unit = list(now.values()), "in all"
        value = sum(counts)
        if not 0 <= value < float("inf"):
            raise NoAnswer(f"no data: Prometheus has {value} for it")
        try:
            note = "; ".join(filter(None, (_last(of, answers), _waits(of, answers))))
        except NoAnswer as reason:
            note = ""
            gaps.append(Gap(self.name, "last restart", str(reason)))
        return (
            Reading(
                self.name, self.title, value, unit, answers.at("now"), f"{_RESTARTS}{{{own(of, found[0])}}}", note=note
            ),
            *gaps,
        )


def _since(before: float | None, now: float) -> float:
    """How many there were: all, of a pod that is young or was made anew under the same name, and counts from 0."""
    return now if before is None or before > now else now - before


def _last(of: Target, answers: Answers) -> str:
    """Why containers ended last: "app ended last by OOMKilled (killed for want of memory), exit code 137"."""
    codes = by_container(samples(answers["code"], of))
    said = []
    for container, reason in _reasons(samples(answers["ended"], of)).items():
        code = codes.get(container)
        code_text = f", exit code {units.count(code)}" if code is not None else ""
        said.append(f"{container} ended last by {_PLAINLY.get(reason, reason)}{code_text}")
    return "; ".join(said)


def _waits(of: Target, answers: Answers) -> str:
    waiting = _reasons(samples(answers["waiting"], of))
    return "; ".join(f"{container} waits: {reason}" for container, reason in waiting.items())


def _reasons(found: Sequence[Sample]) -> dict[str, str]:
    """By container; older versions have a series for each reason there is, of which one is 1."""
    return {
        sample.labels.get("container", ""): sample.labels.get("reason", "")
        for sample in found
        if sample.value == 1 and sample.labels.get("reason")
    }
