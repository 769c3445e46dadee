"""How much one rendering may do: what a template does is counted while it does it.

A template is written by whoever writes the configuration, and may loop, call itself or multiply text by a mistake. A
page must not wait for that, nor the process die of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from templating.errors import TemplateError

MOST_ELEMENTS = 20_000
"""Of a list, with what its elements hold."""

MOST_CHARACTERS = 200_000
"""Of a text, the whole output included."""

_MOST_STEPS = 300_000
_MOST_SIZE = 5_000_000
_MOST_CPU_SECONDS = 1.0
_MOST_DEPTH = 40


@dataclass(slots=True)
class Meter:
    """One rendering.

    Attributes:
        context: what the template may name.
        now: when it began.
        depth: how many templates have called one another to come here.
    """

    context: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    depth: int = 0
    _steps: int = 0
    _size: int = 0
    _until: float = field(default_factory=lambda: time.thread_time() + _MOST_CPU_SECONDS)

    def spend(self, size: int = 0, steps: int = 1) -> None:
        """Count what is done.

        Args:
            size: characters and elements that are made.

        Raises:
            TemplateError: it is too much.
        """
        self._steps += steps
        self._size += size
        if self._steps > _MOST_STEPS:
            raise TemplateError(f"does more than {_MOST_STEPS:,} steps")
        if self._size > _MOST_SIZE:
            raise TemplateError(f"makes more than {_MOST_SIZE:,} characters on the way")
        if not self._steps & 15 and time.thread_time() > self._until:
            raise TemplateError(f"takes longer than {_MOST_CPU_SECONDS:g} s")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """While one template calls another.

        Raises:
            TemplateError: they call one another without end.
        """
        if self.depth >= _MOST_DEPTH:
            raise TemplateError(f"templates call one another {_MOST_DEPTH} deep")
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


_METER: ContextVar[Meter] = ContextVar("meter")


def meter() -> Meter:
    """The rendering that this is a part of; a new one outside of any, as when a template is compiled."""
    return _METER.get(None) or Meter()


@contextmanager
def metered(one: Meter) -> Iterator[Meter]:
    """Make a rendering the one that all within is a part of."""
    token = _METER.set(one)
    try:
        yield one
    finally:
        _METER.reset(token)


def kept(value: Any) -> Any:
    """A value that was made on the way, counted; what is made bit by bit is made now.

    Raises:
        TemplateError: it is too large.
    """
    if isinstance(value, str):
        fits(len(value))
        meter().spend(len(value))
    elif isinstance(value, bool) or value is None:
        return value
    elif isinstance(value, int):
        if value.bit_length() > 1_024:
            raise TemplateError("has a number of more than 300 digits")
    elif isinstance(value, list | tuple | dict):
        meter().spend(elements(value))
    elif isinstance(value, Iterator):
        made = []
        for each in value:
            made.append(each)
            if len(made) > MOST_ELEMENTS:
                break
        return kept(made)
    return value


def fits(characters: int) -> None:
    """Refuse a text before it is made.

    Raises:
        TemplateError: it would be too long.
    """
    if characters > MOST_CHARACTERS:
        raise TemplateError(f"makes a text of more than {MOST_CHARACTERS:,} characters")


def elements(value: Any) -> int:
    """How many elements a list holds, with what they hold.

    Raises:
        TemplateError: too many: comparing or printing them would take for ever.
    """
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        count += 1
        if isinstance(each, dict):
            waiting.extend(each.keys())
            each = list(each.values())
        if isinstance(each, list | tuple):
            if count + len(each) > MOST_ELEMENTS:
                raise TemplateError(f"makes a list of more than {MOST_ELEMENTS:,} elements")
            waiting.extend(each)
        if count + len(waiting) > 2 * MOST_ELEMENTS:
            raise TemplateError(f"makes a list of more than {MOST_ELEMENTS:,} elements")
    if count > MOST_ELEMENTS:
        raise TemplateError(f"makes a list of more than {MOST_ELEMENTS:,} elements")
    return count
