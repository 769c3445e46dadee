"""Values against a settings class: what is wrong goes among the document's problems, each at its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from config.document import Document, Path_
from templating import TemplateError

_PLAIN_WORDS = {
    "missing": "is missing",
    "string_type": "should be text",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "tuple_type": "should be a list",
    "bool_parsing": "should be true or false",
    "greater_than": "should be more than {gt}",
    "greater_than_equal": "should be at least {ge}",
    "less_than_equal": "should be at most {le}",
    "int_parsing": "should be a whole number",
    "int_parsing_size": "should be a whole number",
    "int_type": "should be a whole number",
    "too_short": "is empty",
    "bool_type": "should be true or false",
    "float_type": "should be a single value",
    "path_type": "should be the name of a file",
    "literal_error": "should be {expected}",
    "string_too_short": "is empty",
    "string_too_long": "should have at most {max_length} characters",
}


def validated(
    shape: type[Any], value: Any, path: Path_, document: Document, context: Mapping[str, Any] | None = None
) -> Any:
    """Make settings of a value; None when it is not right, which the document's problems then say.

    Args:
        context: what validators may ask for; templates for the "library" of those that they may call.
    """
    try:
        return shape.model_validate(value, context=context)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            # What is wrong with a key is pydantic's "[key]" behind it.
            place = (*path, *(step for step in each["loc"] if step != "[key]"))
            dispensable = each["type"] == "extra_forbidden" or _is_texts(each)
            if each["type"] == "extra_forbidden":
                message = _extra(shape, each["loc"], place)
            elif any(blank[: len(place)] == place for blank in document.blanked):
                # It follows from what has been said already.
                continue
            else:
                plain = _PLAIN_WORDS.get(each["type"], "").format(**each.get("ctx", {}))
                message = plain or each["msg"].removeprefix("Value error, ")
            document.problems.append(document.problem(place, message, dispensable=dispensable))
        return None


def _is_texts(error: Mapping[str, Any]) -> bool:
    """Whether it is about a template, without which there is a text of the service's own."""
    cause = error.get("ctx", {}).get("error")
    return isinstance(cause, TemplateError) or isinstance(getattr(cause, "__context__", None), TemplateError)


def unknown_key(key: str, known: Iterable[str], what: str = "key") -> str:
    """Say that there is no such key, and which was meant, or which there are."""
    near = difflib.get_close_matches(key, known := list(known), n=1)
    return f"is no {what} here; " + (f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}")


def _extra(shape: Any, loc: tuple[int | str, ...], place: Path_) -> str:
    """Say what is wrong with a key that a settings class does not take."""
    inside = _shape_at(shape, loc[:-1])
    key = str(place[-1])
    if inside is not None and key in inside.refused:
        return str(inside.refused[key])
    known = list(_fields(inside)) if inside is not None else []
    return unknown_key(key, known if len(place) > 1 else [*known, "receivers"])


def _shape_at(shape: Any, loc: tuple[int | str, ...]) -> Any:
    """The settings class at a place inside one; None where there is none."""
    for step in loc:
        fields = _fields(shape)
        if isinstance(step, str) and step in fields:
            shape = _settings_in(fields[step])
            if shape is None:
                return None
    return shape


def _fields(shape: Any) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in shape.model_fields.items()}


def _settings_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    inner = (_settings_in(each) for each in getattr(annotation, "__args__", ()))
    return next((each for each in inner if each is not None), None)
