"""The base of every HTTP far side: it records requests, has tests wait for them, and makes trouble."""

import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from requests.structures import CaseInsensitiveDict

from tests.far_sides.loopback import LoopbackServer

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; `received_at` is monotonic seconds, header names match in any letter case.

    `abandoned` tells whether its client has closed the connection by now, as the system does for a process that died.
    """

    method: str
    path: str
    headers: CaseInsensitiveDict[str]
    body: bytes
    received_at: float
    abandoned: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)

    def json(self) -> Any:
        """Returns the body read as JSON."""
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body[:300].decode(errors='replace')}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back for one request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpServer:
    """A far side on loopback that answers 200 to everything; a subclass overrides `answer`."""

    def __init__(self) -> None:
        """Binds a free port; requests are answered from `with` on."""
        self.requests: list[Request] = []
        self.delay_seconds = 0.0
        self.changed = threading.Condition()
        self._next_answers: deque[Answer] = deque()
        self._server = _Server(self)
        self.address = self._server.address
        self.base_url = f"http://{self.address}"

    def speak_tls(self, certificate: tuple[Path, Path]) -> None:
        """Speaks TLS with a certificate and its key; to be said before `with`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        # Shaking hands is for the connection's own thread.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.base_url = f"https://{self.address}"

    @property
    def url(self) -> str:
        """The URL a client is configured with."""
        return self.base_url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def answer(self, request: Request) -> Answer:
        """Judges one request and returns its answer; called with `changed` held, one request at a time."""
        return Answer()

    def answer_next(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, times: int = 1
    ) -> None:
        """Answers the next requests so, unjudged, as a far side in trouble does."""
        with self.changed:
            self._next_answers.extend([Answer(status, body, headers or {})] * times)

    def wait_for(self, wanted: int | Callable[[Request], bool] = 1, timeout_seconds: float = 5.0) -> list[Request]:
        """Waits until that many requests, or one that fits, came, and returns all of them or all that fit."""

        def look() -> list[Request] | None:
            if isinstance(wanted, int):
                return list(self.requests) if len(self.requests) >= wanted else None
            return [request for request in self.requests if wanted(request)] or None

        return self.wait_until(look, timeout_seconds)

    def wait_until(self, look: Callable[[], Found | None], timeout_seconds: float = 5.0) -> Found:
        """Looks after each request until something is found; AssertionError with all that came if not."""
        with self.changed:
            found: list[Found] = []

            def looked() -> bool:
                seen = look()
                found.extend([] if seen is None else [seen])
                return bool(found)

            if not self.changed.wait_for(looked, timeout_seconds):
                raise AssertionError(f"not seen within {timeout_seconds} s; {self.described()}")
            return found[0]

    def described(self) -> str:
        """Tells what came so far, for a failed wait."""
        lines = [f"\n  {request}" for request in self.requests[-20:]]
        return f"{type(self).__name__} got {len(self.requests)} requests{''.join(lines)}"

    def take(self, request: Request) -> Answer | None:
        """Records and judges one request; returns its answer when it is due, None at the server's end."""
        with self.changed:
            self.requests.append(request)
            answer = self._next_answers.popleft() if self._next_answers else self.answer(request)
            self.changed.notify_all()
        # Judged first, then slow: as with a real far side, a client that gave up may have been heard.
        return None if self._server.stopping.wait(self.delay_seconds) else answer


class _Server(LoopbackServer):
    """The listening half of an HttpServer."""

    def __init__(self, far_side: HttpServer) -> None:
        super().__init__(_Handler)
        self.far_side = far_side


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with keep-alive for its server's far side."""

    protocol_version = "HTTP/1.1"
    # Unbuffered, headers and body leave as two packets and wait 40 ms for each other (Nagle, delayed ACK).
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """Answers one request of any method."""
        headers = CaseInsensitiveDict(self.headers.items())
        request = Request(self.command, self.path, headers, self._body(), time.monotonic(), self._abandoned)
        answer = self.server.far_side.take(request)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _abandoned(self) -> bool:
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps quiet: what came is told by a failed wait."""
