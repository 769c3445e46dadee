"""Files that take the place of a default: `slack.title.j2` among those that `templates` names is every Slack title."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from config.base import ActionSettings
from config.document import Document, Path_
from templating import Library, Template

_SUFFIX = ".j2"
_MOST_NEAR = 3


@dataclass(frozen=True, slots=True)
class DefaultTexts:
    """What the files say instead of the defaults.

    Attributes:
        files: by kind and key the file's name; what is within a mapping is such as ("headers", "Subject").
        used: of how many actions each file is a text.
    """

    files: Mapping[str, Mapping[tuple[str, ...], str]] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    @property
    def counted(self) -> dict[str, int]:
        """Of how many actions each file is a text, those that are none's included."""
        return {file: self.used[file] for named in self.files.values() for file in named.values()}

    def fill(self, kind: str, given: dict[str, Any], path: Path_) -> dict[Path_, str]:
        """Put the files in for what an action's settings leave out.

        Args:
            given: the settings as they were read; changed.
            path: where they stand.

        Returns:
            Where files were put in, and which.
        """
        filled: dict[Path_, str] = {}
        for (key, *inner), file in self.files.get(kind, {}).items():
            text, there = f'{{% include "{file}" %}}', given.get(key)
            if not inner:
                if there is not None:
                    continue
                given[key] = text
            elif there is None or isinstance(there, dict):
                # A header's name is the same in any letter case, and no two keys of a mapping differ by that alone.
                if any(str(each).lower() == inner[0].lower() for each in there or ()):
                    continue
                given[key] = {**(there or {}), inner[0]: text}
            else:
                continue
            filled[*path, key, *inner] = file
            self.used[file] += 1
        return filled


def default_texts(library: Library, kinds: Mapping[str, type[ActionSettings]], document: Document) -> DefaultTexts:
    """Find them among the files; a name that begins as theirs and is none is one of the document's problems.

    Args:
        kinds: each kind of action that there is, with its settings.
    """
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for name in sorted(library.files):
        kind, *key = name.removesuffix(_SUFFIX).split(".", 2)
        if kind.lower() not in kinds or not key:
            continue
        if kind not in kinds:
            near = ".".join((kind.lower(), *key))
            document.problems.append(document.problem(("templates",), f"{name}: did you mean {near}{_SUFFIX}?"))
            continue
        texts = dict(_texts(kinds[kind]))
        if (len(key) == 1 and texts.get(key[0]) is False) or (len(key) == 2 and texts.get(key[0]) is True):
            found.setdefault(kind, {})[tuple(key)] = name
        else:
            document.problems.append(document.problem(("templates",), f"{name}: {_none(kind, key, texts)}"))
    return DefaultTexts(found)


def _texts(shape: type[ActionSettings]) -> Iterator[tuple[str, bool]]:
    """Each key that is a text, and whether it is a mapping of texts instead."""
    for name, each in shape.model_fields.items():
        for one in _flat(each.annotation):
            if one in (Template, Any):
                yield each.alias or name, False
            elif _is_mapping(one) and {Template, Any} & {*_flat(get_args(one)[1])}:
                yield each.alias or name, True


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _flat(annotation: Any) -> Iterator[Any]:
    """What an annotation is of, whatever is said beside it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _flat(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _flat(each)
    else:
        yield annotation


def _none(kind: str, key: list[str], texts: Mapping[str, bool]) -> str:
    names = [f"{each}.NAME" if mapping else each for each, mapping in texts.items()]
    near = difflib.get_close_matches(".".join(key), names, n=_MOST_NEAR)
    listed = ", ".join(f"{kind}.{each}{_SUFFIX}" for each in near or names)
    there = f"did you mean {listed}?" if near else f"there are: {listed}"
    return f"is no text of {kind}; {there} (what texts are to include begins with another word)"
