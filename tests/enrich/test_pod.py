"""Pods as Kubernetes tells of them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from enrich._base import NoAnswer
from enrich._places import Place
from enrich._pod import Container, Ended, Owner, moment, owners, pod
from tests.enrich.clusters import asking
from tests.enrich.lookup import NOW
from tests.far_sides.kubernetes import Kubernetes, container, terminated, waiting

PLACE = Place("shop", "cart-1")


@pytest.fixture
def server() -> Iterator[Kubernetes]:
    """An empty cluster."""
    with Kubernetes() as far_side:
        yield far_side


def owned(server: Kubernetes) -> list[Owner]:
    """Returns who owns the pod."""
    with asking(server.base_url) as kubernetes:
        return owners(kubernetes, PLACE, time.monotonic() + 5)


def test_reads_its_containers(server: Kubernetes) -> None:
    """How each is and how it ended; init containers first."""
    server.add_pod(
        "shop",
        "cart-1",
        container("app", state=waiting(), last=terminated(NOW, 137, "OOMKilled")),
        container("proxy", ready=True),
        init=[container("migrate", state=terminated(None, 0, "Completed"))],
    )
    with asking(server.base_url) as kubernetes:
        found = pod(kubernetes, PLACE, time.monotonic() + 5)
    assert (
        Container("migrate", False, False, "", Ended(None, "Completed", 0), None),
        Container("app", False, False, "CrashLoopBackOff", None, Ended(NOW, "OOMKilled", 137)),
        Container("proxy", True, True, "", None, None),
    ) == found.containers


@pytest.mark.parametrize(
    ("kind", "resource", "above"), [("ReplicaSet", "replicasets", "Deployment"), ("Job", "jobs", "CronJob")]
)
def test_knows_who_owns_it(server: Kubernetes, kind: str, resource: str, above: str) -> None:
    """What made it, and what made that."""
    server.add_pod("shop", "cart-1", owner=(kind, "cart-7d9f"))
    server.add(resource, "shop", "cart-7d9f", owner=(above, "cart"))
    assert [Owner(kind, "cart-7d9f"), Owner(above, "cart")] == owned(server)


def test_asks_no_further_where_it_ends(server: Kubernetes) -> None:
    """A StatefulSet has no owner that is asked about, and some pods have none."""
    server.add_pod("shop", "cart-1", owner=("StatefulSet", "cart"))
    assert [Owner("StatefulSet", "cart")] == owned(server)
    server.add_pod("shop", "cart-1")
    assert [] == owned(server)
    assert ["/api/v1/namespaces/shop/pods/cart-1"] * 2 == server.asked


def test_makes_no_url_of_what_is_no_name(server: Kubernetes) -> None:
    """Not even of what Kubernetes itself tells."""
    server.add_pod("shop", "cart-1", owner=("ReplicaSet", "../../secrets"))
    assert [Owner("ReplicaSet", "../../secrets")] == owned(server)


@pytest.mark.parametrize(
    "broken",
    [{}, {"status": {"containerStatuses": [7]}}, {"status": {"containerStatuses": [{"name": "a", "state": 7}]}}],
)
def test_takes_nothing_else_for_a_pod(server: Kubernetes, broken: dict[str, Any]) -> None:
    """An answer of another shape is not the API's."""
    server.add("pods", "shop", "cart-1", **broken)
    with pytest.raises(NoAnswer, match="something that is not its API's"):
        owned(server)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T09:30:00Z", NOW),
        ("2026-11-21T09:30:00.250000Z", NOW.replace(microsecond=250_000)),
        ("2026-11-21T10:30:00+01:00", NOW),
        ("2026-11-21T09:30:00", NOW),
        ("", None),
        (None, None),
    ],
)
def test_reads_times(text: str | None, expected: datetime | None) -> None:
    """Whatever their precision, and with UTC where no zone is said."""
    found = moment(text)
    assert expected == found
    assert found is None or found.astimezone(UTC) == expected
