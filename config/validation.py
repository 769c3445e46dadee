"""Values against a settings class: what is wrong goes among the document's problems, each at its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from config.document import Document, Path_

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
}


def validated(shape: type[Any], value: Any, path: Path_, document: Document) -> Any:
    """Make settings of a value; None when it is not right, which the document's problems then say."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            # What is wrong with a key is pydantic's "[key]" behind it.
            place = (*path, *(step for step in each["loc"] if step != "[key]"))
            if each["type"] == "extra_forbidden":
                known = _keys_at(shape, each["loc"][:-1])
                message = unknown_key(str(place[-1]), known if len(place) > 1 else [*known, "receivers"])
            elif any(blank[: len(place)] == place for blank in document.blanked):
                # It follows from what has been said already.
                continue
            else:
                plain = _PLAIN_WORDS.get(each["type"], "").format(**each.get("ctx", {}))
                message = plain or each["msg"].removeprefix("Value error, ")
            document.problems.append(document.problem(place, message))
        return None


def unknown_key(key: str, known: Iterable[str], what: str = "key") -> str:
    """Say that there is no such key, and which was meant, or which there are."""
    near = difflib.get_close_matches(key, known := list(known), n=1)
    return f"is no {what} here; " + (f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}")


def _keys_at(shape: Any, loc: tuple[int | str, ...]) -> list[str]:
    """The keys a settings class takes at a place inside it."""
    keys = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
    for step in loc:
        if isinstance(step, str) and step in keys:
            inner = _settings_in(keys[step])
            if inner is None:
                return []
            keys = {field.alias or name: field.annotation for name, field in inner.model_fields.items()}
    return list(keys)


def _settings_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    inner = (_settings_in(each) for each in getattr(annotation, "__args__", ()))
    return next((each for each in inner if each is not None), None)
