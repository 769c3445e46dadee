"""What an enricher is.

An enricher is a module `enrich/<name>.py` with a class `Enricher`. It only says what to ask, once for all the alerts
in hand, and reads each alert's findings out of the answers; asking, deadlines and failures are `_run.py`'s.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from alerts.model import Alert
from alerts.notification import Finding
from enrich._vector import Vector


class NoAnswer(Exception):
    """A question was not answered; the message is the gap's reason."""


class Answers:
    """The answers to one enricher's questions.

    Attributes:
        at: the moment they are of.
    """

    def __init__(self, queries: Mapping[str, str], vectors: Mapping[str, Vector | NoAnswer], at: datetime) -> None:
        self._queries = queries
        self._vectors = vectors
        self.at = at

    def __getitem__(self, name: str) -> Vector:
        """The answer to the question of that name.

        Raises:
            NoAnswer: there is none.
        """
        answer = self._vectors.get(name, NoAnswer(f'the question "{name}" was not asked'))
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    def query(self, name: str) -> str:
        """The PromQL of the question of that name."""
        return self._queries[name]


class Enricher(Protocol):
    """One thing to look up.

    Attributes:
        name: the module's.
        title: what people call it.
    """

    # Read-only, so that a frozen class may be one.
    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def questions(self, alerts: Sequence[Alert]) -> Mapping[str, str]:
        """What to ask about all these alerts: PromQL, each under a name of the enricher's own."""
        ...

    def read(self, alert: Alert, answers: Answers) -> tuple[Finding, ...]:
        """What was found for one of them.

        Raises:
            NoAnswer: nothing was, for this reason.
        """
        ...


def find() -> dict[str, Enricher]:
    """Every enricher there is, by name."""
    names = sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = {name: importlib.import_module(f"enrich.{name}") for name in names if not name.startswith("_")}
    return {name: module.Enricher() for name, module in modules.items()}
