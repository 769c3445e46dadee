"""What says who may tell this service of alerts, look at it, and change something."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.base import SecretError, Settings, require_at_most_one
from config.logins import SHORTEST_TOKEN, is_token, read_tokens, read_users

Permission = Literal["alert", "read", "change"]

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


def _long_enough(token: SecretStr) -> SecretStr:
    if not is_token(token.get_secret_value()):
        raise ValueError(f"should have {SHORTEST_TOKEN} ASCII characters or more and no space: openssl rand -hex 32")
    return token


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError("should be a header's name such as X-Forwarded-User")
    return name


def _addresses(listed: tuple[str, ...]) -> tuple[str, ...]:
    for each in listed:
        try:
            network = ipaddress.ip_network(each)
        except ValueError:
            raise ValueError("should be addresses such as 10.0.0.7 or 10.0.0.0/8") from None
        if network.prefixlen == 0:
            raise ValueError("has every address, so that everybody could be the proxy")
    return listed


class CredentialSettings(Settings):
    """By what one is known who may do one kind of thing: any of these.

    Attributes:
        tokens: bearer tokens.
        tokens_file: a file of such, one a line, read again when it changes.
        users_file: a file of users, `name:hash` a line, read again when it changes.
    """

    tokens: tuple[Annotated[SecretStr, AfterValidator(_long_enough)], ...] = ()
    tokens_file: Path | None = None
    users_file: Path | None = None

    @model_validator(mode="after")
    def _of_somebody(self) -> Self:
        if not self.tokens and self.tokens_file is None and self.users_file is None:
            raise ValueError("needs tokens, tokens_file or users_file")
        if self.tokens:
            require_at_most_one(self, "tokens", "tokens_file")
        return self

    def doubts(self) -> Iterator[tuple[str, str]]:
        """Which of its files holds what it should not; that one cannot be read is said of each file."""
        yield from super().doubts()
        for key, file, read in (
            ("tokens_file", self.tokens_file, read_tokens),
            ("users_file", self.users_file, read_users),
        ):
            try:
                if file is not None and file.is_file():
                    read(file)
            except SecretError as error:
                yield key, f"{error}; it is read when it is used"


class TrustedProxySettings(Settings):
    """A proxy in front that people log in to.

    Attributes:
        header: in which it says who somebody is; it has to take away what others say there.
        addresses: from which it comes.
        may_change: who of those may change something; none unless named, "*" for all.
    """

    header: Annotated[str, AfterValidator(_header)] = "X-Forwarded-User"
    addresses: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_addresses)]
    may_change: tuple[str, ...] = ()


class AuthSettings(Settings):
    """Who may do what.

    Attributes:
        alert: who may tell of alerts; everybody, unless set.
        read: who may look; everybody, unless this or trusted_proxy is set.
        change: who may change something, and look; nobody, unless this or trusted_proxy is set.
        trusted_proxy: who else may look and change something.
    """

    alert: CredentialSettings | None = None
    read: CredentialSettings | None = None
    change: CredentialSettings | None = None
    trusted_proxy: TrustedProxySettings | None = None

    @property
    def changers(self) -> bool:
        """Whether there is anybody who may change something."""
        return self.change is not None or bool(self.trusted_proxy and self.trusted_proxy.may_change)
