"""The tables of docs/configuration.md: `python -m scripts.configuration_keys` writes into them what the code knows.

What a key is called, what it takes and what it is otherwise come from the settings classes, and so does why one is
refused or has no effect. What a key means is the page's own, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from config.base import Settings
from scripts.configuration_shapes import Key, keys, refused, shapes

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
WHOLE = "the file"

_TABLE = re.compile(r"^\| in (?P<place>\S+|the file) \|.*\n\|[ |-]*\n(?P<rows>(?:\|.*\n)*)", re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")
_REFUSED = "refused"


def shape_at(place: str) -> tuple[str, type[Settings]]:
    """Which settings a table is of.

    Args:
        place: the end of a path, as much of it as tells which: "tls_config", "receivers[]".

    Returns:
        One of the paths that end so, and the settings.

    Raises:
        LookupError: no path ends so, or those of several settings do.
    """
    known = shapes()
    place = "" if place == WHOLE else place
    if place in known:
        return place, known[place]
    found = {path: shape for path, shape in known.items() if path.endswith(f".{place}")}
    if len(set(found.values())) != 1:
        raise LookupError(f"{place!r} is none of the places of one kind of settings")
    return next(iter(found.items()))


def tables(page: str) -> Iterator[tuple[str, type[Settings]]]:
    """Each table's place, and the settings that it is of."""
    for match in _TABLE.finditer(page):
        yield match["place"].strip("`"), shape_at(match["place"].strip("`"))[1]


def filled(page: str) -> str:
    """The page with its tables as the code has them: in the page's order, what is new behind, what is gone left out."""
    return _TABLE.sub(lambda match: _table(match["place"], match["rows"]), page)


def _table(place: str, rows: str) -> str:
    path, shape = shape_at(place.strip("`"))
    said = {}
    for row in rows.splitlines():
        name, kind, _, meaning = (cell.strip() for cell in _CELL.split(row)[1:-1])
        if kind != _REFUSED:
            said[name.strip("`")] = meaning
    known = {each.name: each for each in keys(path, shape)}
    ordered = [name for name in said if name in known] + [name for name in known if name not in said]
    lines = [f"| in {place} | takes | unless set | what it is |", "| --- | --- | --- | --- |"]
    lines += [_row(known[name], said.get(name, "")) for name in ordered]
    lines += [f"| {', '.join(map(_code, names))} | {_REFUSED} | | {_cell(why)} |" for why, names in refused(shape)]
    return "\n".join([*lines, ""])


def _row(key: Key, meaning: str) -> str:
    return f"| {_code(key.name)} | {key.kind} | {key.default} | {_cell(key.why) or meaning} |"


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("<", "\\<").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
