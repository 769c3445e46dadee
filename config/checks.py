"""What no shape can say: whether the names in a configuration lead somewhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from config.document import Document, Path_, Problem
from config.schema import Route
from config.validation import unknown_key

_UPSTREAM_TIMINGS = ("group_wait", "group_interval", "repeat_interval")


def check_route(
    route: Route, path: Path_, names: list[str], document: Document, warnings: list[Problem], depth: int = 0
) -> None:
    """Check the routing tree: problems go to the document, what may not be meant to `warnings`."""
    if depth == 0 and route.conditions:
        document.problems.append(document.problem(path, "the root route takes every alert: no matchers here"))
    if depth == 0 and not route.receiver:
        document.problems.append(document.problem((*path, "receiver"), "is missing"))
    if route.receiver and route.receiver not in names:
        near = difflib.get_close_matches(route.receiver, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        document.problems.append(
            document.problem((*path, "receiver"), f"no receiver is called {route.receiver!r}{hint}")
        )
    for key in _UPSTREAM_TIMINGS:
        if getattr(route, key) is not None:
            warnings.append(document.problem((*path, key), "is Alertmanager's to keep; it has no effect here"))
    if route.group_by is not None:
        message = "groups come from Alertmanager; a bare alert is a group of its own"
        warnings.append(document.problem((*path, "group_by"), message))
    for at, child in enumerate(route.routes):
        check_route(child, (*path, "routes", at), names, document, warnings, depth + 1)
    if depth == 0:
        unused = set(names) - set(_receivers_named(route))
        for at, name in enumerate(names):
            if name in unused:
                warnings.append(document.problem(("receivers", at, "name"), f"no route leads to {name!r}"))


def check_enrichers(names: Iterable[str] | None, known: set[str], document: Document) -> None:
    """Check that each enricher named is one that there is."""
    for at, name in enumerate(names or ()):
        if name not in known:
            path = ("enrichment", "enrichers", at)
            document.problems.append(
                document.problem(path, unknown_key(name, sorted(known)).replace("key", "enricher"))
            )


def _receivers_named(route: Route) -> Iterator[str]:
    if route.receiver:
        yield route.receiver
    for child in route.routes:
        yield from _receivers_named(child)
