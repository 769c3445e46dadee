"""The Kubernetes on loopback answers what the real one would, and refuses what it would not understand."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.far_sides.certificate import make_certificate
from tests.far_sides.kubernetes import TOKEN, Kubernetes, container

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SHOP = "api/v1/namespaces/shop"


@pytest.fixture
def server() -> Iterator[Kubernetes]:
    """A cluster with one pod."""
    with Kubernetes() as far_side:
        far_side.add_pod("shop", "cart-1", container("app"), owner=("ReplicaSet", "cart-7d9f"))
        yield far_side


def asked(server: Kubernetes, path: str, token: str = TOKEN, method: str = "GET", **query: str) -> requests.Response:
    """Asks."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, f"{server.base_url}/{path}", headers=headers, params=query, timeout=5)


def message(response: requests.Response) -> tuple[int, Any]:
    """The number and the words of a refusal."""
    document = json.loads(response.text)
    assert ("Status", "Failure", response.status_code) == (document["kind"], document["status"], document["code"])
    return response.status_code, document["message"]


def test_gives_what_there_is(server: Kubernetes) -> None:
    """A pod is there with its owner and its containers, another is not."""
    found = asked(server, f"{SHOP}/pods/cart-1").json()
    assert "cart-7d9f" == found["metadata"]["ownerReferences"][0]["name"]
    assert "app" == found["status"]["containerStatuses"][0]["name"]
    assert (404, 'pods "cart-2" not found') == message(asked(server, f"{SHOP}/pods/cart-2"))
    assert 404 == message(asked(server, "apis/nonsense/v1/namespaces/shop/pods/cart-1"))[0]


def test_knows_who_asks(server: Kubernetes) -> None:
    """Without the token nothing is told, with it nothing that is denied, and nobody may change anything."""
    server.denied.add("get pods")
    assert (401, "Unauthorized") == message(asked(server, f"{SHOP}/pods/cart-1", token="other"))
    assert 403 == message(asked(server, f"{SHOP}/pods/cart-1"))[0]
    assert 405 == message(asked(server, f"{SHOP}/pods/cart-1", method="DELETE"))[0]


def test_lists_events(server: Kubernetes) -> None:
    """Chosen by what they are of and by their type, and no more than wanted."""
    for at, (name, kind) in enumerate([("cart-1", "Warning"), ("cart-1", "Normal"), ("cart-2", "Warning")]):
        server.add_event("shop", ("Pod", name), f"R{at}", "message", NOW, type=kind)

    def reasons(**query: str) -> list[str]:
        return [each["reason"] for each in asked(server, f"{SHOP}/events", **query).json()["items"]]

    assert ["R0", "R1", "R2"] == reasons()
    assert ["R0", "R1"] == reasons(fieldSelector="involvedObject.kind=Pod,involvedObject.name=cart-1")
    assert ["R0", "R2"] == reasons(fieldSelector="type!=Normal")
    assert ["R0"] == reasons(limit="1")
    assert "continue" in asked(server, f"{SHOP}/events", limit="1").json()["metadata"]
    assert 400 == message(asked(server, f"{SHOP}/events", fieldSelector="nonsense=1"))[0]
    assert 400 == message(asked(server, f"{SHOP}/events", nonsense="1"))[0]


def test_gives_the_end_of_a_log(server: Kubernetes) -> None:
    """The last lines, of these the first bytes; of what there is not, why."""
    server.add_log("shop", "cart-1", "app", "one\ntwo\nthree\n")
    log = f"{SHOP}/pods/cart-1/log"
    assert "two\nthree\n" == asked(server, log, container="app", tailLines="2").text
    assert "two\nt" == asked(server, log, container="app", tailLines="2", limitBytes="5").text
    expected = (400, 'previous terminated container "app" in pod "cart-1" not found')
    assert expected == message(asked(server, log, container="app", previous="true"))
    assert (400, "container web is not valid for pod cart-1") == message(asked(server, log, container="web"))
    assert 400 == message(asked(server, log, container="app", tail="1"))[0]


def test_speaks_tls(tmp_path: Path) -> None:
    """With a certificate it is asked by https."""
    certificate, key = make_certificate(tmp_path)
    with Kubernetes((certificate, key)) as server:
        response = requests.get(f"{server.base_url}/api/v1/namespaces/a/pods/b", verify=str(certificate), timeout=5)
    assert (True, 401) == (server.base_url.startswith("https://"), response.status_code)
