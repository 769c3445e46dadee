"""Far sides that misbehave, each a context manager that yields a URL for the HTTP client under test."""

import socket
import socketserver
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Event

from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.loopback import LoopbackServer

DRIP_SECONDS = 0.1
ENDLESS_BYTES = 64 * 1024 * 1024

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

# What is done with one connection, until it is over or the event is set.
Behaviour = Callable[[socket.socket, Event], None]


def hanging() -> AbstractContextManager[str]:
    """Takes every connection and never answers."""

    def behave(connection: socket.socket, stopping: Event) -> None:
        stopping.wait()

    return _serving(behave)


@contextmanager
def refusing() -> Iterator[str]:
    """Yields a URL at whose port nobody listens, and nobody else can meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def nonsense(body: bytes = b"\x00\xff<html>not JSON") -> AbstractContextManager[str]:
    """Answers 200 with bytes that are not JSON, or with those given."""
    return _answering(Answer(200, body, {"Content-Type": "application/json"}))


def unavailable(
    status: int = 503, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> AbstractContextManager[str]:
    """Answers 503, or another status, to everything."""
    return _answering(Answer(status, body, headers or {}))


def dripping_headers() -> AbstractContextManager[str]:
    """Sends a byte of a header every 100 ms for ever, so that no single read times out."""
    return _dripping(_HEAD + b"X-Slow: ")


def dripping_body() -> AbstractContextManager[str]:
    """Sends whole headers at once, then a byte of the body every 100 ms for ever."""
    return _dripping(_HEAD + b"Content-Length: 1000000000\r\n\r\n")


def endless_body(piece: bytes = b" " * 65536) -> AbstractContextManager[str]:
    """Never stops sending the body, as fast as it is read: white space, which is the start of valid JSON."""

    def behave(connection: socket.socket, stopping: Event) -> None:
        _read_head(connection)
        connection.sendall(_HEAD + b"Connection: close\r\n\r\n")
        for _ in range(ENDLESS_BYTES // len(piece)):
            connection.sendall(piece)
        # A client that reads on is wrong by now, and at full speed would take all memory of the machine.
        _drip(connection, stopping)

    return _serving(behave)


def closing() -> AbstractContextManager[str]:
    """Reads the request's head and closes the connection without an answer."""
    return _serving(lambda connection, stopping: _read_head(connection))


def _dripping(head: bytes) -> AbstractContextManager[str]:
    def behave(connection: socket.socket, stopping: Event) -> None:
        _read_head(connection)
        connection.sendall(head)
        _drip(connection, stopping)

    return _serving(behave)


def _drip(connection: socket.socket, stopping: Event) -> None:
    while not stopping.wait(DRIP_SECONDS):
        connection.sendall(b" ")


def _read_head(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return
        head += piece


@contextmanager
def _serving(behave: Behaviour) -> Iterator[str]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            behave(self.request, server.stopping)

    with LoopbackServer(Handler) as server:
        yield f"http://{server.address}"


@contextmanager
def _answering(answer: Answer) -> Iterator[str]:
    class Fixed(HttpServer):
        def answer(self, request: Request) -> Answer:
            return answer

    with Fixed() as server:
        yield server.url
