"""What a far side said, or why it said nothing: no URL in any error, for it may be a secret."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

_REDACTED = "***"


class OutboundError(Exception):
    """A request that got no usable answer; the message names the host and the reason, never the URL.

    Attributes:
        status: of an answer that began and was not whole in time, or too long; 0 where none began.
    """

    status = 0


class OutboundTimeout(OutboundError):
    """The deadline passed before the answer was whole."""


class OutboundUnsent(OutboundError):
    """Nothing of the request reached the far side: no connection, or to another than it was taken for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a far side said.

    Attributes:
        status: the HTTP status.
        headers: by lower-case name.
        body: whole, as it came.
        secrets: what went along with the request, and must not be told though the far side sends it back.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def text(self) -> str:
        """The body as text, whatever it holds."""
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Replace each secret in a text that a far side sent back."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _REDACTED)
    return text


def explained(error: Exception, host: str, deadline_seconds: float) -> OutboundError:
    """Say in our own words what went wrong: the libraries' messages hold the whole URL."""
    causes = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if caused_by(urllib3.exceptions.ProxyError):
        host = f"{host}, through the proxy"
        refusals = (re.search(r"Tunnel connection failed: (\d{3})\b", str(cause)) for cause in causes)
        if refused := next(filter(None, refusals), None):
            return OutboundUnsent(f"{host}: it answered {refused[1]}")
    # Before the timeouts: urllib3 counts a refused connection among them.
    if caused_by(ConnectionRefusedError):
        return OutboundUnsent(f"{host}: connection refused")
    if caused_by(socket.gaierror, urllib3.exceptions.NameResolutionError):
        return OutboundUnsent(f"{host}: the name does not resolve")
    if caused_by(ssl.SSLError, urllib3.exceptions.SSLError, CertificateError):
        # Certificates are held against each other before anything is said; else TLS may have failed under the answer.
        unsent = caused_by(ssl.SSLCertVerificationError, CertificateError)
        broken = OutboundUnsent if unsent else OutboundError
        return broken(f"{host}: TLS failed ({type(causes[-1]).__name__})")
    if caused_by(TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout):
        return OutboundTimeout(f"{host}: timed out after {round(deadline_seconds, 1):g}s")
    kind = OutboundUnsent if caused_by(urllib3.exceptions.NewConnectionError) else OutboundError
    return kind(f"{host}: no usable answer ({type(causes[-1]).__name__})")


def host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        # What stands for a port may be the half of a password; then it is no number, and this raises.
        return parts.netloc.rpartition("@")[2] if parts.port is not None else str(parts.hostname)
    except ValueError:
        return "the URL"


def _causes(error: BaseException) -> Iterable[BaseException]:
    seen: set[int] = set()
    pending: list[BaseException] = [error]
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        reason = getattr(current, "reason", None)
        linked = (current.__cause__, current.__context__, reason, *current.args)
        pending.extend(each for each in linked if isinstance(each, BaseException))
