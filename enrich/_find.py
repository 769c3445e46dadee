"""Which enrichers there are: the modules here, and those of a folder of the user's own."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from enrich._base import Enricher, Given

# What is there only where it is configured, under the same name in `enrichment`.
_CONFIGURED = tuple(each.name for each in fields(Given) if each.default is None)


class EnricherError(Exception):
    """A module of the user's own is no enricher; the message names it and says why."""


def needs(enricher: Enricher) -> str:
    """Which of what can be `Given` an enricher cannot do without (its `needs`), "" where there is none."""
    return str(getattr(enricher, "needs", ""))


def find(folder: Path | None = None) -> dict[str, Enricher]:
    """Every enricher there is, by name: the modules here, and those of a folder of the user's own.

    Raises:
        EnricherError: one of the folder's cannot be used.
    """
    names = sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = {name: importlib.import_module(f"enrich.{name}") for name in names if not name.startswith("_")}
    found: dict[str, Enricher] = {name: module.Enricher() for name, module in modules.items()}
    for name, enricher in _of_folder(folder) if folder else ():
        if name in found:
            raise EnricherError(f"{name}.py: there is an enricher of that name already")
        found[name] = enricher
    return found


def _of_folder(folder: Path) -> Iterator[tuple[str, Enricher]]:
    if not folder.is_dir():
        raise EnricherError(f"{folder}: is no folder")
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_"):
            yield path.stem, _of_file(path)


def _of_file(path: Path) -> Enricher:
    spec = importlib.util.spec_from_file_location(f"enrichers_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look themselves up there.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        enricher: Enricher = module.Enricher()
        wanted = ("title", "look_up") if hasattr(enricher, "look_up") else ("title", "questions", "read")
        lacks = [each for each in wanted if not hasattr(enricher, each)]
        name = getattr(enricher, "name", None)
    except (Exception, SystemExit) as error:
        # Somebody else's code: whatever it is, it is theirs to read.
        raise EnricherError(f"{path.name}: {type(error).__name__}: {error}") from error
    if lacks or name != path.stem:
        reason = f"its Enricher has no {lacks[0]}" if lacks else f"its Enricher's name is {name!r}, not {path.stem!r}"
        raise EnricherError(f"{path.name}: {reason}")
    if needs(enricher) not in ("", *_CONFIGURED):
        raise EnricherError(f"{path.name}: its Enricher needs {needs(enricher)!r}, which nobody can give it")
    return enricher
