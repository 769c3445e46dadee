"""What the environment says of the process itself, before any file is read."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from config.environment import EnvironmentVariableError

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_FORMATS = ("", "json", "console")


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How the service is served.

    Attributes:
        port: to listen on.
        address: to listen at; all that the machine has, unless set.
        workers: processes.
        log_format: "" is the console's on a terminal, else JSON.
    """

    port: int = 8080
    workers: int = 2
    log_level: str = "INFO"
    log_format: Literal["", "json", "console"] = ""
    address: str = "0.0.0.0"

    @property
    def bind(self) -> str:
        """The same as gunicorn writes it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def process_settings(variables: Mapping[str, str]) -> ProcessSettings:
    """Read PORT, LISTEN_ADDRESS, WEB_CONCURRENCY, LOG_LEVEL and LOG_FORMAT; an empty one counts as not set.

    Raises:
        EnvironmentVariableError: one of them cannot be used.
    """
    level = (variables.get("LOG_LEVEL") or "INFO").upper()
    if level not in _LEVELS:
        raise EnvironmentVariableError(f"LOG_LEVEL should be one of {', '.join(_LEVELS)}")
    log_format = (variables.get("LOG_FORMAT") or "").lower()
    if log_format not in _FORMATS:
        raise EnvironmentVariableError("LOG_FORMAT should be json or console")
    return ProcessSettings(
        port=_whole(variables, "PORT", 8080, most=65_535),
        workers=_whole(variables, "WEB_CONCURRENCY", 2, most=256),
        log_level=level,
        log_format=cast(Literal["", "json", "console"], log_format),
        address=_address(variables),
    )


def _address(variables: Mapping[str, str]) -> str:
    text = variables.get("LISTEN_ADDRESS") or "0.0.0.0"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise EnvironmentVariableError("LISTEN_ADDRESS should be an address such as 127.0.0.1 or ::1") from None


def _whole(variables: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = variables.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise EnvironmentVariableError(f"{name} should be a whole number from 1 to {most}")
    return int(text)
