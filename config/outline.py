"""Where each part of a YAML text stands, so that the text can be changed there and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import yaml

from config.document import Path_

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


@dataclass(frozen=True, slots=True)
class Spot:
    """A key with what is behind it, or an element of a list.

    Attributes:
        path: of its keys, as they are written: what an alias stands for is only where it is defined.
        place: line and column, from 1, as in a problem.
        start: of the key, or of the element.
        end: of what it holds; comments and empty lines behind it are not of it.
        value: the text, of a scalar.
        style: how that is written: None is without quotes, else one of ' " | and >.
        value_start: where it begins, behind its anchor.
        flow: where the outermost `{}` or `[]` around it begins; None where indentation holds it.
        following: where the next begins in such; None for the last.
        preceding: where the one before ends.
    """

    path: Path_
    place: tuple[int, int]
    start: int
    end: int
    value: str | None
    style: str | None
    value_start: int
    flow: int | None
    following: int | None = None
    preceding: int | None = None


class Outline:
    """The spots of a text with one YAML document, which can be read (`config.document.read` says whether).

    Attributes:
        text: the text.
        spots: each key and each element, those outside before those inside.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        # The stubs know of no marks that are there.
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._inside: list[Any] = []
        self._anchors: list[tuple[str, int]] = []
        self._aliases: list[tuple[str, int]] = []
        self.spots: list[Spot] = []
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._value(next(self._events), ())

    @cached_property
    def _by_place(self) -> dict[tuple[int, int], list[Spot]]:
        found: dict[tuple[int, int], list[Spot]] = {}
        for spot in self.spots:
            found.setdefault(spot.place, []).append(spot)
        return found

    def at(self, place: tuple[int, int]) -> list[Spot]:
        """What begins at a line and a column, from 1: an element begins where its first key does."""
        return self._by_place.get(place, [])

    def shares(self, start: int, end: int) -> bool:
        """Whether there is an anchor in a part of the text that something outside refers to."""
        named = {name for name, at in self._anchors if start <= at < end}
        return any(name in named and not start <= at < end for name, at in self._aliases)

    def _flow(self) -> int | None:
        return next((each.start_mark.index for each in self._inside if each.flow_style), None)

    def _value(self, event: Any, path: Path_) -> int:
        """Go through a value; where what it holds ends."""
        start, end = event.start_mark.index, event.end_mark.index
        self._note(event)
        if not isinstance(event, yaml.CollectionStartEvent):
            return int(start + len(self.text[start:end].rstrip()))
        self._inside.append(event)
        gone_through = self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence
        own, closing = gone_through(path)
        self._inside.pop()
        if not event.flow_style:
            return max((self.spots[at].end for at in own), default=int(start))
        for one, other in pairwise(own):
            self.spots[one] = replace(self.spots[one], following=self.spots[other].start)
            self.spots[other] = replace(self.spots[other], preceding=self.spots[one].end)
        return int(closing.end_mark.index)

    def _note(self, event: Any) -> None:
        """Keep by which name a value is referred to, or refers to another."""
        if event.anchor:
            kept = self._aliases if isinstance(event, yaml.AliasEvent) else self._anchors
            kept.append((event.anchor, event.start_mark.index))

    def _mapping(self, path: Path_) -> tuple[list[int], Any]:
        own: list[int] = []
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name = key.value if isinstance(key, yaml.ScalarEvent) else "?"
            own.append(len(self.spots))
            if isinstance(key, yaml.CollectionStartEvent):
                self._value(key, (*path, name))
            else:
                self._note(key)
            self._add(key, next(self._events), (*path, name), own[-1])
        return own, key

    def _sequence(self, path: Path_) -> tuple[list[int], Any]:
        own: list[int] = []
        while not isinstance(element := next(self._events), yaml.SequenceEndEvent):
            own.append(len(self.spots))
            self._add(element, element, (*path, len(own) - 1), own[-1])
        return own, element

    def _add(self, first: Any, value: Any, path: Path_, at: int) -> None:
        """Note one of a collection, which begins with an event, before whatever is inside it."""
        text, style, begins = None, None, value.start_mark.index
        if isinstance(value, yaml.ScalarEvent):
            text, style = value.value, value.style
            properties = _PROPERTIES.match(self.text, begins) if value.anchor or value.tag else None
            begins = properties.end() if properties else begins
        mark = first.start_mark
        spot = Spot(path, (mark.line + 1, mark.column + 1), mark.index, 0, text, style, begins, self._flow())
        self.spots.insert(at, spot)
        end = max(self._value(value, path), first.end_mark.index if first is not value else mark.index)
        self.spots[at] = replace(spot, end=end)
