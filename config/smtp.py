"""How a mail server is named.

Names and meanings are Alertmanager's own: https://prometheus.io/docs/alerting/latest/configuration/#email_config
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, PlainSerializer, PlainValidator


@dataclass(frozen=True, slots=True)
class HostPort:
    """A machine and one of its ports."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _host_port(value: object) -> HostPort:
    if isinstance(value, HostPort):
        return value
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(f"//{text}")
        whole = bool(parts.hostname and parts.port) and parts.netloc == text and text.isprintable()
    except ValueError:
        whole = False
    if not whole or {"@", " "} & set(text):
        raise ValueError("should be a host and a port, such as smtp.example.com:587")
    return HostPort(str(parts.hostname), int(parts.port or 0))


def _hello(name: str) -> str:
    if not name or not name.isascii() or not name.isprintable() or " " in name:
        raise ValueError("should be a host's name, such as alerts.example.com")
    return name


Smarthost = Annotated[HostPort, PlainValidator(_host_port), PlainSerializer(str)]
Hello = Annotated[str, AfterValidator(_hello)]
