"""What JSON holds, for people: no quotes, no brackets, and a text's lines below each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from commands.table import plain

_STEP = "  "


def readable(value: Any) -> Iterator[str]:
    """Write a value, one line after the other, with nothing in it that a terminal takes for a command."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _beside(f"{plain(str(key))}:", each)
    elif isinstance(value, list) and value:
        for each in value:
            first, *others = readable(each)
            yield f"- {first}"
            yield from (f"{_STEP}{line}" for line in others)
    elif isinstance(value, str) and value.strip():
        yield from map(plain, value.rstrip("\n").split("\n"))
    else:
        yield json.dumps(value)


def _beside(name: str, value: Any) -> Iterator[str]:
    lines = list(readable(value))
    if isinstance(value, Mapping | list) and value:
        yield name
        yield from (f"{_STEP}{line}" for line in lines)
    elif len(lines) == 1:
        yield f"{name} {lines[0]}"
    else:
        yield name
        yield from (f"{_STEP}| {line}".rstrip() for line in lines)
