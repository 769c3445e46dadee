"""Each misbehaving server does to a client what its name says, and ends at once with its threads."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
import requests

from tests.far_sides import trouble

ALL = (
    trouble.hanging,
    trouble.refusing,
    trouble.nonsense,
    trouble.unavailable,
    trouble.dripping_headers,
    trouble.dripping_body,
    trouble.endless_body,
    trouble.closing,
)


def read(url: str, seconds: float, timeout_seconds: float = 0.3) -> int:
    """Reads an answer's body byte by byte for so long, and returns how many came."""
    count = 0
    before = time.monotonic()
    with requests.post(url, data=b"query=up", stream=True, timeout=timeout_seconds) as response:
        for chunk in response.iter_content(1):
            count += len(chunk)
            if time.monotonic() - before > seconds:
                break
    return count


def ask(url: str, timeout_seconds: float = 0.3) -> threading.Thread:
    """Reads in a thread, however that ends."""

    def read_on() -> None:
        with suppress(requests.RequestException):
            read(url, 0.3, timeout_seconds)

    client = threading.Thread(target=read_on)
    client.start()
    return client


def test_hanging_times_out() -> None:
    """A hanging server takes the connection and no read ever succeeds."""
    with trouble.hanging() as url, pytest.raises(requests.ReadTimeout):
        read(url, 0.2)


def test_refusing_refuses() -> None:
    """Nobody listens at the refusing URL."""
    with trouble.refusing() as url, pytest.raises(requests.ConnectionError, match="refused"):
        read(url, 0.2)


def test_nonsense_is_not_json() -> None:
    """Nonsense is a 200 that cannot be read as JSON."""
    with trouble.nonsense() as url:
        response = requests.get(url, timeout=5)
    assert 200 == response.status_code
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_nonsense_is_what_was_given() -> None:
    """Nonsense can be chosen."""
    with trouble.nonsense(b"[]") as url:
        assert [] == requests.get(url, timeout=5).json()


def test_unavailable_answers_503() -> None:
    """Unavailable is a 503 with the headers given."""
    with trouble.unavailable(headers={"Retry-After": "7"}) as url:
        response = requests.post(url, data=b"query=up", timeout=5)
    assert (503, "7") == (response.status_code, response.headers["Retry-After"])


def test_dripping_headers_outlast_a_read_timeout() -> None:
    """Headers that drip keep a client busy beyond its timeout for one read."""
    with trouble.dripping_headers() as url:
        client = ask(url)
        client.join(0.7)
        assert client.is_alive()
    client.join(5)
    assert not client.is_alive()


def test_dripping_body_outlasts_a_read_timeout() -> None:
    """A body that drips keeps a client busy beyond its timeout for one read."""
    with trouble.dripping_body() as url:
        assert read(url, 0.6) >= 3


def test_endless_body_never_ends() -> None:
    """An endless body gives as much as one cares to read."""
    with trouble.endless_body() as url, requests.get(url, stream=True, timeout=5) as response:
        assert 10_000_000 == len(response.raw.read(10_000_000))


def test_closing_closes() -> None:
    """A closing server ends the connection without an answer."""
    with trouble.closing() as url, pytest.raises(requests.ConnectionError):
        read(url, 0.2)


@pytest.mark.parametrize("serve", ALL)
def test_ends_at_once(serve: Callable[[], AbstractContextManager[str]]) -> None:
    """Each ends in no time and leaves no thread, although a client still waits."""
    threads = set(threading.enumerate())

    with serve() as url:
        client = ask(url, timeout_seconds=5)
        client.join(0.05)
        before = time.monotonic()
    assert time.monotonic() - before < 1
    client.join(5)
    assert threads == set(threading.enumerate())
