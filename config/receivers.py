"""The receivers of a configuration, whose actions' shapes only the actions know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.base import ActionSettings
from config.checks import check_doubts
from config.default_texts import DefaultTexts
from config.document import Document, Path_, Problem
from config.environment import Environment
from config.foreign import RECEIVERS
from config.schema import ActionConfig, Receiver, ReceiverSettings
from config.templates import templates
from config.validation import unknown_key, validated
from templating import Library, Template

_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class ReceiversReader:
    """Reads receivers; what is wrong goes among the document's problems.

    Attributes:
        kinds: each kind of action that there is, with its settings.
        defaults: the file's `global`.
        library: what templates may call.
        texts: what files say instead of the defaults.
        try_template: raises ValueError, with the reason, for a template that fails on a recorded payload.
        log_otherwise: give a receiver that is left without any action the log, as the shipped default wants it.
        warnings: what may not be meant, of what was read so far.
    """

    document: Document
    kinds: Mapping[str, type[ActionSettings]]
    defaults: Mapping[str, Any]
    environment: Environment
    library: Library
    texts: DefaultTexts
    try_template: Callable[[Template], object]
    log_otherwise: bool
    warnings: list[Problem] = field(default_factory=list)

    def read(self, listed: Any) -> Iterator[Receiver]:
        """Give each receiver of a list that has a name."""
        if not isinstance(listed, list):
            self._problem(("receivers",), "should be a list of receivers")
            return
        names: set[str] = set()
        for at, each in enumerate(listed):
            path: Path_ = ("receivers", at)
            if not isinstance(each, dict) or not isinstance(each.get("name"), str) or not each["name"]:
                self._problem(path, "should be a mapping with a `name`")
                continue
            if each["name"] in names:
                self._problem((*path, "name"), "another receiver has this name")
            if len(each["name"]) > _MAX_NAME or not each["name"].isprintable():
                # It is a part of what is kept, of metrics and of lists.
                self._problem((*path, "name"), f"should be at most {_MAX_NAME} characters that can be printed")
            names.add(each["name"])
            found = list(self._actions(each, path))
            if self.log_otherwise and not found:
                found = list(self._actions({"log_configs": [{}]}, path))
                # A secret may be missing where somebody thinks that it is, and nothing fails of it.
                self.warnings.append(self.document.problem(path, "tells the log alone: none of its variables is set"))
            own = self._own(each, path)
            yield Receiver(each["name"], tuple(found), own.fallback, own.fallback_after, own.flap_hold)

    def _own(self, receiver: Mapping[str, Any], path: Path_) -> ReceiverSettings:
        own = {key: value for key, value in receiver.items() if key in ReceiverSettings.model_fields}
        settings: ReceiverSettings | None = validated(ReceiverSettings, own, path, self.document)
        self.warnings.extend(check_doubts(settings, path, self.document))
        return settings or ReceiverSettings()

    def _actions(self, receiver: Mapping[str, Any], path: Path_) -> Iterator[ActionConfig]:
        for key, elements in receiver.items():
            kind = key.removesuffix("_configs")
            if key == "name" or key in ReceiverSettings.model_fields or elements is None:
                continue
            if kind == key or kind not in self.kinds:
                known = [f"{each}_configs" for each in sorted(self.kinds)]
                instead = RECEIVERS.get(key)
                message = f"{instead}; there are: {', '.join(known)}" if instead else ""
                message = message or unknown_key(key, ["name", *ReceiverSettings.model_fields, *known])
                self._problem((*path, key), message, dispensable=True)
            elif not isinstance(elements, list):
                self._problem((*path, key), "should be a list")
            else:
                for index, element in enumerate(elements):
                    settings = self._settings(kind, element, (*path, key, index))
                    if settings is not None:
                        yield ActionConfig(kind, index, settings)

    def _settings(self, kind: str, element: Any, path: Path_) -> ActionSettings | None:
        shape, filled = self.kinds[kind], {} if element is None else element
        files: Mapping[Path_, str] = {}
        if isinstance(filled, dict):
            filled = self._with_defaults(shape, filled, path)
            files = self.texts.fill(kind, filled, path)
        context = {"library": self.library, "folder": Path(self.document.name).parent}
        settings: ActionSettings | None = validated(shape, filled, path, self.document, context)
        for place, template in templates(settings, path):
            try:
                self.try_template(template)
            except ValueError as error:
                if place in files:
                    # Once, and not of each action.
                    self._problem(("templates",), f"{files[place]}: {error}")
                else:
                    self._problem(place, str(error), dispensable=True)
        self.warnings.extend(check_doubts(settings, path, self.document))
        return settings

    def _with_defaults(self, shape: type[ActionSettings], element: Mapping[str, Any], path: Path_) -> dict[str, Any]:
        """Fill in what the element leaves out."""
        filled = dict(element)
        for key, name in shape.from_global.items():
            if not shape.takes_default(key, filled) or self.defaults.get(name) is None:
                continue
            if self.document.is_wrong(("global", name)):
                # It has been said, and need not be said of each action.
                self.document.blanked.append((*path, key))
            else:
                filled[key] = self.defaults[name]
        for key, name in shape.from_environment.items():
            wanted = shape.takes_default(key, filled)
            value = self.document.look_up((*path, key), name, self.environment) if wanted else None
            if value is not None:
                filled[key] = value
        return filled

    def _problem(self, path: Path_, message: str, *, dispensable: bool = False) -> None:
        self.document.problems.append(self.document.problem(path, message, dispensable=dispensable))
