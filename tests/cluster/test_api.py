"""One request to a cluster's API, within one deadline, with the token in nothing that comes back."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from cluster import Cluster, ClusterError, Identity, in_cluster
from outbound import Tls
from tests.far_sides import trouble
from tests.far_sides.certificate import make_certificate
from tests.far_sides.kubernetes import TOKEN, Kubernetes, container

POD = ("api", "v1", "namespaces", "shop", "pods", "cart-1")


@pytest.fixture
def server() -> Iterator[Kubernetes]:
    """A cluster with a pod."""
    with Kubernetes() as far_side:
        far_side.add_pod("shop", "cart-1", container("app"))
        yield far_side


def cluster(url: str) -> closing[Cluster]:
    """Returns a client with the token."""
    return closing(Cluster(lambda: Identity(url, Tls(), lambda: TOKEN)))


def test_gets_a_pod(server: Kubernetes) -> None:
    """The answer is there whatever its status, and the question has no body."""
    with cluster(server.base_url) as client:
        found = client.get(POD, {}, deadline_seconds=5, most_bytes=10_000)
        missing = client.get((*POD[:-1], "gone"), {}, deadline_seconds=5, most_bytes=10_000)
    assert (200, "cart-1", 404) == (found.status, found.json()["metadata"]["name"], missing.status)
    assert ["GET", "GET"] == [each.method for each in server.requests]
    assert "Content-Length" not in server.requests[0].headers


def test_sends_a_body_once(server: Kubernetes) -> None:
    """By its method, and with a content type that says how it is meant."""
    with cluster(server.base_url) as client:
        client.send(
            "PATCH",
            POD,
            {"fieldManager": "me"},
            b"{}",
            content_type="application/merge-patch+json",
            deadline_seconds=5,
            most_bytes=10_000,
        )
    (request,) = server.requests
    assert ("PATCH", b"{}") == (request.method, request.body)
    assert "application/merge-patch+json" == request.headers["Content-Type"]
    assert request.path.endswith("/cart-1?fieldManager=me")


@pytest.mark.parametrize(
    ("serve", "sent", "status"),
    [
        (trouble.refusing, False, 0),
        (trouble.hanging, True, 0),
        (trouble.closing, True, 0),
        (trouble.dripping_body, True, 200),
        (trouble.endless_body, True, 200),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_says_whether_it_may_have_arrived(
    serve: Callable[[], AbstractContextManager[str]], sent: bool, status: int
) -> None:
    """Of an answer that was not whole the status is known."""
    with serve() as url, cluster(url) as client, pytest.raises(ClusterError) as caught:
        client.send("DELETE", POD, {}, b"{}", deadline_seconds=0.3, most_bytes=10_000)
    assert (sent, status) == (caught.value.sent, caught.value.status)


def test_asks_nobody_without_a_token(server: Kubernetes) -> None:
    """A token that is not there just now has no request go out."""

    def token() -> str:
        raise ClusterError("cannot be asked")

    with closing(Cluster(lambda: Identity(server.base_url, Tls(), token))) as client, pytest.raises(ClusterError) as no:
        client.send("DELETE", POD, {}, deadline_seconds=5, most_bytes=10_000)
    assert not no.value.sent
    assert [] == server.requests


def test_quotes_what_it_asks_for(server: Kubernetes) -> None:
    """No part of a path, and no value of a query, becomes more than that."""
    with cluster(server.base_url) as client:
        client.get(("api", "../x?y=z"), {"a": "b&c=d"}, deadline_seconds=5, most_bytes=10_000)
    assert "/api/..%2Fx%3Fy%3Dz?a=b%26c%3Dd" == server.requests[0].path


def test_strikes_out_the_token(server: Kubernetes) -> None:
    """What sends the token back gives it to nobody."""
    server.answer_next(500, f"denied: {TOKEN}".encode())
    with cluster(server.base_url) as client:
        assert "denied: ***" == client.get(POD, {}, deadline_seconds=5, most_bytes=10_000).text


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (trouble.hanging, "timed out after 0.3s"),
        (trouble.dripping_headers, "timed out after 0.3s"),
        (trouble.dripping_body, "timed out after 0.3s"),
        (trouble.refusing, "connection refused"),
        (trouble.closing, "no usable answer"),
        (trouble.endless_body, "is longer than 10000 bytes"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_trouble_ends_in_time(serve: Callable[[], AbstractContextManager[str]], words: str) -> None:
    """Whatever the far side does, there is an error in time, which holds no token."""
    with serve() as url, cluster(url) as client:
        before = time.monotonic()
        with pytest.raises(ClusterError, match=words) as caught:
            client.get(POD, {}, deadline_seconds=0.3, most_bytes=10_000)
        assert time.monotonic() - before < 2
    assert TOKEN not in repr(caught.value)


def test_asks_who_it_is_until_it_knows(server: Kubernetes) -> None:
    """What is not mounted yet may be there for the next question."""
    found: list[Identity] = []

    def identify() -> Identity:
        if not found:
            raise ClusterError("is not around")
        return found[0]

    with closing(Cluster(identify)) as client:
        with pytest.raises(ClusterError, match="is not around"):
            client.get(POD, {}, deadline_seconds=5, most_bytes=10_000)
        found.append(Identity(server.base_url, Tls(), lambda: TOKEN))
        assert 200 == client.get(POD, {}, deadline_seconds=5, most_bytes=10_000).status


def test_speaks_as_a_pod_does(tmp_path: Path) -> None:
    """By TLS, held against the account's own authority, with a token that is read anew."""
    certificate, key = make_certificate(tmp_path)
    (tmp_path / "ca.crt").write_bytes(certificate.read_bytes())
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with Kubernetes((certificate, key)) as server:
        server.add_pod("shop", "cart-1", container("app"))
        host, port = server.address.split(":")
        variables = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        with closing(Cluster(lambda: in_cluster(variables, tmp_path))) as client:
            assert 200 == client.get(POD, {}, deadline_seconds=5, most_bytes=10_000).status
            server.token = "rotated"
            (tmp_path / "token").write_text("rotated")
            assert 200 == client.get(POD, {}, deadline_seconds=5, most_bytes=10_000).status
        with cluster(server.base_url) as client, pytest.raises(ClusterError, match="TLS failed"):
            client.get(POD, {}, deadline_seconds=5, most_bytes=10_000)
