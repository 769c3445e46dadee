"""Volumes, as the kubelet tells of them."""

import pytest

from alerts.findings import Gap
from enrich._base import Answers, NoAnswer
from enrich._vector import Sample, Vector
from enrich.volume import Enricher
from tests.enrich.lookup import MIB, NOW, Cluster, Lookup, alert

CLAIM = alert(namespace="shop", persistentvolumeclaim="data-0")
WHERE = {"namespace": "shop", "persistentvolumeclaim": "data-0"}
ALL = {"used": 900 * MIB, "capacity": 1_000 * MIB, "growth": 0.0}


def answers(**values: float | NoAnswer | None) -> Answers:
    """Returns answers about claim data-0; None is an empty one."""
    vectors: dict[str, Vector | NoAnswer] = {
        name: each if isinstance(each, NoAnswer) else Vector([] if each is None else [Sample(WHERE, each)])
        for name, each in values.items()
    }
    return Answers({name: name for name in vectors}, vectors, NOW)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "900 MiB of 1000 MiB (90%)"),
        ({"growth": MIB / 60}, "900 MiB of 1000 MiB (90%); full in 1h 40m"),
        ({"growth": 1.0}, "900 MiB of 1000 MiB (90%)"),
        ({"growth": -1.0}, "900 MiB of 1000 MiB (90%)"),
        ({"used": 1_000 * MIB, "growth": 5.0}, "1000 MiB of 1000 MiB (100%)"),
        ({"capacity": None}, "900 MiB"),
    ],
)
def test_tells_how_full_it_is(changed: dict[str, float | None], expected: str) -> None:
    """And when it will be full, if that is soon."""
    (found,) = Enricher().read(CLAIM, answers(**{**ALL, **changed}))
    assert ("volume", "volume data-0", expected) == (found.name, found.title, found.text)


def test_says_what_is_missing() -> None:
    """What was not answered is a gap, beside the use where there is one."""
    late = NoAnswer("Prometheus timed out after 2s")
    reading, gap = Enricher().read(CLAIM, answers(used=ALL["used"], capacity=late, growth=0.0))
    assert ("900 MiB", Gap("volume", "more of volume data-0", str(late))) == (reading.text, gap)
    (gap,) = Enricher().read(CLAIM, answers(**{**ALL, "used": None}))
    assert "no data: kubelet_volume_stats_used_bytes has no samples for claim shop/data-0" == gap.text
    assert () == Enricher().read(alert(), answers())


def test_a_real_prometheus_tells_them(cluster: Cluster, lookup: Lookup) -> None:
    """Of the claim that an alert names, and of those of its pod; of a pod without any there is nothing to tell."""
    exporter = cluster.exporter
    exporter.add_pod("shop", "db-0", "app", memory_bytes=MIB)
    for number, claim in enumerate(("data-db-0", "wal-db-0"), start=1):
        where = {"namespace": "shop", "persistentvolumeclaim": claim}
        exporter.set(
            "kube_pod_spec_volumes_persistentvolumeclaims_info", {**where, "pod": "db-0", "volume": claim[:4]}, 1
        )
        exporter.set("kubelet_volume_stats_used_bytes", {**where, "node": "node-1"}, number * 100 * MIB)
        exporter.set("kubelet_volume_stats_capacity_bytes", {**where, "node": "node-1"}, 1_000 * MIB)
    cluster.scraped()
    alerts = [
        alert(namespace="shop", persistentvolumeclaim="wal-db-0"),
        alert(namespace="shop", pod="db-0", container="app"),
        alert(namespace="shop", pod="cart-1"),
        alert(persistentvolumeclaim="data-db-0"),
    ]
    data, wal = "100 MiB of 1000 MiB (10%)", "200 MiB of 1000 MiB (20%)"
    assert [wal, f"{data}; {wal}", "", data] == lookup.texts(Enricher(), *alerts)
