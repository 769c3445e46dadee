"""What of an Alertmanager configuration is written in another way here, changed where it stands in the text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from alerts.classic_matchers import parse_classic_matchers
from alerts.matchers import Matcher, MatcherError, parse_matchers
from config.base import ActionSettings, Settings
from config.document import VARIABLE, Path_
from config.edits import Edit, rewritten
from config.outline import Outline
from templating import Library, Template, TemplateError, from_go

_MATCHERS = ("matchers", "source_matchers", "target_matchers")
_OLD_NAME, _NEW_NAME = "mute_time_intervals", "time_intervals"
# Templates, though their settings hold them as secrets.
_MORE_TEXTS = frozenset({("webhook", "url")})


@dataclass(frozen=True, slots=True)
class Translation:
    """Into our configuration.

    Attributes:
        kinds: each kind of action, with its settings.
        library: what texts may call.
        folder: where the file stands.
        into: where it is to stand.
    """

    kinds: Mapping[str, type[ActionSettings]]
    library: Library
    folder: Path
    into: Path

    def edits(self, outline: Outline) -> Iterator[Edit]:
        """What is to be changed."""
        top = {spot.path for spot in outline.spots if len(spot.path) == 1}
        for spot in outline.spots:
            if spot.path == (_OLD_NAME,) and (_NEW_NAME,) not in top:
                at = outline.text.find(_OLD_NAME, spot.start)
                yield Edit(at, at + len(_OLD_NAME), _NEW_NAME)
            if spot.value is None:
                continue
            value = VARIABLE.sub(lambda found: found[0].replace("$", "$$"), self._said(spot.path, spot.value))
            if value != spot.value:
                yield rewritten(outline, spot, value)

    def _said(self, path: Path_, value: str) -> str:
        if path[0] in ("route", "inhibit_rules") and len(path) > 2 and path[-2] in _MATCHERS:
            return matchers(value)
        if path[0] == "templates" and len(path) == 2 and not Path(value).is_absolute():
            moved = self.folder.resolve() != self.into.resolve()
            return os.path.relpath(self.folder.resolve() / value, self.into.resolve()) if moved else value
        return self._text(value) if self._is_text(path) else value

    def _is_text(self, path: Path_) -> bool:
        if len(path) < 5 or path[0] != "receivers":
            return False
        kind, steps = str(path[2]).removesuffix("_configs"), path[4:]
        shape = self.kinds.get(kind)
        return shape is not None and ((kind, *steps) in _MORE_TEXTS or _holds_text(shape, steps))

    def _text(self, value: str) -> str:
        """In Jinja2, where it is a template at all; as it is where it cannot be, which loading says."""
        if any(mark in value for mark in ("{{", "{%", "{#")):
            with suppress(TemplateError):
                return from_go(value, self.library)
        return value


def matchers(text: str) -> str:
    """What Alertmanager reads, written to be read so here: of its two parsers the older decides where it can."""
    try:
        meant = parse_classic_matchers(text)
    except MatcherError:
        return text
    return text if meant == _matchers(text) else ", ".join(map(str, meant))


def _matchers(text: str) -> tuple[Matcher, ...] | None:
    try:
        return parse_matchers(text)
    except MatcherError:
        return None


def _holds_text(shape: Any, steps: Path_) -> bool:
    """Whether what stands at a place in settings is a template."""
    if shape in (Any, Template):
        return True
    if isinstance(shape, type) and issubclass(shape, Settings):
        named = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
        return bool(steps) and steps[0] in named and _holds_text(named[str(steps[0])], steps[1:])
    origin = get_origin(shape)
    if isinstance(origin, type) and issubclass(origin, Mapping | tuple):
        # Of a mapping the values; keys are texts nowhere.
        return bool(steps) and _holds_text(
            next(each for each in reversed(get_args(shape)) if each is not ...), steps[1:]
        )
    return any(_holds_text(each, steps) for each in get_args(shape))
