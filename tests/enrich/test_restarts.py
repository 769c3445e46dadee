"""Restarts, as kube-state-metrics tells of them."""

from collections.abc import Mapping
from typing import Any

import pytest

from alerts.findings import Gap
from enrich._base import Answers, NoAnswer
from enrich._vector import Sample, Vector
from enrich.restarts import Enricher
from tests.enrich.lookup import NOW, Cluster, Lookup, alert

POD = alert(namespace="shop", pod="cart-1")
NONE: Mapping[str, Any] = {}
Counts = Mapping[str, float] | NoAnswer


def answers(now: Counts, before: Counts = NONE, **more: Mapping[str, Any] | NoAnswer) -> Answers:
    """Returns answers about pod cart-1: values by container, and for the reasons (reason, value)."""

    def vector(values: Mapping[str, Any] | NoAnswer) -> Vector | NoAnswer:
        if isinstance(values, NoAnswer):
            return values
        where = {"namespace": "shop", "pod": "cart-1"}
        pairs = {name: each if isinstance(each, tuple) else ("", each) for name, each in values.items()}
        return Vector(
            Sample({**where, "container": name, "reason": why}, value) for name, (why, value) in pairs.items()
        )

    given = {"now": now, "before": before, "ended": NONE, "code": NONE, "waiting": NONE, **more}
    return Answers({name: name for name in given}, {name: vector(each) for name, each in given.items()}, NOW)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ({"app": 7}, {"app": 4}, "3 in the last hour"),
        ({"app": 7}, {"app": 7}, "0 in the last hour"),
        ({"app": 7, "proxy": 2}, {"app": 4, "proxy": 1}, "4 in the last hour"),
        # A young pod; and one that was made anew under the same name.
        ({"app": 7}, {}, "7 in the last hour"),
        ({"app": 2}, {"app": 40}, "2 in the last hour"),
    ],
)
def test_counts_those_of_the_last_hour(now: Counts, before: Counts, expected: str) -> None:
    """How many more there are than an hour before, of all containers."""
    (found,) = Enricher().read(POD, answers(now, before))
    assert ("restarts", expected) == (found.name, found.text)


def test_says_plainly_why() -> None:
    """Why the container ended last, with its exit code, and what it waits for now."""
    told = answers(
        {"app": 7, "proxy": 0},
        {"app": 4},
        ended={"app": ("OOMKilled", 1), "proxy": ("Completed", 0)},
        code={"app": 137},
        waiting={"app": ("CrashLoopBackOff", 1)},
    )
    (found,) = Enricher().read(POD, told)
    expected = (
        "3 in the last hour; app ended last by OOMKilled (killed for want of memory), exit code 137; "
        "app waits: CrashLoopBackOff"
    )
    assert expected == found.text


def test_what_was_not_answered_is_a_gap_beside_the_rest() -> None:
    """Without the hour before all restarts are told; without the reason the count is."""
    late = NoAnswer("Prometheus timed out after 2s")
    reading, gap = Enricher().read(POD, answers({"app": 7}, late))
    assert ("7 in all", Gap("restarts", "restarts before", str(late))) == (reading.text, gap)
    reading, gap = Enricher().read(POD, answers({"app": 7}, {"app": 4}, ended=late))
    assert ("3 in the last hour", Gap("restarts", "last restart", str(late))) == (reading.text, gap)
    with pytest.raises(NoAnswer, match="timed out"):
        Enricher().read(POD, answers(late))


def test_names_the_metric_that_is_missing() -> None:
    """Without kube-state-metrics the reason says what would have told."""
    expected = "^no data: kube_pod_container_status_restarts_total has no samples for pod shop/cart-1$"
    with pytest.raises(NoAnswer, match=expected):
        Enricher().read(POD, answers({}))
    assert () == Enricher().read(alert(instance="node-1:9100"), answers({}))


def test_a_real_prometheus_tells_them(cluster: Cluster, lookup: Lookup) -> None:
    """With kube-state-metrics' labels as they are, and as they are without `honor_labels`."""
    exporter = cluster.exporter
    for pod, own in (("oom-1", ""), ("oom-2", "exported_")):
        labels = {f"{own}namespace": "shop", f"{own}pod": pod, f"{own}container": "app"}
        if own:
            labels |= {"namespace": "monitoring", "pod": "kube-state-metrics-1", "container": "kube-state-metrics"}
        exporter.set("kube_pod_container_status_restarts_total", labels, 3)
        exporter.set("kube_pod_container_status_last_terminated_reason", {**labels, "reason": "OOMKilled"}, 1)
        exporter.set("kube_pod_container_status_last_terminated_exitcode", labels, 137)
    cluster.scraped()
    expected = "3 in the last hour; app ended last by OOMKilled (killed for want of memory), exit code 137"
    alerts = [alert(namespace="shop", pod="oom-1"), alert(namespace="shop", pod="oom-2")]
    assert [expected, expected] == lookup.texts(Enricher(), *alerts)
