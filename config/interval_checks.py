"""Whether the intervals of time that routes name are there, as they were read; see `config/checks.py`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from config.checks import nodes
from config.document import Document, Path_, Problem
from config.intervals import LOCAL

_DEFINED_BY = ("mute_time_intervals", "time_intervals")
_NAMED_BY = ("mute_time_intervals", "active_time_intervals")


def check_intervals(data: Mapping[str, Any], document: Document) -> list[Problem]:
    """Check that each name leads to one interval, and that the root route has none.

    Args:
        data: the file as it was read.
        document: whose problems what is wrong is added to.

    Returns:
        What may not be meant.
    """
    places: dict[str, Path_] = {}
    for path, name in _defined(data):
        if name in places:
            document.problems.append(document.problem(path, "another interval has this name"))
        places.setdefault(name, path)
    used = set()
    for path, name in _named(data.get("route"), document):
        used.add(name)
        if name not in places:
            near = difflib.get_close_matches(name, places, n=1)
            message = f"no interval is called {name!r}" + (f"; did you mean {near[0]}?" if near else "")
            document.problems.append(document.problem(path, message))
    unused = [document.problem(path, f"no route names {name!r}") for name, path in places.items() if name not in used]
    return [*_doubtful(data, document), *unused]


def _defined(data: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    for key in _DEFINED_BY:
        for at, each in _listed(data.get(key)):
            name = each.get("name") if isinstance(each, dict) else None
            if isinstance(name, str) and name:
                yield (key, at, "name"), name


def _named(root: Any, document: Document) -> Iterator[tuple[Path_, str]]:
    for path, node in nodes(root, ("route",)):
        for key in _NAMED_BY:
            if node is root and node.get(key):
                message = "the root route is always there: name intervals on a route below it"
                document.problems.append(document.problem((*path, key), message))
            for at, name in _listed(node.get(key)):
                if isinstance(name, str):
                    yield (*path, key, at), name


def _doubtful(data: Mapping[str, Any], document: Document) -> Iterator[Problem]:
    if data.get("mute_time_intervals") is not None:
        yield document.problem(("mute_time_intervals",), "is what time_intervals was called before; both mean the same")
    for key in _DEFINED_BY:
        for at, named in _listed(data.get(key)):
            if not isinstance(named, dict):
                continue
            if not named.get("time_intervals"):
                yield document.problem((key, at), "is at no time: it has no time_intervals")
            for number, each in _listed(named.get("time_intervals")):
                for inner, value in each.items() if isinstance(each, dict) else ():
                    place = (key, at, "time_intervals", number, inner)
                    if value == []:
                        yield document.problem(place, "is at no time: it is empty; without the key it is at any")
                    elif inner == "location" and value == LOCAL:
                        yield document.problem(place, "is where this runs, not where Alertmanager does; better name it")


def _listed(value: Any) -> Iterator[tuple[int, Any]]:
    return enumerate(value if isinstance(value, list) else ())
