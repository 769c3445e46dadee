"""HTTP to the far sides: one deadline for the whole exchange, no redirects, bounded answers, no URL in any error.

A leaf: it knows nothing of alerts. What an answer means is for the caller to say.
"""

from __future__ import annotations

import io
import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_match_hostname import CertificateError

MAX_ANSWER_BYTES = 32 * 1024 * 1024
_REDACTED = "***"
_URLS_AT_MOST = 1_000
# A compressed answer can be larger than it looks; these are small anyway.
_HEADERS = {"User-Agent": "alert-manager", "Accept": "*/*", "Accept-Encoding": "identity"}


class OutboundError(Exception):
    """A request that got no usable answer; the message names the host and the reason, never the URL."""


class OutboundTimeout(OutboundError):
    """The deadline passed before the answer was whole."""


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


@dataclass(frozen=True, slots=True)
class _Environment:
    """How the environment wants a URL to be asked, in requests' words, and a request to it that has no body yet."""

    request: requests.PreparedRequest
    verify: Any
    cert: Any
    proxies: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tls:
    """What a far side's certificate is held against, and one's own.

    Attributes:
        ca_file: instead of what the system trusts.
        server_name: whom the certificate is to name, instead of the URL's host.
        insecure: take any certificate.
        oldest: no earlier version of TLS is spoken.
        newest: and no later one.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure: bool = False
    oldest: ssl.TLSVersion | None = None
    newest: ssl.TLSVersion | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    """By which way far sides are reached, whatever the environment says.

    Attributes:
        url: of an HTTP proxy; "" is the direct way.
        no_proxy: hosts that are reached directly, as the variable NO_PROXY has them, networks ("10.0.0.0/8") too.
        connect_headers: what the proxy is told when it is asked for a tunnel.
    """

    url: str = field(default="", repr=False)
    no_proxy: str = ""
    connect_headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def to(self, url: str) -> dict[str, str]:
        """The proxies for a URL, in requests' words."""
        return {} if not self.url or self._passed_by(url) else {"http": self.url, "https": self.url}

    def _passed_by(self, url: str) -> bool:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        named = (each.strip().lower() for each in self.no_proxy.split(","))
        return any(_holds(each.removesuffix(f":{port}"), host) for each in named if each)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who one is to a far side.

    Attributes:
        headers: go along with each request.
        secrets: what of them must not be told.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Http:
    """Pooled connections to the far sides; one for a process, shared by its threads.

    Args:
        pool_size: connections kept open a host.
        tls: instead of what the environment says.
        proxy: likewise.
        identity: asked with each request; it may raise an OutboundError.
    """

    def __init__(
        self,
        pool_size: int = 64,
        tls: Tls | None = None,
        proxy: Proxy | None = None,
        identity: Callable[[], Identity] = Identity,
    ) -> None:
        self._tls = tls
        self._proxy = proxy
        self._identity = identity
        if tls is not None and tls.insecure:
            # It was asked for, and need not be said with each request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._adapter = _DeadlineAdapter(tls or Tls(), pool_connections=pool_size, pool_maxsize=pool_size)
        self._tunnels = self._adapter
        if proxy is not None and proxy.connect_headers:
            # Not with requests that the proxy hands on as they are: the far side would get these headers.
            self._tunnels = _DeadlineAdapter(
                tls or Tls(), proxy.connect_headers, pool_connections=pool_size, pool_maxsize=pool_size
            )
        self._environments: dict[str, _Environment] = {}

    def post(
        self,
        url: str,
        *,
        deadline_seconds: float,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Post once and return the answer, whatever its status.

        Args:
            url: http or https.
            deadline_seconds: for everything from connecting to the last byte (looking a name up comes on top).
            data: bytes as they are, or a form.
            headers: added to the usual ones.

        Raises:
            OutboundTimeout: the deadline passed.
            OutboundError: no answer, or one that is not HTTP, or longer than 32 MiB.
        """
        return self._exchange("POST", url, data, headers, deadline_seconds, MAX_ANSWER_BYTES)

    def get(
        self,
        url: str,
        *,
        deadline_seconds: float,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Get once and return the answer, whatever its status; see `post`.

        Args:
            most_bytes: an answer that is longer is an error.
        """
        return self._exchange("GET", url, None, headers, deadline_seconds, most_bytes)

    def _exchange(
        self,
        method: str,
        url: str,
        data: bytes | Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        deadline_seconds: float,
        most_bytes: int,
    ) -> Answer:
        host = _host(url)
        who = self._identity()
        timeout = urllib3.Timeout(total=max(deadline_seconds, 0.001))
        try:
            environment = self._environment(url)
            request = environment.request.copy()
            request.method = method
            if method == "GET":
                request.headers.pop("Content-Length", None)
            else:
                request.prepare_body(data, None)
            request.headers.update({**who.headers, **(headers or {})})
            adapter = self._tunnels if url.lower().startswith("https:") else self._adapter
            with adapter.send(
                request,
                stream=True,
                timeout=timeout,  # type: ignore[arg-type]  # requests hands urllib3's own class through
                verify=environment.verify,
                cert=environment.cert,
                proxies=environment.proxies,
            ) as response:
                body = _read(response, host, most_bytes)
                answer_headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, answer_headers, body, who.secrets)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _explained(error, host, deadline_seconds) from None

    def close(self) -> None:
        """Close the pooled connections."""
        self._adapter.close()
        self._tunnels.close()

    def _environment(self, url: str) -> _Environment:
        """What HTTPS_PROXY, REQUESTS_CA_BUNDLE and their like say of a URL; asked once, for asking takes its time.

        Nothing else of a session is wanted, and a request through one takes longer: it keeps cookies, and nobody
        is to be recognised from one call to the next.
        """
        known = self._environments.get(url)
        if known is None:
            request = requests.Request("POST", url, _HEADERS).prepare()
            with requests.Session() as session:
                settings = session.merge_environment_settings(url, {}, True, None, None)
            verify, cert = settings["verify"], settings["cert"]
            if self._tls is not None:
                verify = False if self._tls.insecure else str(self._tls.ca_file) if self._tls.ca_file else verify
                cert = (str(self._tls.cert_file), str(self._tls.key_file)) if self._tls.cert_file else cert
            proxies = dict(settings["proxies"]) if self._proxy is None else self._proxy.to(url)
            known = _Environment(request, verify, cert, proxies)
            if len(self._environments) >= _URLS_AT_MOST:
                self._environments.clear()
            self._environments[url] = known
        return known


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Replace each secret in a text that a far side sent back."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _REDACTED)
    return text


