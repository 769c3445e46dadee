"""Just enough HTTP/1.1 to load and to be loaded with little effort: keep-alive and Content-Length, no chunks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer, as it came."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.head[9:12])


class Messages(asyncio.Protocol):
    """One connection's messages, one after the other; a subclass says what is done with each."""

    def __init__(self) -> None:
        """Not connected yet."""
        self._unread = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport for what is written."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Takes each whole message out of what has come."""
        self._unread += data
        while (end := self._unread.find(_END_OF_HEAD)) >= 0:
            head = bytes(self._unread[:end])
            begin = end + len(_END_OF_HEAD)
            whole = begin + _content_length(head)
            if len(self._unread) < whole:
                return
            body = bytes(self._unread[begin:whole])
            del self._unread[:whole]
            self.received(Message(head, body))

    def received(self, message: Message) -> None:
        """Is told of each message."""
        raise NotImplementedError


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


class _Answers(Messages):
    def __init__(self) -> None:
        super().__init__()
        self.awaited: asyncio.Future[Message] | None = None

    def received(self, message: Message) -> None:
        if self.awaited is not None and not self.awaited.done():
            self.awaited.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.awaited is not None and not self.awaited.done():
            self.awaited.set_exception(ConnectionError("the connection was closed"))


class Client:
    """A client with one connection that it keeps, and one request at a time.

    Args:
        url: What it posts to.
    """

    def __init__(self, url: str) -> None:
        """Not connected yet."""
        parts = urlsplit(url)
        self._address = parts.hostname or "127.0.0.1", parts.port or 80
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._connection: _Answers | None = None

    async def post(self, body: bytes) -> int:
        """Posts a body and returns the answer's status.

        Raises:
            ConnectionError: there was none.
        """
        loop = asyncio.get_running_loop()
        if self._connection is None or self._connection.transport is None:
            _, self._connection = await loop.create_connection(_Answers, *self._address)
        connection = self._connection
        assert connection.transport is not None
        connection.awaited = loop.create_future()
        connection.transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        return (await connection.awaited).status

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.close()
