"""A webhook's body as a user writes it: a document whose texts are templates, as Alertmanager has it since 0.29."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationInfo

from actions._base import cut
from actions._texts import Texts
from config.base import read_template
from templating import Template

_MAX_FAILED = 1_000
# A name and what stands in it, through filters; `tojson` alone makes JSON of it on purpose.
_BARE = re.compile(r"\{\{-?\s*[\w.\[\]'\"-]+(?:\s*\|\s*(?!tojson)\w+(?:\([^(){}]*\))?)*\s*-?\}\}")


def read(value: Any, info: ValidationInfo) -> Any:
    """A document with its texts, and its keys, read as templates.

    Raises:
        ValueError: one cannot be read.
    """
    if isinstance(value, str):
        return read_template(value, info)
    if isinstance(value, list | tuple):
        return tuple(read(each, info) for each in value)
    if isinstance(value, Mapping):
        return {read_template(str(key), info): read(each, info) for key, each in value.items()}
    return value


def render(payload: Any, texts: Texts, otherwise: str, key: str = "payload") -> Any:
    """The document for one notification.

    A text that renders as JSON (but for a string) is what that says: `'{{ common_labels | tojson }}'` is a mapping,
    `3` a number. Alertmanager reads YAML there; what an alert holds, "a: b", is to stay text.

    Args:
        otherwise: what a text is that fails.
        key: where it stands, for errors.
    """
    if isinstance(payload, Template):
        failed = len(texts.errors)
        rendered = texts.render(payload, otherwise, key)
        if len(texts.errors) > failed:
            # Here, for the document has no other place that is known to be read by anybody.
            return cut(f"{rendered} (template failed: {texts.errors[-1]})", _MAX_FAILED)
        return _value(rendered, bare=_BARE.fullmatch(payload.jinja.strip()) is not None)
    if isinstance(payload, tuple):
        return [render(each, texts, otherwise, f"{key}[{at}]") for at, each in enumerate(payload)]
    if isinstance(payload, Mapping):
        return {
            texts.render(name, name.source, key): render(each, texts, otherwise, f"{key}.{name.source}")
            for name, each in payload.items()
        }
    return payload


def _value(text: str, *, bare: bool) -> Any:
    """What a text says as JSON.

    Args:
        bare: it is a value as an alert has it: that is never more than text or a number, whatever is in it.
    """
    try:
        value = json.loads(text)
        # Neither NaN nor infinity is JSON, though Python reads them.
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, str) or (bare and isinstance(value, dict | list)) else value
