"""Templates in a configuration: the files that have them, and the settings that are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from config.document import Document, Path_, Problem
from config.schema import template_files
from templating import Library, Named, Template, TemplateError, alertmanagers, defined

_LARGEST_BYTES = 1_000_000
_MOST_FILES = 200


def read_library(named: Any, document: Document) -> tuple[Library, list[Problem]]:
    """Read the files that `templates` names: `*.j2` are Jinja2's, all others Go's.

    Args:
        named: `templates` as it was read.
        document: whose folder paths begin at, and whose problems what is wrong is added to.

    Returns:
        What texts may call, and what may not be meant.
    """
    defines, files = dict(alertmanagers().defines), dict[str, str]()
    warnings: list[Problem] = []
    places: dict[str, Path] = {}
    for at, pattern in enumerate(named if isinstance(named, list) else ()):
        path: Path_ = ("templates", at)
        if not isinstance(pattern, str):
            continue
        found = template_files(Path(document.name).parent, pattern)
        if not found:
            warnings.append(document.problem(path, f"there is no file {pattern}"))
        for file in found[:_MOST_FILES]:
            try:
                source = _content(file)
            except ValueError as error:
                document.problems.append(document.problem(path, f"{file}: {error}"))
                continue
            if file.suffix == ".j2":
                if places.setdefault(file.name, file) != file:
                    message = f"{file}: another file is called {file.name}; texts name files without their folder"
                    document.problems.append(document.problem(path, message))
                files[file.name] = source
            else:
                _define(defines, file, source, places, document)
    library = Library(defines, files)
    _check(library, places, document)
    return library, warnings


def _content(file: Path) -> str:
    try:
        content = file.read_bytes()
        if len(content) > _LARGEST_BYTES:
            raise ValueError(f"is larger than {_LARGEST_BYTES:,} bytes")
        return content.decode()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def _define(defines: dict[str, Named], file: Path, source: str, places: dict[str, Path], document: Document) -> None:
    try:
        for name, each in defined(source).items():
            # As in Go: what is empty replaces nothing.
            if each.empty and name in defines:
                continue
            defines[name] = each
            places[name] = file
    except TemplateError as error:
        document.problems.append(_problem(file, error))


def _check(library: Library, places: Mapping[str, Path], document: Document) -> None:
    """Whether each template of the files can be read, whatever it is handed."""
    for name, file in places.items():
        try:
            library.check_any(name)
        except TemplateError as error:
            document.problems.append(_problem(places.get(error.name, file), error))


def _problem(file: Path, error: TemplateError) -> Problem:
    place = ":".join(map(str, filter(None, (file, error.line, error.column))))
    return Problem(place, "", f"{error.name!r}: {error.reason}" if error.name else error.reason)


def templates(value: Any, path: Path_) -> Iterator[tuple[Path_, Template]]:
    """Each template in settings, wherever in them, and its key's place."""
    if isinstance(value, Template):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from templates(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from templates(key, path)
            yield from templates(each, (*path, str(key)))
    elif isinstance(value, list | tuple | set | frozenset):
        for at, each in enumerate(value):
            yield from templates(each, (*path, at))
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from templates(getattr(value, part.name), (*path, part.name))
