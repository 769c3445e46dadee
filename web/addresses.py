"""What addresses and names say of where somebody is."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from flask import request

_HERE = frozenset(("localhost", "127.0.0.1", "::1"))
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def asked_here() -> bool:
    """Whether somebody on this machine asks, and by its own name: a page that has another one resolve to here may not.

    What a proxy on this machine hands on is not asked here, though it says no more than that it was handed on.
    """
    try:
        host = urlsplit(f"//{request.host}").hostname
    except ValueError:
        return False
    return host in _HERE and not any(name in request.headers for name in _FORWARDED)


@lru_cache(maxsize=16)
def _networks(addresses: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in addresses)


def is_among(peer: str, addresses: tuple[str, ...]) -> bool:
    """Whether an address is one of some addresses and networks."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        # That of a socket of Unix has none.
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any((mapped or address) in each for each in _networks(addresses))


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
