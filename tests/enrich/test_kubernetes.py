"""Kubernetes as enrichers ask it: what goes wrong is said for people, and nothing is asked twice."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.findings import Gap, Reading
from enrich import Given, Kubernetes, find, run
from enrich._base import NoAnswer
from enrich._kubernetes import Missing, Request, items, kubernetes
from outbound import Answer
from tests.enrich.clusters import asking
from tests.enrich.lookup import Lookup, alert
from tests.far_sides import kubernetes as far_side
from tests.far_sides import trouble
from tests.far_sides.kubernetes import TOKEN, container

POD = Request(("api", "v1", "namespaces", "shop", "pods", "cart-1"), "get pods in namespace shop", most_bytes=100_000)


@pytest.fixture
def server() -> Iterator[far_side.Kubernetes]:
    """A cluster with a pod."""
    with far_side.Kubernetes() as cluster:
        cluster.add_pod("shop", "cart-1", container("app"))
        yield cluster


def soon(seconds: float = 5.0) -> float:
    """Returns the time until which there may be waited."""
    return time.monotonic() + seconds


def name(answer: Answer) -> str:
    """Reads the name of a thing."""
    return str(answer.json()["metadata"]["name"])


def reason(asked: Kubernetes, seconds: float = 5.0, read: Callable[[Answer], Any] = name) -> str:
    """Returns why there is no answer, in words that hold no secret."""
    with pytest.raises(NoAnswer) as caught:
        asked.get(POD, read, soon(seconds))
    assert TOKEN not in repr(caught.value)
    return str(caught.value)


def test_gets_what_there_is(server: far_side.Kubernetes) -> None:
    """An answer is read."""
    with asking(server.base_url) as asked:
        assert "cart-1" == asked.get(POD, name, soon())


def test_says_what_rbac_lacks(server: far_side.Kubernetes) -> None:
    """Whoever reads it knows what to allow."""
    server.denied.add("get pods")
    with asking(server.base_url) as asked:
        assert "Kubernetes does not allow it: needs get pods in namespace shop" == reason(asked)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"{}", "Kubernetes does not know who asks (401): its token or certificate is not valid"),
        (400, b'{"message": "container \\u001b[1mis waiting"}', "answered with status 400: container is waiting"),
        (500, b'{"message": "dial tcp: password=hunter2"}', "answered with status 500: dial tcp: password=***"),
        (503, b"<html>", "Kubernetes answered with status 503"),
        (302, b"", "Kubernetes answered with status 302"),
        (429, b'{"message": 7}', "Kubernetes answered with status 429"),
        (200, b"<html>", "Kubernetes answered with something that is not its API's"),
        (200, b"[]", "Kubernetes answered with something that is not its API's"),
        (200, b'{"metadata": null}', "Kubernetes answered with something that is not its API's"),
        (200, b"x" * 200_000, "the answer is longer than 100000 bytes"),
    ],
)
def test_says_what_is_wrong(server: far_side.Kubernetes, status: int, body: bytes, expected: str) -> None:
    """In its own words, or in those of the Status object, without what looks like a secret."""
    server.answer_next(status, body)
    with asking(server.base_url) as asked:
        assert expected in reason(asked)


def test_what_is_not_there_is_told_apart(server: far_side.Kubernetes) -> None:
    """A pod that is gone is no failure."""
    with asking(server.base_url) as asked:
        for _ in range(5):
            with pytest.raises(Missing, match="404"):
                asked.get(Request((*POD.path[:-1], "gone"), ""), name, soon())
        assert "cart-1" == asked.get(POD, name, soon())


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (trouble.hanging, "Kubernetes timed out after 0.3s"),
        (trouble.dripping_body, "Kubernetes timed out after 0.3s"),
        (trouble.refusing, "connection refused"),
        (trouble.endless_body, "is longer than 100000 bytes"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_leaves_alone_what_fails_again_and_again(serve: Callable[[], AbstractContextManager[str]], words: str) -> None:
    """After three failures nothing waits for it any more."""
    with serve() as url, asking(url) as asked:
        assert all(words in reason(asked, 0.3) for _ in range(3))
        before = time.monotonic()
        assert "is left alone after 3 failures in a row" in reason(asked, 0.3)
        assert time.monotonic() - before < 0.1


def test_a_node_that_is_down_is_not_the_api(server: far_side.Kubernetes) -> None:
    """Logs that fail leave all else be asked."""
    log = Request((*POD.path, "log"), "get pods/log in namespace shop", of_nodes=True)
    with asking(server.base_url) as asked:
        server.answer_next(502, times=3)
        for _ in range(4):
            with pytest.raises(NoAnswer):
                asked.get(log, name, soon())
        assert "cart-1" == asked.get(POD, name, soon())


def test_no_time_is_no_failure(server: far_side.Kubernetes) -> None:
    """Who comes too late is told so, and nothing is asked."""
    with asking(server.base_url) as asked:
        assert ["Kubernetes did not answer in time"] * 4 == [reason(asked, -1) for _ in range(4)]
        assert "cart-1" == asked.get(POD, name, soon())
    assert 1 == len(server.requests)


def test_keeps_an_answer_for_a_while(server: far_side.Kubernetes) -> None:
    """The same question is asked once within it; and what failed is asked again."""
    with asking(server.base_url, cache_seconds=0.5) as asked:
        server.answer_next(503)
        assert "503" in reason(asked)
        assert ["cart-1"] * 3 == [asked.get(POD, name, soon()) for _ in range(3)]
        assert 2 == len(server.requests)
        time.sleep(0.6)
        assert "cart-1" == asked.get(POD, name, soon())
    assert 3 == len(server.requests)


def test_asks_once_for_all_who_want_to_know(server: far_side.Kubernetes) -> None:
    """Two enrichers that want the same at the same time are one question, and nobody waits longer than they have."""
    server.delay_seconds = 0.3
    with asking(server.base_url) as asked:
        others = [threading.Thread(target=asked.get, args=(POD, name, soon())) for _ in range(3)]
        for each in others:
            each.start()
        server.wait_for(1)
        assert "Kubernetes did not answer in time" == reason(asked, 0.05)
        for each in others:
            each.join(5)
    assert 1 == len(server.requests)


def test_finds_side_by_side(server: far_side.Kubernetes) -> None:
    """What is found in time is told, whatever becomes of the rest; and no more than eight are asked at once."""
    may_end = threading.Event()
    begun: list[int] = []

    def find(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise NoAnswer("no")
        if number == 2:
            raise ZeroDivisionError
        if number > 2:
            may_end.wait(5)
        return number

    with asking(server.base_url) as asked:
        told = {key: str(each) for key, each in asked.each(range(20), find, soon(0.2)).items()}
        assert ("0", "no") == (told[0], told[1])
        assert told[2].startswith("the enricher failed: ZeroDivisionError")
        assert {"Kubernetes did not answer in time"} == {told[at] for at in range(3, 20)}
        assert 11 == len(begun)
        may_end.set()


def test_says_that_none_is_configured() -> None:
    """And how it would be."""
    with pytest.raises(NoAnswer, match=r"no Kubernetes is configured \(enrichment.kubernetes\)"):
        kubernetes(Given())


def test_a_list_may_be_null() -> None:
    """As Go writes an empty one."""
    assert ((), [1]) == (items({"items": None}), items({"items": [1]}))
    with pytest.raises(TypeError):
        items({"items": {}})


@pytest.mark.parametrize(
    "serve",
    [trouble.hanging, trouble.refusing, trouble.nonsense, trouble.unavailable, trouble.endless_body],
    ids=lambda value: str(value.__name__),
)
def test_trouble_hinders_no_reading(serve: Callable[[], AbstractContextManager[str]], lookup: Lookup) -> None:
    """What Prometheus knows is told in time, and of Kubernetes why it is not."""
    enrichers = find()
    about = alert(namespace="shop", pod="cart-1", container="app")
    assert lookup.prometheus is not None
    with serve() as url, asking(url) as asked:
        before = time.monotonic()
        (told,) = run(
            [enrichers[each] for each in ("memory", "events", "logs")],
            [about],
            [lookup.prometheus],
            received=[datetime.now(UTC)],
            timeout_seconds=2,
            executor=lookup.executor,
            given=Given(kubernetes=asked),
        )
        assert time.monotonic() - before < 3
    readings = {each.name for each in told if isinstance(each, Reading)}
    gaps = {each.name: each.reason for each in told if isinstance(each, Gap)}
    assert ({"memory"}, {"events", "logs"}) == (readings, set(gaps))
    assert all(each.startswith("Kubernetes ") for each in gaps.values()), gaps
