"""How a far side is spoken to over HTTP: who one is there, and what its certificate is held against.

Names and meanings are Prometheus' own: https://prometheus.io/docs/alerting/latest/configuration/#http_config
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.base import SecretError, SecretText, Settings, read_secret, require_one
from outbound import Http, Identity, OutboundUnsent, Tls

_NO_SECRET_MANAGER = "names a secret of a secret manager, which there is none of here; {} names a file"
_TLS_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_OURS = frozenset({"authorization", "host", "content-length", "content-type", "transfer-encoding", "connection"})
_OURS |= frozenset({"accept-encoding", "content-encoding"})


def header_name(name: str) -> str:
    """Check the name of a header that may be set.

    Raises:
        ValueError: it is none, or is one that is set by itself.
    """
    if not name or not _TOKEN.issuperset(name):
        raise ValueError("is no name of a header")
    if name.lower() in _OURS:
        raise ValueError("is set by itself; for who one is there are basic_auth and authorization")
    return name


def header_text(text: str) -> str:
    """Check the value of a header.

    Raises:
        ValueError: it is none; the message does not repeat it, for it may be a secret.
    """
    if text != text.strip() or not all(character.isprintable() and ord(character) < 256 for character in text):
        raise ValueError("is no value of a header")
    return text


def _header_value(value: SecretStr) -> SecretStr:
    header_text(value.get_secret_value())
    return value


HeaderName = Annotated[str, AfterValidator(header_name)]
SecretHeader = Annotated[SecretStr, AfterValidator(_header_value)]
Headers = Mapping[HeaderName, SecretHeader]


class BasicAuth(Settings):
    """A user and a password."""

    username: Annotated[str, Field(min_length=1)] | None = None
    username_file: Path | None = None
    password: SecretText | None = None
    password_file: Path | None = None

    refused: ClassVar[Mapping[str, str]] = {
        "username_ref": _NO_SECRET_MANAGER.format("username_file"),
        "password_ref": _NO_SECRET_MANAGER.format("password_file"),
    }

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        require_one(self, "username", "username_file")
        require_one(self, "password", "password_file")
        if ":" in (self.username or ""):
            raise ValueError("the username must not hold a colon")
        return self

    def identity(self) -> Identity:
        """Who one is; see `HttpClientSettings.identity`."""
        username = self.username or read_secret(None, self.username_file)
        if ":" in username:
            raise SecretError(f"{self.username_file}: the username must not hold a colon")
        password = read_secret(self.password, self.password_file)
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        return Identity({"Authorization": f"Basic {pair}"}, (pair, password))


class Authorization(Settings):
    """A token."""

    type: str = Field(default="Bearer", min_length=1)
    credentials: SecretText | None = None
    credentials_file: Path | None = None

    refused: ClassVar[Mapping[str, str]] = {"credentials_ref": _NO_SECRET_MANAGER.format("credentials_file")}

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        require_one(self, "credentials", "credentials_file")
        if self.type.lower() == "basic":
            raise ValueError('has the type "Basic"; basic_auth does that')
        if not _TOKEN.issuperset(self.type):
            raise ValueError("has a type that is no word")
        return self

    def identity(self) -> Identity:
        """Who one is; see `HttpClientSettings.identity`."""
        token = read_secret(self.credentials, self.credentials_file)
        return Identity({"Authorization": f"{self.type} {token}"}, (token,))


class TlsConfig(Settings):
    """What a far side's certificate is held against, and one's own."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
    min_version: Literal["TLS12", "TLS13"] | None = None
    max_version: Literal["TLS12", "TLS13"] | None = None

    refused: ClassVar[Mapping[str, str]] = {
        key: f"is not read from here: put it into a file, and write {key}_file" for key in ("ca", "cert", "key")
    } | {f"{key}_ref": _NO_SECRET_MANAGER.format(f"{key}_file") for key in ("ca", "cert", "key")}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("needs both cert_file and key_file, or neither")
        if (self.min_version, self.max_version) == ("TLS13", "TLS12"):
            raise ValueError("has a min_version above its max_version")
        return self

    def tls(self) -> Tls:
        """The same, for connections."""
        return Tls(
            self.ca_file,
            self.cert_file,
            self.key_file,
            self.server_name,
            self.insecure_skip_verify,
            _TLS_VERSIONS[self.min_version] if self.min_version else None,
            _TLS_VERSIONS[self.max_version] if self.max_version else None,
        )


class HttpClientSettings(Settings):
    """Who one is to a far side, and whom one takes it for."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    tls_config: TlsConfig | None = None

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if self.basic_auth and self.authorization:
            raise ValueError("has both basic_auth and authorization")
        return self

    def identity(self) -> Identity:
        """Who one is; files are read anew, so that secrets can be rotated.

        Raises:
            SecretError: one cannot be read.
        """
        who = self.basic_auth or self.authorization
        return who.identity() if who else Identity()

    def tls(self) -> Tls | None:
        """What certificates it shows and takes; None is as the environment says."""
        return self.tls_config.tls() if self.tls_config else None


class HeadedSettings(HttpClientSettings):
    """The same, with headers that are secret."""

    headers: Headers = Field(default_factory=dict)

    def request_headers(self) -> dict[str, str]:
        """What goes along with each request.

        Raises:
            SecretError: a file cannot be read.
        """
        headers = {name: value.get_secret_value() for name, value in self.headers.items()}
        return {**headers, **self.identity().headers}

    def connect(self) -> Http:
        """Connections of its own, which say who one is by themselves."""

        def identity() -> Identity:
            try:
                who = self.identity()
            except SecretError as error:
                raise OutboundUnsent(str(error)) from None
            headers = {name: value.get_secret_value() for name, value in self.headers.items()}
            return Identity({**headers, **who.headers}, (*headers.values(), *who.secrets))

        return Http(tls=self.tls(), identity=identity)
