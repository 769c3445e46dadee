"""Who a far side is to us, who we are to it, and by which way it is reached."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


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


def _holds(named: str, host: str) -> bool:
    """Whether a host is the one that NO_PROXY names, or is within the domain or the network that it names."""
    if named == "*" or f".{host}".endswith(f".{named.removeprefix('.')}"):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(named, strict=False)
    except ValueError:
        return False