def _read(response: requests.Response, host: str, most_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(65_536):
        body += chunk
        if len(body) > most_bytes:
            raise OutboundError(f"{host}: the answer is longer than {most_bytes} bytes")
    return bytes(body)


def _explained(error: Exception, host: str, deadline_seconds: float) -> OutboundError:
    """Say in our own words what went wrong: the libraries' messages hold the whole URL."""
    causes = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if caused_by(urllib3.exceptions.ProxyError):
        host = f"{host}, through the proxy"
        refusals = (re.search(r"Tunnel connection failed: (\d{3})\b", str(cause)) for cause in causes)
        if refused := next(filter(None, refusals), None):
            return OutboundError(f"{host}: it answered {refused[1]}")
    # Before the timeouts: urllib3 counts a refused connection among them.
    if caused_by(ConnectionRefusedError):
        return OutboundError(f"{host}: connection refused")
    if caused_by(socket.gaierror, urllib3.exceptions.NameResolutionError):
        return OutboundError(f"{host}: the name does not resolve")
    if caused_by(ssl.SSLError, urllib3.exceptions.SSLError, CertificateError):
        return OutboundError(f"{host}: TLS failed ({type(causes[-1]).__name__})")
    if caused_by(TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout):
        return OutboundTimeout(f"{host}: timed out after {deadline_seconds:g}s")
    return OutboundError(f"{host}: no usable answer ({type(causes[-1]).__name__})")


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        # What stands for a port may be the half of a password; then it is no number, and this raises.
        return parts.netloc.rpartition("@")[2] if parts.port is not None else str(parts.hostname)
    except ValueError:
        return "the URL"


def _holds(named: str, host: str) -> bool:
    """Whether a host is the one that NO_PROXY names, or is within the domain or the network that it names."""
    if named == "*" or f".{host}".endswith(f".{named.removeprefix('.')}"):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(named, strict=False)
    except ValueError:
        return False


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


class _DeadlineAdapter(HTTPAdapter):
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
