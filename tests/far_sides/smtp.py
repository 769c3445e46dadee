"""A real mail server on loopback (aiosmtpd), and one that misbehaves at any stage one likes."""

import asyncio
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.far_sides.loopback import LoopbackServer

DRIP_SECONDS = 0.1
# Each stage of an exchange, and what is answered at it where all goes well; None takes lines up to a lone dot.
STAGES: dict[str, bytes] = {
    "greeting": b"220 ready\r\n",
    "EHLO": b"250-here\r\n250 SIZE 1000000\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    "end": b"250 queued as 42\r\n",
    "QUIT": b"221 bye\r\n",
}


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that was taken, and how it came."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    user: str | None
    hello: str

    @property
    def message(self) -> EmailMessage:
        """The mail as a mail program reads it."""
        read = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    def part(self, kind: str) -> str:
        """Returns the text of its part of that type, such as "text/html"."""
        (found,) = (each for each in self.message.walk() if each.get_content_type() == kind)
        return str(found.get_content())


@dataclass
class MailServer:
    """Takes every mail, but for those recipients who are to be answered something else.

    Attributes:
        certificate: offers STARTTLS, or speaks TLS from the first byte on with `implicit`.
        users: their passwords; with STARTTLS nobody else is heard, where there are any.
        answers: what is said to a recipient, instead of yes.
        final: what is said to the end of a mail, instead of yes; one each, then yes again.
        mechanisms_refused: of AUTH.
        largest_bytes: of a mail; it announces that as SIZE.
    """

    certificate: tuple[Path, Path] | None = None
    implicit: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    final: list[str] = field(default_factory=list)
    most_recipients: int = 1_000
    require_starttls: bool = True
    largest_bytes: int = 33_554_432
    mechanisms_refused: tuple[str, ...] = ()
    mails: list[Received] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
        implicit = context if self.implicit else None
        made = self._loop.create_server(lambda: self._session(context), "127.0.0.1", 0, ssl=implicit)
        self._server = self._loop.run_until_complete(made)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def smarthost(self) -> str:
        """Where it is, as `smarthost` says it."""
        return f"127.0.0.1:{self.port}"

    async def _end(self) -> None:
        self._server.close()
        others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _session(self, context: ssl.SSLContext | None) -> SMTP:
        self.connections += 1
        starttls = None if self.implicit else context
        return SMTP(
            self,
            hostname="mail.test",
            tls_context=starttls,
            require_starttls=bool(starttls) and self.require_starttls,
            # aiosmtpd warns of AUTH without STARTTLS, though TLS may be there from the first byte on.
            auth_require_tls=bool(starttls),
            auth_required=bool(self.users and starttls),
            authenticator=self._authenticate if self.users else None,
            auth_exclude_mechanism=self.mechanisms_refused,
            data_size_limit=self.largest_bytes,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        user, password = data.login.decode(), data.password.decode()
        return AuthResult(success=self.users.get(user) == password, handled=False, auth_data=user)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answers for one recipient."""
        if address in self.answers:
            return self.answers[address]
        if len(envelope.rcpt_tos) >= self.most_recipients:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keeps a mail."""
        if self.final:
            return self.final.pop(0)
        assert isinstance(envelope.content, bytes)
        transport: Any = server.transport
        encrypted = transport.get_extra_info("sslcontext") is not None
        user: Any = session.auth_data
        self.mails.append(
            Received(
                str(envelope.mail_from),
                list(envelope.rcpt_tos),
                envelope.content,
                encrypted,
                user,
                str(session.host_name),
            )
        )
        return f"250 2.0.0 queued as {len(self.mails)}"


# What is done instead of an answer, with the connection and the event that the server's end sets.
Behaviour = Callable[[socket.socket, threading.Event], None]


def hang(connection: socket.socket, stopping: threading.Event) -> None:
    """Says nothing more."""
    stopping.wait()


def close(connection: socket.socket, stopping: threading.Event) -> None:
    """Ends the connection."""


def drip(connection: socket.socket, stopping: threading.Event) -> None:
    """Begins an answer and sends a byte of it now and then, for ever."""
    connection.sendall(b"250 ")
    while not stopping.wait(DRIP_SECONDS):
        connection.sendall(b"x")


def talk(connection: socket.socket, stopping: threading.Event) -> None:
    """Never ends its answer, as fast as it is read."""
    for _ in range(1_000):
        connection.sendall(b"250-and another thing\r\n" * 1_000)


def nonsense(connection: socket.socket, stopping: threading.Event) -> None:
    """Answers what is no SMTP."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n\x00\xff")


def long_line(connection: socket.socket, stopping: threading.Event) -> None:
    """Answers a line that is longer than any may be."""
    connection.sendall(b"250 " + b"x" * 20_000 + b"\r\n")


@dataclass
class Script:
    """What one scripted server saw: whole commands, and mails with their dots."""

    commands: list[bytes] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 0


@contextmanager
def scripted(changes: Mapping[str, bytes | Behaviour], hello: bytes | None = None) -> Iterator[Script]:
    """A server that follows `STAGES`, but for what is to be different at some stages.

    Args:
        changes: by stage, another answer, or what is done instead of one; by command, those that there is no stage of.
        hello: the answer to EHLO.
    """
    seen = Script()
    answers: dict[str, bytes | Behaviour] = {**STAGES, **({"EHLO": hello} if hello else {}), **changes}

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if not self._say("greeting"):
                return
            for line in self.rfile:
                seen.commands.append(line.strip())
                stage = line.split()[0].decode().upper() if line.strip() else ""
                if not self._say(stage if stage in answers else "EHLO" if stage == "HELO" else ""):
                    return
                if stage == "DATA" and isinstance(answers["DATA"], bytes) and answers["DATA"].startswith(b"354"):
                    seen.mails.append(self._mail())
                    if not self._say("end"):
                        return

        def _say(self, stage: str) -> bool:
            answer = answers.get(stage, b"502 not here\r\n")
            if callable(answer):
                answer(self.request, server.stopping)
                return False
            self.wfile.write(answer)
            return stage != "QUIT"

        def _mail(self) -> bytes:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line)
            return b"".join(lines)

    with LoopbackServer(Handler) as server:
        seen.port = int(server.address.rpartition(":")[2])
        yield seen
