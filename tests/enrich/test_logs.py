"""The last lines of the right container's right instance, from an API server on loopback."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts.findings import Excerpt, Finding, Gap
from enrich.logs import Enricher
from tests.enrich.clusters import found
from tests.enrich.lookup import NOW, alert
from tests.far_sides import trouble
from tests.far_sides.kubernetes import TOKEN, Kubernetes, container, terminated, waiting

NAMED = alert(namespace="shop", pod="cart-1", container="app")
UNNAMED = alert(namespace="shop", pod="cart-1")
MINUTE = timedelta(minutes=1)
CRASHED = terminated(NOW - MINUTE, 137, "OOMKilled")
LONG_AGO = terminated(NOW - 90 * MINUTE)
DONE = terminated(NOW - 2 * MINUTE, 0, "Completed")
NEVER: dict[str, Any] = waiting("ImagePullBackOff")


@pytest.fixture
def server() -> Iterator[Kubernetes]:
    """A cluster in which each instance of `app`, `proxy` and `migrate` says which it is."""
    with Kubernetes() as far_side:
        for name in ("app", "proxy", "migrate"):
            far_side.add_log("shop", "cart-1", name, f"{name} now")
            far_side.add_log("shop", "cart-1", name, f"{name} before", previous=True)
        yield far_side


def told(server: Kubernetes, about: Any = NAMED) -> tuple[Finding, ...]:
    """Returns what is found of the pod."""
    (findings,) = found(Enricher(), server.base_url, about)
    return tuple(findings)


@pytest.mark.parametrize(
    ("about", "containers", "init", "expected"),
    [
        (NAMED, [container("app", state=waiting(), last=CRASHED), container("proxy")], [], "app before"),
        (NAMED, [container("app", last=CRASHED)], [], "app before"),
        (NAMED, [container("app", state=CRASHED, last=LONG_AGO)], [], "app now"),
        (NAMED, [container("app", state=DONE)], [], "app now"),
        (NAMED, [container("app", ready=True, last=LONG_AGO)], [], "app now"),
        (NAMED, [container("app", ready=True), container("proxy", state=CRASHED)], [], "app now"),
        (NAMED, [container("proxy", state=waiting(), last=CRASHED)], [], "proxy before"),
        (UNNAMED, [container("app", ready=True), container("proxy", last=CRASHED)], [], "proxy before"),
        (UNNAMED, [container("app", last=terminated(NOW)), container("proxy", last=CRASHED)], [], "app before"),
        (
            UNNAMED,
            [container("app", state=NEVER)],
            [container("migrate", state=waiting(), last=CRASHED)],
            "migrate before",
        ),
        (UNNAMED, [container("app")], [container("migrate", state=DONE)], "app now"),
        (UNNAMED, [container("app", ready=True, last=LONG_AGO)], [], ""),
        (UNNAMED, [container("app", ready=True, last=DONE)], [], ""),
        (UNNAMED, [container("app", state=NEVER)], [], ""),
        (UNNAMED, [container("app", ready=True)], [container("migrate", state=DONE)], ""),
        (UNNAMED, [], [], ""),
    ],
)
def test_tells_the_right_log(
    server: Kubernetes, about: Any, containers: list[Any], init: list[Any], expected: str
) -> None:
    """Of what ended last within the hour, else of what is named or not ready; nothing where all is well."""
    server.add_pod("shop", "cart-1", *containers, init=init)
    assert expected == "".join(each.text for each in told(server, about))


def test_says_whose_it_is_and_where_there_is_more(server: Kubernetes) -> None:
    """The title tells of which instance, the source is the command."""
    server.add_pod("shop", "cart-1", container("app", last=CRASHED))
    command = "kubectl logs -n shop cart-1 -c app --previous --tail=100"
    assert (Excerpt("logs", "log of app before it ended", ("app before",), NOW, command),) == told(server)
    server.add_pod("shop", "cart-1", container("app", ready=True))
    command = "kubectl logs -n shop cart-1 -c app --tail=100"
    assert (Excerpt("logs", "log of app", ("app now",), NOW, command),) == told(server)


def test_tells_the_last_lines(server: Kubernetes) -> None:
    """Ten that are not blank, each cut, plain, and without secrets; no more of them is asked for than needed."""
    server.add_pod("shop", "cart-1", container("app"))
    text = "".join(f"line {at}\n\n" for at in range(500))
    last = "\x1b[31mpassword=hunter2\x1b[0m\n" + "x" * 300 + "\r\n\xff\n"
    server.add_log("shop", "cart-1", "app", text.encode() + last.encode("latin-1"))
    (only,) = told(server)
    assert isinstance(only, Excerpt)
    assert [*(f"line {at}" for at in range(493, 500)), "password=***", "x" * 199 + "…", "\ufffd"] == list(only.lines)
    assert "tailLines=20" in server.requests[-1].path
    assert "limitBytes=262144" in server.requests[-1].path


def test_megabytes_are_read_in_time(server: Kubernetes) -> None:
    """Whatever a container wrote on one line."""
    server.add_pod("shop", "cart-1", container("app"))
    server.add_log("shop", "cart-1", "app", "token = " * 1_000_000)
    before = time.monotonic()
    (only,) = told(server)
    assert (True, True) == (only.text.startswith("token = ***"), time.monotonic() - before < 2)


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([container("app", state=NEVER)], "container app has not begun: ImagePullBackOff"),
        ([container("app", state={"waiting": {}})], "container app has not begun: nobody says why"),
        ([container("empty", ready=True)], "container empty of pod shop/cart-1 wrote nothing"),
        (
            [container("lost", last=CRASHED)],
            'Kubernetes answered with status 400: previous terminated container "lost" in pod "cart-1" not found',
        ),
    ],
)
def test_says_why_there_is_none(server: Kubernetes, containers: list[Any], expected: str) -> None:
    """What has not begun, wrote nothing, or is gone."""
    server.add_pod("shop", "cart-1", *containers)
    server.add_log("shop", "cart-1", "empty", "\n \n")
    about = alert(namespace="shop", pod="cart-1", container=containers[0]["name"])
    assert (Gap("logs", "log", expected),) == told(server, about)


def test_says_that_the_pod_is_gone(server: Kubernetes) -> None:
    """Its log went with it."""
    assert (Gap("logs", "log", "pod shop/cart-1 is gone, and its log with it"),) == told(server)


@pytest.mark.parametrize("denied", ["get pods", "get pods/log"])
def test_says_what_rbac_lacks(server: Kubernetes, denied: str) -> None:
    """Whoever reads it knows what to allow."""
    server.add_pod("shop", "cart-1", container("app"))
    server.denied.add(denied)
    reason = f"Kubernetes does not allow it: needs {denied} in namespace shop"
    assert (Gap("logs", "log", reason),) == told(server)


def test_asks_once_about_many_alerts_of_a_pod(server: Kubernetes) -> None:
    """A container's log is read once for all of them; another container's by itself."""
    server.add_pod("shop", "cart-1", container("app"), container("proxy"))
    proxy = alert(namespace="shop", pod="cart-1", container="proxy")
    texts = [each[0].text for each in found(Enricher(), server.base_url, NAMED, NAMED, proxy, NAMED)]
    assert ["app now", "app now", "proxy now", "app now"] == texts
    assert 2 == len([each for each in server.asked if each.endswith("/log")])


def test_asks_for_no_container_by_another_name(server: Kubernetes) -> None:
    """What is no name of a container is not looked for."""
    server.add_pod("shop", "cart-1", container("app"))
    assert "app now" == told(server, alert(namespace="shop", pod="cart-1", container="a&previous=true"))[0].text


def test_looks_nothing_up_of_what_is_no_pod_or_over(server: Kubernetes) -> None:
    """Nor is anybody asked."""
    over = replace(NAMED, status="resolved", ends_at=NOW)
    assert [(), ()] == found(Enricher(), server.base_url, alert(instance="node-1"), over)
    assert [] == server.requests


@pytest.mark.parametrize(
    "far_side",
    [trouble.hanging, trouble.refusing, trouble.nonsense, trouble.unavailable, trouble.endless_body, trouble.closing],
)
def test_trouble_is_a_gap_in_time(far_side: Callable[[], AbstractContextManager[str]]) -> None:
    """Whatever Kubernetes does, it is said for people, and within the time that there is."""
    with far_side() as url:
        before = time.monotonic()
        ((only,),) = found(Enricher(), url, NAMED, seconds=0.5)
        assert time.monotonic() - before < 1.2
    assert isinstance(only, Gap)
    assert only.reason.startswith("Kubernetes ")
    assert TOKEN not in only.reason
    assert "Error" not in only.reason
