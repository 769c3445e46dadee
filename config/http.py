"""How a far side is spoken to over HTTP: who one is there, and what its certificate is held against.

Names and meanings are Prometheus' own: https://prometheus.io/docs/alerting/latest/configuration/#http_config
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.base import SecretText, Settings, read_secret, require_one

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_OURS = frozenset({"authorization", "host", "content-length", "content-type", "transfer-encoding", "connection"})


def _header_name(name: str) -> str:
    if not name or not _TOKEN.issuperset(name):
        raise ValueError("is no name of a header")
    if name.lower() in _OURS:
        raise ValueError("is set by itself; for who one is there are basic_auth and authorization")
    return name


def _header_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text != text.strip() or not all(character.isprintable() and ord(character) < 256 for character in text):
        raise ValueError("is no value of a header")
    return value


Headers = Mapping[Annotated[str, AfterValidator(_header_name)], Annotated[SecretStr, AfterValidator(_header_value)]]


class BasicAuth(Settings):
    """A user and a password."""

    username: str = Field(min_length=1)
    password: SecretText | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        require_one(self, "password", "password_file")
        if ":" in self.username:
            raise ValueError("the username must not hold a colon")
        return self


class Authorization(Settings):
    """A token."""

    type: str = Field(default="Bearer", min_length=1)
    credentials: SecretText | None = None
    credentials_file: Path | None = None

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        require_one(self, "credentials", "credentials_file")
        return self


class TlsConfig(Settings):
    """What a far side's certificate is held against, and one's own."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("needs both cert_file and key_file, or neither")
        return self


class HttpClientSettings(Settings):
    """Who one is to a far side, and whom one takes it for."""

    headers: Headers = Field(default_factory=dict)
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    tls_config: TlsConfig | None = None

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if self.basic_auth and self.authorization:
            raise ValueError("has both basic_auth and authorization")
        return self

    def request_headers(self) -> dict[str, str]:
        """What goes along with each request; files are read anew, so that secrets can be rotated.

        Raises:
            SecretError: one cannot be read.
        """
        headers = {name: value.get_secret_value() for name, value in self.headers.items()}
        if self.basic_auth:
            password = read_secret(self.basic_auth.password, self.basic_auth.password_file)
            pair = base64.b64encode(f"{self.basic_auth.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        if self.authorization:
            token = read_secret(self.authorization.credentials, self.authorization.credentials_file)
            headers["Authorization"] = f"{self.authorization.type} {token}"
        return headers
