"""PagerDuty's routing keys: through which of them an incident is told.

PagerDuty drops what comes for an incident through another key than the one that triggered it.

Source: https://developer.pagerduty.com/docs/send-alert-event#alert-de-duplication
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from actions._base import secret
from alerts.notification import SendError
from alerts.severity import Severity
from config.base import SecretText, Settings, require_at_most_one, require_one

# Of the hash: enough to know a key again, too little to guess one by.
_MARK_LENGTH = 16


class SeverityKey(Settings):
    """The routing key of one severity."""

    routing_key: SecretText | None = None
    routing_key_file: Path | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        require_one(self, "routing_key", "routing_key_file")
        return self


class KeySettings(Settings):
    """The routing keys.

    Attributes:
        routing_key_previous: the one before; incidents that it triggered hear their end through it.
        severity_routing_keys: which one triggers incidents of a severity, instead of `routing_key`.
    """

    routing_key: SecretText | None = None
    routing_key_file: Path | None = None
    routing_key_previous: SecretText | None = None
    routing_key_previous_file: Path | None = None
    severity_routing_keys: Mapping[Severity, SeverityKey] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        require_one(self, "routing_key", "routing_key_file")
        require_at_most_one(self, "routing_key_previous", "routing_key_previous_file")
        return self


class Keys:
    """The keys of one send: each file is read once, and only when its key is asked for."""

    def __init__(self, settings: KeySettings) -> None:
        current = (settings.routing_key, settings.routing_key_file)
        self._current = current
        self._of_severity: dict[str, tuple[SecretStr | None, Path | None]] = {
            level: (each.routing_key, each.routing_key_file) for level, each in settings.severity_routing_keys.items()
        }
        previous = (settings.routing_key_previous, settings.routing_key_previous_file)
        self._all = [current, *self._of_severity.values(), *([previous] if any(previous) else [])]
        self._read: dict[tuple[SecretStr | None, Path | None], str] = {}
        self.unread: SendError | None = None

    @property
    def secrets(self) -> list[str]:
        """Those that were read."""
        return list(self._read.values())

    def new(self, level: str) -> str:
        """The key that triggers an incident of a severity.

        Raises:
            SendError: its file cannot be read; it may be tried again.
        """
        return self._value(self._of_severity.get(level, self._current))

    def all(self) -> list[str]:
        """Every key that can be read, for what may have been triggered through any of them."""
        return list(dict.fromkeys(self._readable()))

    def through(self, dedup_key: str, credential: str) -> list[str]:
        """The keys that may have triggered an open incident; none where it is none of those that could be read.

        `unread` then says which one could not.

        Args:
            credential: what the thread keeps of the keys that triggered what is open; "" is what earlier versions kept,
                which may be any of them.

        Raises:
            SendError: the file of a key cannot be read, and there is nothing to know another one by.
        """
        if not credential:
            return list(dict.fromkeys(self._value(each) for each in self._all))
        known = credential.split()
        return list(dict.fromkeys(value for value in self._readable() if mark(dedup_key, value) in known))

    def _readable(self) -> Iterator[str]:
        for each in self._all:
            try:
                yield self._value(each)
            except SendError as error:
                self.unread = error

    def _value(self, where: tuple[SecretStr | None, Path | None]) -> str:
        if where not in self._read:
            self._read[where] = secret(*where)
        return self._read[where]


def mark(dedup_key: str, routing_key: str) -> str:
    """By what a thread knows again the key that triggered an incident; it tells nothing of the key itself."""
    return hmac.new(dedup_key.encode(), routing_key.encode(), hashlib.sha256).hexdigest()[:_MARK_LENGTH]


def credential(still_open: Iterable[str], told: Mapping[str, Sequence[str]], before: str, keys: Keys) -> str:
    """What a thread is to keep of the keys that triggered, or may have triggered, what is open.

    Args:
        still_open: dedup keys.
        told: through which routing keys incidents may have been triggered as of now, by dedup key.
        before: what it kept until then.

    Raises:
        SendError: see `Keys.through`.
    """
    used = {key: told.get(key) or keys.through(key, before) for key in still_open}
    marks = [mark(key, value) for key, values in used.items() for value in values]
    if not all(used.values()):
        # Of these nobody can say which are whose: they are kept, so that an incident is not taken for another key's.
        known = {mark(key, value) for key, values in told.items() for value in values}
        marks += [each for each in before.split() if each not in known]
    return " ".join(dict.fromkeys(marks))
