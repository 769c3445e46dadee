"""Every settings class of a configuration, where it stands, and what its keys take: for docs/configuration.md."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import SecretStr
from pydantic.fields import FieldInfo

import actions
from actions._hook_template import JobTemplate
from alerts.conditions import Condition
from config.base import (
    ActionSettings,
    DurationSeconds,
    Expressions,
    HttpUrl,
    MatcherList,
    RatePerSecond,
    Settings,
    SizeBytes,
    TemplateHtml,
    TemplateText,
)
from config.globals import GlobalSettings
from config.intervals import Span, TimeOfDay
from config.load import FROM_ENVIRONMENT
from config.schema import ConfigFile, ReceiverSettings
from config.smtp import Smarthost

NONE = "none"

_KINDS = {
    DurationSeconds: "duration",
    SizeBytes: "size",
    RatePerSecond: "rate",
    HttpUrl: "URL",
    TemplateText: "template",
    TemplateHtml: "template",
    TimeOfDay: "time",
    Smarthost: "host:port",
}
_PLAIN_KINDS: Mapping[object, str] = {
    bool: "`true`, `false`",
    int: "number",
    float: "number",
    str: "text",
    Path: "file",
    JobTemplate: "file",
    SecretStr: "secret",
    Span: "range",
    Condition: "condition",
    tzinfo: "time zone",
    Any: "anything",
}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a settings class.

    Attributes:
        kind: what it takes, as Markdown.
        default: what it is when it is left out, as Markdown.
        why: that it has no effect, and why; "" where it has one.
    """

    name: str
    kind: str
    default: str
    why: str = ""


@cache
def shapes() -> dict[str, type[Settings]]:
    """Each place of a configuration where settings stand, as "receivers[].slack_configs[].http_config"."""
    found = dict(_within("", ConfigFile, ())) | dict(_within("receivers[]", ReceiverSettings, ()))
    for kind, module in actions.find().items():
        found |= dict(_within(f"receivers[].{kind}_configs[]", module.Settings, ()))
    return found


def hints(shape: type[Settings]) -> dict[str, tuple[Any, FieldInfo]]:
    """Each key's annotation, whole, and its field."""
    annotated = get_type_hints(shape, include_extras=True)
    return {field.alias or name: (annotated[name], field) for name, field in shape.model_fields.items()}


def inside(hint: Any) -> Iterator[tuple[str, type[Settings]]]:
    """The settings that a value holds, and how they stand in it: "" itself, "[]" in a list, ".NAME" in a mapping."""
    if isinstance(hint, type) and issubclass(hint, Settings):
        yield "", hint
    elif get_origin(hint) is tuple:
        yield from (("[]" + step, shape) for step, shape in inside(get_args(hint)[0]))
    elif _is_mapping(hint):
        yield from ((".NAME" + step, shape) for step, shape in inside(get_args(hint)[1]))
    elif get_origin(hint) in (Union, types.UnionType):
        for each in get_args(hint):
            yield from inside(each)
    elif get_origin(hint) is Annotated:
        yield from inside(get_args(hint)[0])


def keys(path: str, shape: type[Settings]) -> Iterator[Key]:
    """The keys that settings at a path take."""
    if issubclass(shape, ReceiverSettings):
        yield Key("name", "text", "required")
        yield from (Key(f"{kind}_configs", "list of mappings", NONE) for kind in actions.find())
    for name, (hint, field) in hints(shape).items():
        yield Key(name, _kind(hint), _default(path, shape, name, hint, field), shape.ineffective.get(name, ""))
    if issubclass(shape, ConfigFile):
        yield Key("receivers", "list of mappings", "required")


def refused(shape: type[Settings]) -> Iterator[tuple[str, list[str]]]:
    """Why keys are refused, or what to do instead where that is the same for several reasons; and which keys."""
    alike: dict[str, dict[str, str]] = {}
    for key, why in shape.refused.items():
        alike.setdefault(why.partition(": ")[2] or why, {})[key] = why
    for instead, reasons in alike.items():
        same = len(set(reasons.values())) == 1
        yield next(iter(reasons.values())) if same else instead, list(reasons)


def _within(
    path: str, shape: type[Settings], around: tuple[type[Settings], ...]
) -> Iterator[tuple[str, type[Settings]]]:
    if shape in around:
        return
    yield path, shape
    for name, (hint, _) in hints(shape).items():
        for step, inner in inside(hint):
            yield from _within(f"{path}.{name}{step}".lstrip("."), inner, (*around, shape))


def _is_mapping(hint: Any) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _kind(hint: Any) -> str:
    if hint in (MatcherList, Expressions):
        return "list of matchers" if hint == MatcherList else "mapping of regular expressions"
    if get_origin(hint) is Annotated:
        base, *marks = get_args(hint)
        for known, kind in _KINDS.items():
            known_base, *known_marks = get_args(known)
            if (base, marks[: len(known_marks)]) == (known_base, known_marks):
                return kind
        return _kind(base)
    if get_origin(hint) is tuple:
        return f"list of {_several(_kind(get_args(hint)[0]))}"
    if _is_mapping(hint):
        of = _kind(get_args(hint)[1])
        return "mapping" if of == "anything" else f"mapping of {_several(of)}"
    if get_origin(hint) in (Union, types.UnionType):
        return next(_kind(each) for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is Literal:
        return ", ".join(f"`{each}`" for each in get_args(hint))
    return "mapping" if isinstance(hint, type) and issubclass(hint, Settings) else _PLAIN_KINDS[hint]


def _several(kind: str) -> str:
    first, *behind = kind.split(" ", 1)
    return kind if kind == "text" else " ".join([f"{first}s", *behind])


def _default(path: str, shape: type[Settings], name: str, hint: Any, field: FieldInfo) -> str:
    told = []
    if issubclass(shape, ActionSettings):
        told += [f"`global.{shape.from_global[name]}`"] if name in shape.from_global else []
        told += [f"`{shape.from_environment[name]}`"] if name in shape.from_environment else []
    variable = FROM_ENVIRONMENT.get(tuple(filter(None, (*path.split("."), name))))
    told += [f"`{variable}`"] if variable else []
    if field.is_required():
        return ", else ".join(told) or "required"
    value = field.get_default(call_default_factory=True)
    written = _written(value, _kind(hint))
    # A default that `global` has, too, is said there.
    known = written == NONE or value == _default_in_global(shape, name)
    return ", else ".join(told if told and known else [*told, written])


def _default_in_global(shape: type[Settings], name: str) -> Any:
    key = shape.from_global.get(name) if issubclass(shape, ActionSettings) else None
    return GlobalSettings.model_fields[key].default if key else None


def _written(value: Any, kind: str) -> str:
    """A default as a file would have it."""
    if value is None or value == "" or (not isinstance(value, bool | int | float) and value in ((), {})):
        return NONE
    if isinstance(value, Settings):
        if not any(field.is_required() for field in type(value).model_fields.values()):
            return "each key's own"
        said = (
            f"{key}: {_written(getattr(value, key), _kind(hint)).strip('`')}"
            for key, (hint, _) in hints(type(value)).items()
        )
        return f"`{{{', '.join(said)}}}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{_scalar(value, kind)}`"


def _scalar(value: Any, kind: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if kind == "duration":
        size, unit = next((each for each in _UNITS if value >= each[0] and value % each[0] == 0), (1, "s"))
        return f"{value / size:g}{unit}"
    if kind == "size":
        return f"{value // 1_048_576}MiB"
    return f"{value:g}/s" if kind == "rate" else str(value)
