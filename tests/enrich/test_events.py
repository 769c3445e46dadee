"""Events of a pod and of what owns it, from an API server on loopback."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts.findings import Excerpt, Gap
from enrich.events import Enricher
from tests.enrich.clusters import found
from tests.enrich.lookup import NOW, alert
from tests.far_sides import trouble
from tests.far_sides.kubernetes import TOKEN, Kubernetes

POD = alert(namespace="shop", pod="cart-7d9f-x1", container="app")
OF_POD = ("Pod", "cart-7d9f-x1")
NAMESPACE = "/api/v1/namespaces/shop"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server() -> Iterator[Kubernetes]:
    """A cluster with a pod of a Deployment."""
    with Kubernetes() as far_side:
        far_side.add_pod("shop", "cart-7d9f-x1", owner=("ReplicaSet", "cart-7d9f"))
        far_side.add("replicasets", "shop", "cart-7d9f", owner=("Deployment", "cart"))
        yield far_side


def lines(server: Kubernetes) -> list[str]:
    """Returns what is found of the pod."""
    ((only,),) = found(Enricher(), server.base_url, POD)
    assert isinstance(only, Excerpt), only
    return list(only.lines)


def gaps(server: Kubernetes) -> list[tuple[str, str]]:
    """Returns what could not be found of the pod."""
    (all_found,) = found(Enricher(), server.base_url, POD)
    return [(each.title, each.reason) for each in all_found if isinstance(each, Gap)]


def test_tells_warnings_first_and_then_the_newest(server: Kubernetes) -> None:
    """Of the pod, its ReplicaSet and its Deployment, with how often and how long before."""
    server.add_event("shop", OF_POD, "Pulled", "Container image already present", NOW - MINUTE, type="Normal")
    server.add_event("shop", OF_POD, "BackOff", "Back-off restarting failed container app", NOW - 2 * MINUTE, count=12)
    server.add_event("shop", OF_POD, "Unhealthy", "Readiness probe failed: 503", NOW - 20 * MINUTE)
    scaled = "Scaled up replica set cart-7d9f to 3"
    server.add_event("shop", ("Deployment", "cart"), "ScalingReplicaSet", scaled, NOW - 12 * MINUTE, type="Normal")
    server.add_event("shop", ("ReplicaSet", "cart-7d9f"), "FailedCreate", "exceeded quota", NOW - 30 * MINUTE)
    server.add_event("shop", ("Pod", "other"), "BackOff", "not this one", NOW)
    assert [
        "2m before: warning BackOff 12 times: Back-off restarting failed container app",
        "20m before: warning Unhealthy: Readiness probe failed: 503",
        "30m before: warning FailedCreate of ReplicaSet cart-7d9f: exceeded quota",
        "1m before: Pulled: Container image already present",
        "12m before: ScalingReplicaSet of Deployment cart: Scaled up replica set cart-7d9f to 3",
    ] == lines(server)


def test_says_where_there_is_more(server: Kubernetes) -> None:
    """The excerpt is of the moment when the alert was received, and names the command."""
    server.add_event("shop", OF_POD, "BackOff", "x", NOW)
    ((only,),) = found(Enricher(), server.base_url, POD)
    source = "kubectl get events -n shop --field-selector involvedObject.name=cart-7d9f-x1"
    assert Excerpt("events", "events", ("0s before: warning BackOff: x",), NOW, source) == only


def test_tells_of_the_last_hour_only(server: Kubernetes) -> None:
    """What is older is left out, and where that is all, nothing is said."""
    server.add_event("shop", OF_POD, "Old", "x", NOW - 61 * MINUTE)
    assert [()] == found(Enricher(), server.base_url, POD)
    server.add_event("shop", OF_POD, "New", "x", NOW - 59 * MINUTE)
    assert ["59m before: warning New: x"] == lines(server)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"series": {"count": 7, "lastObservedTime": "2026-11-21T09:29:00.000001Z"}},
            "1m before: warning R 7 times: x",
        ),
        ({"lastTimestamp": None, "eventTime": "2026-11-21T09:27:00.123456Z", "count": None}, "3m before: warning R: x"),
        ({"lastTimestamp": None}, "5m before: warning R: x"),
        ({"message": None, "type": "Normal"}, "5m before: R:"),
        ({"message": "a\nb\x1b[31m password=hunter2"}, "5m before: warning R: a b password=***"),
        ({"message": "x" * 10_000}, "5m before: warning R: " + "x" * 197 + "…"),
    ],
    ids=["series", "eventTime", "created", "null", "odd text", "long"],
)
def test_reads_every_kind_of_event(server: Kubernetes, more: dict[str, Any], expected: str) -> None:
    """Those of a series, of the newer API, and with whatever for a message."""
    server.add_event("shop", OF_POD, "R", "x", NOW - 5 * MINUTE, **more)
    assert [expected] == lines(server)


def test_tells_a_few_and_how_many_more(server: Kubernetes) -> None:
    """Six of any number."""
    for at in range(10):
        server.add_event("shop", OF_POD, f"R{at}", "x", NOW - at * MINUTE)
    told = lines(server)
    assert (7, "0s before: warning R0: x", "… and 4 more") == (len(told), told[0], told[-1])


def test_tells_of_a_pod_that_is_gone(server: Kubernetes) -> None:
    """Its events outlive it, and that nobody knows any more who owned it is no gap."""
    server.add_event("shop", ("Pod", "gone-1"), "Evicted", "The node was low on memory", NOW - MINUTE)
    ((only,),) = found(Enricher(), server.base_url, alert(namespace="shop", pod="gone-1"))
    assert "1m before: warning Evicted: The node was low on memory" == only.text


@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        ("list events", [("events", "Kubernetes does not allow it: needs list events in namespace shop")]),
        (
            "get replicasets",
            [("events of what owns it", "Kubernetes does not allow it: needs get replicasets in namespace shop")],
        ),
        ("get pods", [("events of what owns it", "Kubernetes does not allow it: needs get pods in namespace shop")]),
    ],
)
def test_says_what_rbac_lacks(server: Kubernetes, denied: str, expected: list[tuple[str, str]]) -> None:
    """What is allowed is told all the same."""
    server.add_event("shop", OF_POD, "BackOff", "x", NOW)
    server.denied.add(denied)
    assert expected == gaps(server)
    (all_found,) = found(Enricher(), server.base_url, POD)
    assert (denied != "list events") == isinstance(all_found[0], Excerpt)


def test_asks_one_by_one_about_a_few(server: Kubernetes) -> None:
    """A pod, its ReplicaSet and its Deployment are three lists, and there is nobody else's in them."""
    found(Enricher(), server.base_url, POD, POD)
    assert [f"{NAMESPACE}/events"] * 3 == [each for each in server.asked if each.endswith("events")]


