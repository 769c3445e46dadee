"""Variables of the environment, each also as `<NAME>_FILE`; an empty one counts as not set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.content import read_small

_SAME = {"PAGERDUTY_ROUTING_KEY": "PAGERDUTY_INTEGRATION_KEY"}


class EnvironmentVariableError(ValueError):
    """A variable that cannot be used; the message names it and never its value."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment, as the configuration asks for it.

    Args:
        variables: as `os.environ` has them.

    Attributes:
        files: those that were read so far.
    """

    variables: Mapping[str, str]
    files: set[Path] = field(default_factory=set, init=False, compare=False, repr=False)

    def get(self, name: str, default: str | None = None) -> str | None:
        """A variable's value, or what the file says that `<NAME>_FILE` names.

        Raises:
            EnvironmentVariableError: that file cannot be read.
        """
        for each in filter(None, (name, _SAME.get(name))):
            value = self.variables.get(each) or self._from_file(f"{each}_FILE")
            if value:
                return _text(each, value)
        return default

    def _from_file(self, name: str) -> str | None:
        path = self.variables.get(name)
        if not path:
            return None
        self.files.add(Path(path))
        try:
            return read_small(Path(path)).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not text"
            raise EnvironmentVariableError(f"{name}: {path}: {reason}") from None


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise EnvironmentVariableError(f"{name} is not UTF-8") from None
    return value
