"""A threaded TCP server on a free loopback port that ends every connection and thread it began."""

import socket
import socketserver
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Serves on 127.0.0.1 between `with` and its end; `stopping` is set first, for handlers that wait."""

    daemon_threads = True
    # The default backlog of 5 makes the sixth of twenty clients at once wait a second for its SYN's retry.
    request_queue_size = 128

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        """Binds and listens; connections are accepted from `with` on."""
        super().__init__(("127.0.0.1", 0), handler)
        self.stopping = threading.Event()
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self._accepting = threading.Thread(
            target=self.serve_forever,
            kwargs={"poll_interval": 0.02},
            name=f"far side {self.address}",
            daemon=True,
        )
        # Only the accepting thread appends, and it has ended before the list is read.
        self._connections: list[tuple[socket.socket, threading.Thread]] = []

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.shutdown()
        # A client with a kept-alive connection would otherwise still be answered by a server that has ended.
        for connection, _ in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in self._connections:
            thread.join(timeout=5)
        self._accepting.join(timeout=5)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handles one connection in a thread of its own, remembered so that it can be ended."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections.append((request, thread))
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a client that went away, and prints every other error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
