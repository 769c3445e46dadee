"""What is expected to be heard of, and who outside is told that all is well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from alerts.matchers import Matcher, all_match
from config.base import (
    DurationSeconds,
    MatcherList,
    SecretError,
    SecretUrl,
    Settings,
    at_least,
    at_most,
    http_url,
    read_secret,
    require_one,
)
from config.http_config import HttpConfig


class WatchdogSettings(Settings):
    """An alert that is to come again and again: where it does not, somebody is told.

    Attributes:
        matchers: which alert; any that they fit will do.
        within: for so long it may not be heard of.
        receiver: who is told.
    """

    matchers: MatcherList
    within: Annotated[DurationSeconds, at_least(10, "it is looked every few seconds")] = 300.0
    receiver: Annotated[str, Field(min_length=1)]

    @field_validator("matchers", mode="after")
    @classmethod
    def _some(cls, matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
        if not matchers:
            raise ValueError("is empty: any alert would do")
        return matchers

    @property
    def name(self) -> str:
        """As people call it: its matchers."""
        return ", ".join(map(str, self.matchers))

    @property
    def key(self) -> str:
        """16 hex digits that tell it from others, and that stay though `within` changes."""
        said = "\n".join((self.receiver, *sorted({str(each) for each in self.matchers})))
        return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:16]

    def doubts(self) -> Iterator[tuple[str, str]]:
        """What is set and may not be what was meant: each key, and why."""
        yield from super().doubts()
        if all_match(self.matchers, {}):
            yield "matchers", "are met by any alert without these labels: it would be fed by others, too"


class HeartbeatSettings(Settings):
    """A dead man's switch outside, which is called while all is well.

    Attributes:
        url: what is called; it is a secret.
        every: how often, by one process of all.
        method: how it is called.
        pending_for: nothing that was accepted may wait for longer.
        timeout: how long one call may take.
        http_config: how it is spoken to; that of `global` unless set.
    """

    url: SecretUrl | None = None
    url_file: Path | None = None
    every: Annotated[DurationSeconds, at_least(10, "a far side counts every call")] = 60.0
    method: Literal["GET", "POST"] = "GET"
    pending_for: Annotated[DurationSeconds, at_least(60, "to look things up and to try again takes its time")] = 900.0
    timeout: Annotated[DurationSeconds, at_least(1, "no call is faster"), at_most(60, "it is late by then")] = 10.0
    http_config: HttpConfig | None = None

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        require_one(self, "url", "url_file")
        return self

    def read_url(self) -> str:
        """The URL.

        Raises:
            SecretError: its file cannot be read, or holds no URL.
        """
        url = read_secret(self.url, self.url_file)
        try:
            return http_url(url)
        except ValueError as error:
            raise SecretError(f"its URL {error}") from None
