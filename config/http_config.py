"""`http_config`: how an action speaks to its far side, as Alertmanager has it.

Source: https://prometheus.io/docs/alerting/latest/configuration/#http_config
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.base import ActionSettings, DurationSeconds, SecretError, Settings, http_url, read_secret
from config.http import HeaderName, HttpClientSettings, SecretHeader, header_text
from outbound import Http, Identity, OutboundUnsent, Proxy


def _http_proxy(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url.partition("://")[0].lower() in ("https", "socks5", "socks5h"):
        raise ValueError("should be an http:// URL: no other proxy is spoken to (what goes to https:// is safe in it)")
    http_url(url)
    return value


class HttpHeader(Settings):
    """The values of one header; `secrets` and what is in `files` are never shown."""

    values: tuple[Annotated[str, AfterValidator(header_text)], ...] = ()
    secrets: tuple[SecretHeader, ...] = ()
    files: tuple[Path, ...] = ()

    def read(self) -> tuple[str, tuple[str, ...]]:
        """The whole value, and what of it is secret.

        Raises:
            SecretError: a file cannot be read, or holds no value of a header.
        """
        secrets = [each.get_secret_value() for each in self.secrets]
        for file in self.files:
            try:
                secrets.append(header_text(read_secret(None, file)))
            except ValueError as error:
                raise SecretError(f"{file}: {error}") from None
        return ", ".join((*self.values, *secrets)), tuple(secrets)


class HttpConfig(HttpClientSettings):
    """Who one is to a far side, whom one takes it for, and by which way it is reached.

    Attributes:
        proxy_from_environment: false is the direct way; left out, the environment is heeded as well.
        proxy_connect_header: what the proxy is told when it is asked for a tunnel.
    """

    http_headers: Mapping[HeaderName, HttpHeader] = Field(default_factory=dict)
    proxy_url: Annotated[SecretStr, AfterValidator(_http_proxy)] | None = None
    no_proxy: str = ""
    proxy_from_environment: bool | None = None
    proxy_connect_header: Mapping[HeaderName, tuple[SecretHeader, ...]] = Field(default_factory=dict)
    follow_redirects: bool = False
    enable_http2: bool = False

    refused: ClassVar[Mapping[str, str]] = {
        "bearer_token": "is no more: write authorization: {credentials: ...}",
        "bearer_token_file": "is no more: write authorization: {credentials_file: ...}",
        "oauth2": "is not spoken here: have something else keep a token in a file, and write"
        " authorization: {credentials_file: ...}",
    }
    ineffective: ClassVar[Mapping[str, str]] = {"enable_http2": "has no effect: HTTP/1.1 is spoken"}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.proxy_url and self.proxy_from_environment:
            raise ValueError("has both proxy_url and proxy_from_environment")
        if self.no_proxy and not self.proxy_url:
            raise ValueError("has no_proxy, and no proxy_url that it would be of")
        if self.proxy_connect_header and not self.proxy_url:
            raise ValueError("has proxy_connect_header, and no proxy_url that it would be of")
        return self

    def doubts(self) -> Iterator[tuple[str, str]]:
        """What is set and may not be what was meant: each key, and why."""
        yield from super().doubts()
        if self.follow_redirects:
            yield "follow_redirects", "has no effect: a message that is posted is not handed to whom an answer names"

    def identity(self) -> Identity:
        """Who one is; files are read anew, so that secrets can be rotated.

        Raises:
            SecretError: one cannot be read.
        """
        who = super().identity()
        headers, secrets = dict(who.headers), list(who.secrets)
        for name, header in self.http_headers.items():
            headers[name], hidden = header.read()
            secrets += hidden
        return Identity(headers, tuple(secrets))

    def proxy(self) -> Proxy | None:
        """By which way; None is as the environment says."""
        if self.proxy_url is None:
            return Proxy() if self.proxy_from_environment is False else None
        told = {
            name: ", ".join(each.get_secret_value() for each in values)
            for name, values in self.proxy_connect_header.items()
        }
        return Proxy(self.proxy_url.get_secret_value(), self.no_proxy, told)

    def connect(self) -> Http:
        """Connections of its own."""

        def identity() -> Identity:
            try:
                return self.identity()
            except SecretError as error:
                raise OutboundUnsent(str(error)) from None

        return Http(tls=self.tls(), proxy=self.proxy(), identity=identity)


class HttpActionSettings(ActionSettings):
    """One element of a receiver's `<kind>_configs` whose far side speaks HTTP.

    Attributes:
        http_config: how it is spoken to; None is as the environment says.
        timeout: how long one attempt may take at most; 0 is as long as attempts take here anyway.
    """

    http_config: HttpConfig | None = None
    timeout: DurationSeconds = 0.0

    from_global: ClassVar[Mapping[str, str]] = {"http_config": "http_config"}

    def within(self, deadline_seconds: float) -> float:
        """How long an attempt may take that has a deadline."""
        return min(deadline_seconds, self.timeout) if self.timeout else deadline_seconds