def test_asks_once_about_many(server: Kubernetes) -> None:
    """Of a storm in a namespace all warnings are one list, and so many pods as are looked up."""
    for at in range(30):
        server.add_pod("shop", f"web-{at}")
        server.add_event("shop", ("Pod", f"web-{at}"), "BackOff", f"of {at}", NOW)
        server.add_event("shop", ("Pod", f"web-{at}"), "Pulled", "not asked for", NOW, type="Normal")
    storm = [alert(namespace="shop", pod=f"web-{at}") for at in range(30)]
    told = ["; ".join(each.text for each in findings) for findings in found(Enricher(), server.base_url, *storm)]
    assert [f"0s before: warning BackOff: of {at}" for at in range(10)] == told[:10]
    assert {"left out: 10 pods at a time are looked up, the worst and newest"} == set(told[10:])
    assert (10, 1) == (len(server.asked) - 1, len([each for each in server.asked if each.endswith("events")]))


def test_does_not_say_nothing_of_what_was_not_read(server: Kubernetes) -> None:
    """Where there are more events than are listed, a pod's own may be among the others."""
    for at in range(1_001):
        server.add_event("shop", ("Pod", "other"), "BackOff", f"of {at}", NOW)
    server.add_event("shop", OF_POD, "BackOff", "of this one", NOW)
    assert ["0s before: warning BackOff: of this one"] == lines(server)
    storm = [alert(namespace="shop", pod=f"web-{at}") for at in range(5)]
    told = found(Enricher(), server.base_url, *storm)
    assert [(Gap("events", "events", "namespace shop has more than 1,000 events: not all were read"),)] * 5 == told


def test_looks_nothing_up_of_what_is_no_pod_or_over(server: Kubernetes) -> None:
    """Nor is anybody asked."""
    over = replace(POD, status="resolved", ends_at=NOW)
    assert [(), ()] == found(Enricher(), server.base_url, alert(instance="node-1"), over)
    assert [] == server.requests


@pytest.mark.parametrize(
    "far_side",
    [trouble.hanging, trouble.refusing, trouble.nonsense, trouble.unavailable, trouble.dripping_body, trouble.closing],
)
def test_trouble_is_a_gap_in_time(far_side: Callable[[], AbstractContextManager[str]]) -> None:
    """Whatever Kubernetes does, it is said for people, and within the time that there is."""
    with far_side() as url:
        before = time.monotonic()
        (all_found,) = found(Enricher(), url, POD, seconds=0.5)
        assert time.monotonic() - before < 1.2
    assert all_found
    for each in all_found:
        assert isinstance(each, Gap)
        assert each.reason.startswith("Kubernetes ")
        assert TOKEN not in each.reason
        assert "Error" not in each.reason
