"""The line to a mail server: one deadline for the whole exchange, and errors in our own words.

Python's smtplib has a timeout for each read and write; here each has only what is left of the deadline.
Source: https://www.rfc-editor.org/rfc/rfc5321
"""

from __future__ import annotations

import io
import smtplib
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from actions._base import cut
from alerts.notification import SendError
from config.smtp import HostPort
from outbound import DeadlineReader, Tls, redacted

_PIECE_BYTES = 16_384
_MAX_ANSWERS_BYTES = 1024 * 1024
_MAX_SAID = 200
_GOODBYE_SECONDS = 1.0

Reply = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and how it is spoken to.

    Attributes:
        hello: how one calls oneself.
        implicit_tls: TLS from the first byte on.
        require_tls: STARTTLS otherwise.
        server_name: whom its certificate is to name.
        tls: what its certificate is held against, and one's own.
    """

    where: HostPort
    hello: str
    implicit_tls: bool
    require_tls: bool
    server_name: str
    tls: Tls


class Connection(smtplib.SMTP):
    """smtplib's half of the conversation, with one deadline.

    Args:
        secrets: what must not be told, though the server sends it back.
        deadline: in monotonic seconds.

    Attributes:
        doing: what it is about, for errors.
        encrypted: whether nobody listens.
    """

    def __init__(self, server: Server, secrets: Iterable[str], deadline: float) -> None:
        super().__init__(local_hostname=server.hello)
        self._server = server
        self._secrets = list(secrets)
        self._deadline = deadline
        self.doing = "connecting"
        self.encrypted = False

    def open(self) -> None:
        """Connect, greet, and have all that follows encrypted where that is wanted."""
        self.sock = _connected(self._server.where, self._deadline)
        if self._server.implicit_tls:
            self._encrypt()
        self.doing = "the greeting"
        self.judge(self.getreply())
        self._greet()
        if self._server.require_tls and not self.encrypted:
            self.doing = "STARTTLS"
            if not self.has_extn("starttls"):
                raise self.error("offers no STARTTLS; require_tls: false does without")
            self.judge(self.docmd("STARTTLS"))
            self._encrypt()
            self._greet()

    def leave(self) -> None:
        """Say goodbye; what was taken stays taken, whatever is answered."""
        self._deadline = min(self._deadline, time.monotonic() + _GOODBYE_SECONDS)
        # What reads has the old deadline; nothing is left to read of what it holds.
        self.file = None
        try:
            self.docmd("QUIT")
        except (smtplib.SMTPException, OSError):
            return

    def judge(self, reply: Reply, wanted: int = 2) -> str:
        """The text of an answer whose code begins with the wanted digit.

        Raises:
            SendError: it is another one; permanent where the server says that it is.
        """
        code, text = reply
        if code // 100 == wanted:
            return text.decode(errors="replace")
        raise self.error(f"{self.doing}: {self.said(reply)}", permanent=500 <= code < 600)

    def said(self, reply: Reply) -> str:
        """An answer on one line, without secrets."""
        code, text = reply
        plain = " ".join(redacted(text.decode(errors="replace"), self._secrets).split())
        shown = "".join(each if each.isprintable() else "?" for each in plain[: 2 * _MAX_SAID])
        return cut(f"{code} {shown}".strip() if code > 0 else f"no SMTP answer: {shown}", _MAX_SAID)

    def error(self, message: str, *, permanent: bool = False) -> SendError:
        """What is raised: it names the server."""
        return SendError(f"{self._server.where}: {message}", permanent=permanent)

    def explained(self, error: Exception, deadline_seconds: float) -> SendError:
        """What went wrong, in our own words."""
        if isinstance(error, SendError):
            return error
        # smtplib says "closed" of a read that failed, whatever the reason.
        cause = error.__context__ or error if isinstance(error, smtplib.SMTPException) else error
        if isinstance(cause, socket.gaierror | UnicodeError):
            return self.error("the name does not resolve")
        if isinstance(cause, ConnectionRefusedError):
            return self.error("connection refused")
        if isinstance(cause, ssl.SSLError):
            verified = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else ""
            return self.error(f"TLS failed at {self.doing} ({verified or cause.reason or type(cause).__name__})")
        if isinstance(cause, TimeoutError):
            return self.error(f"timed out after {round(deadline_seconds, 1):g}s at {self.doing}")
        if isinstance(cause, FileNotFoundError | PermissionError):
            return self.error(f"{cause.filename or 'a file of tls_config'}: {cause.strerror}")
        if isinstance(cause, smtplib.SMTPServerDisconnected | ConnectionError):
            return self.error(f"closed the connection at {self.doing}")
        return self.error(f"no usable answer at {self.doing} ({type(cause).__name__})")

    def send(self, s: Any) -> None:
        """Write with what is left of the deadline."""
        data = s.encode("ascii") if isinstance(s, str) else bytes(s)
        for at in range(0, len(data), _PIECE_BYTES):
            self._socket.settimeout(self._left())
            self._socket.sendall(data[at : at + _PIECE_BYTES])

    def getreply(self) -> Reply:
        """Read an answer with what is left of the deadline."""
        if self.file is None:
            self.file = io.BufferedReader(_BoundedReader(self._socket, self._deadline))
        return super().getreply()

    @property
    def _socket(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        return self.sock

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        return left

    def _greet(self) -> None:
        self.doing = "EHLO"
        reply = self.ehlo()
        if reply[0] // 100 == 5:
            self.doing = "HELO"
            reply = self.helo()
        self.judge(reply)

    def _encrypt(self) -> None:
        self.doing = "the TLS handshake"
        context = _context(self._server.tls)
        self._socket.settimeout(self._left())
        self.sock = context.wrap_socket(self._socket, server_hostname=self._server.server_name)
        # What was said unencrypted counts no more, be it read already or not.
        self.file = None
        self.esmtp_features = {}
        self.encrypted = True


class _BoundedReader(DeadlineReader):
    """Reads answers, and no more of them than an exchange can have."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__(sock, deadline)
        self._bytes = 0

    def readinto(self, buffer: Any) -> int | None:
        read = super().readinto(buffer)
        self._bytes += read or 0
        if self._bytes > _MAX_ANSWERS_BYTES:
            raise OSError("answers without end")
        return read


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    context.minimum_version = tls.oldest or context.minimum_version
    context.maximum_version = tls.newest or context.maximum_version
    return context


def _connected(where: HostPort, deadline: float) -> socket.socket:
    """A connection to the first of the name's addresses that takes one; each has its share of the time."""
    found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    failed: OSError = ConnectionRefusedError()
    for at, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.001, (deadline - time.monotonic()) / (len(found) - at)))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failed = error
    raise failed
