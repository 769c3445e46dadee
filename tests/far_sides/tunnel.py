"""A proxy on loopback that makes tunnels, and remembers what it was asked."""

import socket
import socketserver
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.far_sides.loopback import LoopbackServer


class TunnelProxy:
    """A proxy at `url` that takes CONNECT only: `asked` are the heads of the requests that it got."""

    def __init__(self, refuses_with: int = 0) -> None:
        """Binds a free port; with a status it refuses every tunnel so."""
        self.asked: list[str] = []
        self.refuses_with = refuses_with
        self._server = _Server(self)
        self.address = self._server.address
        self.url = f"http://{self.address}"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)


class _Server(LoopbackServer):
    """The listening half of a TunnelProxy."""

    def __init__(self, proxy: TunnelProxy) -> None:
        super().__init__(_Handler)
        self.proxy = proxy


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Makes one tunnel, and hands on what comes until either side ends."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = self.request.recv(1)
            if not piece:
                return
            head += piece
        self.server.proxy.asked.append(head.decode("latin-1"))
        method, target, _ = head.split(b" ", 2)
        refusal = self.server.proxy.refuses_with or (0 if method == b"CONNECT" else 405)
        if refusal:
            self.request.sendall(f"HTTP/1.1 {refusal} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        host, _, port = target.decode().rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as far_side:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_hand_on, args=(far_side, self.request), daemon=True)
            back.start()
            _hand_on(self.request, far_side)
            back.join(5)


def _hand_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
