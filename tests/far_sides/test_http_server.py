"""The base of the HTTP far sides records, waits and ends cleanly."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.far_sides.http_server import HttpServer


def test_records_a_request_as_it_came() -> None:
    """Method, path, headers in any letter case, body and time are kept."""
    before = time.monotonic()
    with HttpServer() as server:
        requests.put(f"{server.url}/a?b=c", json={"d": 1}, headers={"X-Token": "e"}, timeout=5)
        (request,) = server.wait_for(1)
    assert ("PUT", "/a?b=c", "e", {"d": 1}) == (
        request.method,
        request.path,
        request.headers["x-token"],
        request.json(),
    )
    assert before < request.received_at < time.monotonic()


def test_reads_a_chunked_body() -> None:
    """A body sent in chunks is put together."""

    def chunks() -> Iterator[bytes]:
        yield b"first "
        yield b"second"

    with HttpServer() as server:
        requests.post(server.url, data=chunks(), timeout=5)
        assert b"first second" == server.wait_for(1)[0].body


def test_knows_a_request_whose_client_has_gone() -> None:
    """A request is abandoned once its client has closed the connection, and not while it waits for the answer."""
    with HttpServer() as server:
        server.delay_seconds = 5
        with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as client:
            client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
            (request,) = server.wait_for(1)
            assert not request.abandoned()
        deadline = time.monotonic() + 5
        while not request.abandoned() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert request.abandoned()


def test_waits_for_requests_still_to_come() -> None:
    """A wait ends with the request that fits, not with its timeout."""
    with HttpServer() as server:
        later = threading.Timer(0.1, requests.get, [f"{server.url}/later"], {"timeout": 5})
        later.start()
        found = server.wait_for(lambda request: request.path == "/later", timeout_seconds=5)
        later.join()
    assert ["/later"] == [request.path for request in found]


def test_tells_what_came_when_a_wait_fails() -> None:
    """A failed wait says how long it waited and lists the requests."""
    with HttpServer() as server:
        requests.post(f"{server.url}/other", data=b"body", timeout=5)
        with pytest.raises(AssertionError, match=r"not seen within 0.05 s; .*1 requests\n +POST /other body"):
            server.wait_for(2, timeout_seconds=0.05)


def test_kept_alive_calls_are_fast() -> None:
    """Twenty calls on one connection take well under the 40 ms each that split packets would cost."""
    with HttpServer() as server, requests.Session() as session:
        session.get(server.url, timeout=5)
        before = time.monotonic()
        for _ in range(20):
            session.post(server.url, json={}, timeout=5)
        assert time.monotonic() - before < 0.6


def test_ends_connections_and_threads() -> None:
    """After its end a kept-alive client is refused and no thread is left."""
    threads = set(threading.enumerate())
    with requests.Session() as session:
        with HttpServer() as server:
            session.get(server.url, timeout=5)
        assert threads == set(threading.enumerate())
        with pytest.raises(requests.ConnectionError):
            session.get(server.url, timeout=5)
