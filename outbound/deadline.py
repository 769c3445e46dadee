"""Connections whose every read has only what is left of one deadline."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from outbound.far_side import Tls


class DeadlineReader(socket.SocketIO):
    """A socket's reading side whose every read has only what is left of one deadline.

    requests and urllib3 start their read timeout anew with each packet, so a far side that sends a byte now and
    then would hold a worker for ever: https://docs.python-requests.org/en/latest/user/quickstart/#timeouts
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__(sock, "r")
        self._deadline = deadline

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        self._sock.settimeout(left)  # type: ignore[attr-defined]  # socket.SocketIO keeps its socket there
        return super().readinto(buffer)


class _DeadlineSocket:
    """What http.client asks of a socket when it makes a response: a file to read from."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._sock._io_refs += 1  # type: ignore[attr-defined]  # as socket.makefile does, so that it stays open
        return io.BufferedReader(DeadlineReader(self._sock, self._deadline))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _DeadlineMixin(HTTPConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        with self._until_deadline():
            return super().getresponse()

    def _tunnel(self) -> None:
        """A proxy's answer to CONNECT has the deadline, too."""
        with self._until_deadline():
            super()._tunnel()

    @contextmanager
    def _until_deadline(self) -> Iterator[None]:
        sock = self.sock
        if sock is None or self.timeout is None:
            yield
            return
        self.sock = _DeadlineSocket(sock, time.monotonic() + self.timeout)
        try:
            yield
        finally:
            # It is none where the answer was the connection's last.
            if self.sock is not None:
                self.sock = sock


class _DeadlineHTTPConnection(_DeadlineMixin):
    pass


class _DeadlineHTTPSConnection(_DeadlineMixin, HTTPSConnection):
    pass


class _DeadlinePool(HTTPConnectionPool):
    ConnectionCls = _DeadlineHTTPConnection


class _DeadlineTLSPool(HTTPSConnectionPool):
    ConnectionCls = _DeadlineHTTPSConnection


_POOLS = {"http": _DeadlinePool, "https": _DeadlineTLSPool}


class DeadlineAdapter(HTTPAdapter):
    def __init__(self, tls: Tls, connect_headers: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        wanted = {
            "server_hostname": tls.server_name,
            "assert_hostname": tls.server_name,
            "ssl_minimum_version": tls.oldest,
            "ssl_maximum_version": tls.newest,
        }
        self._wanted: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
        self._connect_headers = connect_headers or {}
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**kwargs, **self._wanted})
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """As HTTP_PROXY and its like name it: the deadline holds there, too, and who the far side is to be."""
        manager = super().proxy_manager_for(proxy, **{**kwargs, **self._wanted})
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Who one is to the proxy by its URL, and what else it is told."""
        return {**super().proxy_headers(proxy), **self._connect_headers}
