"""What no shape can say: whether the names in a configuration lead somewhere.

The routing tree is looked at as it was read, so that a name is checked though something beside it is wrong.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.base import Settings
from config.content import check_file
from config.document import Document, Path_, Problem
from config.inhibition import InhibitRule
from config.remediation import RemedySettings
from config.schema import EnrichmentSettings, PrometheusSettings, QuerySettings, Receiver
from config.validation import unknown_key

_CONDITIONS = ("match", "match_re", "matchers")
_UPSTREAM_TIMINGS = {
    "group_wait": "it has no effect here",
    "group_interval": "it has no effect here",
    "repeat_interval": "here it is only what delivery.stale_after goes by where that is not set",
}


def check_route(
    root: Any, receivers: Sequence[Receiver], document: Document, told_beside: Iterable[str] = ()
) -> list[Problem]:
    """Check the routing tree.

    Args:
        root: `route` as it was read.
        receivers: those that there are.
        document: whose problems what is wrong is added to.
        told_beside: the receivers that are told of something without a route.

    Returns:
        What may not be meant.
    """
    warnings: list[Problem] = []
    names = [each.name for each in receivers]
    if isinstance(root, dict):
        if any(root.get(key) for key in _CONDITIONS):
            problem = document.problem(("route",), "the root route takes every alert: no matchers here")
            document.problems.append(problem)
        if not root.get("receiver") and ("route", "receiver") not in document.blanked:
            document.problems.append(document.problem(("route", "receiver"), "is missing"))
    used: set[Any] = set(told_beside)
    for path, node in nodes(root, ("route",)):
        receiver = node.get("receiver")
        used.add(receiver)
        if receiver and receiver not in names:
            document.problems.append(document.problem((*path, "receiver"), no_receiver(receiver, names)))
        for key, effect in _UPSTREAM_TIMINGS.items():
            if node.get(key) is not None:
                warnings.append(document.problem((*path, key), f"is Alertmanager's to keep; {effect}"))
    reached = _reached(used, receivers)
    for at, name in enumerate(names):
        if name not in reached:
            warnings.append(document.problem(("receivers", at, "name"), f"no route leads to {name!r}"))
    return warnings


def check_inhibition(rules: Sequence[InhibitRule], document: Document) -> list[Problem]:
    """Look for rules that say more than may be meant.

    Returns:
        What may not be meant.
    """
    warnings = []
    for at, rule in enumerate(rules):
        for side, matchers in (("source", rule.sources), ("target", rule.targets)):
            if not matchers:
                message = f"has no {side}_matchers: every alert is a {side}"
                warnings.append(document.problem(("inhibit_rules", at), message))
    return warnings


def nodes(node: Any, path: Path_) -> Iterator[tuple[Path_, dict[str, Any]]]:
    """Each node of a routing tree as it was read, and where it stands."""
    if not isinstance(node, dict):
        return
    receiver = node.get("receiver")
    yield path, node if isinstance(receiver, str | None) else {**node, "receiver": None}
    routes = node.get("routes")
    for at, child in enumerate(routes if isinstance(routes, list) else ()):
        yield from nodes(child, (*path, "routes", at))


def check_fallbacks(listed: Any, receivers: Sequence[Receiver], document: Document) -> list[Problem]:
    """Check that each receiver's fallback is another one.

    They may go round in a circle: nothing is handed on twice.

    Args:
        listed: `receivers` as it was read.
        receivers: those that there are.
        document: whose problems what is wrong is added to.

    Returns:
        What may not be meant.
    """
    warnings: list[Problem] = []
    by_name = {each.name: each for each in receivers}
    for at, each in enumerate(listed if isinstance(listed, list) else ()):
        fallback = each.get("fallback") if isinstance(each, dict) else None
        path: Path_ = ("receivers", at, "fallback")
        if not isinstance(fallback, str):
            continue
        if fallback == each.get("name"):
            document.problems.append(document.problem(path, "is itself; another receiver should take over"))
        elif fallback not in by_name:
            document.problems.append(document.problem(path, no_receiver(fallback, list(by_name))))
        elif not by_name[fallback].actions:
            warnings.append(document.problem(path, f"tells nobody: {fallback!r} has no actions"))
    return warnings


def check_enrichers(settings: EnrichmentSettings, known: Mapping[str, str], document: Document) -> None:
    """Check that each enricher named is one that there is and that has what it needs, or one of the queries.

    Args:
        known: every enricher's name, and which of the settings it needs, "" for none.
    """
    known = {**dict.fromkeys((each.name for each in settings.queries), ""), **known}
    for at, name in enumerate(settings.enrichers or ()):
        message, need = "", known.get(name, "")
        if name not in known:
            message = unknown_key(name, sorted(known), "enricher")
        elif need and getattr(settings, need) is None:
            message = f"needs enrichment.{need}, which is not set"
        if message:
            document.problems.append(document.problem(("enrichment", "enrichers", at), message))


def check_queries(
    queries: Sequence[QuerySettings],
    known: Collection[str],
    read_query: Callable[[QuerySettings], object],
    document: Document,
) -> None:
    """Check that each query has a name of its own, and PromQL that can be asked.

    Args:
        known: the names of the enrichers that there are.
        read_query: raises ValueError where a query cannot be asked.
    """
    names = [each.name for each in queries]
    for at, each in enumerate(queries):
        place: Path_ = ("enrichment", "queries", at)
        if each.name in known:
            document.problems.append(document.problem((*place, "name"), f"there is an enricher {each.name!r}"))
        elif each.name in names[:at]:
            document.problems.append(document.problem((*place, "name"), f"there is another {each.name!r}"))
        try:
            read_query(each)
        except ValueError as error:
            document.problems.append(document.problem((*place, "promql"), " ".join(str(error).split())))


def check_conditions(listed: Any, receivers: Sequence[Receiver], known: Iterable[str], document: Document) -> None:
    """Check that each reading that a `when` names is one that is looked up.

    Args:
        listed: `receivers` as it was read.
        known: the names of the enrichers that run.
    """
    known = sorted(known)
    read = [each if isinstance(each, dict) else {} for each in (listed if isinstance(listed, list) else ())]
    places = {str(each.get("name")): at for at, each in enumerate(read)}
    for receiver in receivers:
        for action in receiver.actions:
            for number, condition in enumerate(action.settings.when):
                if condition.reading not in known:
                    place = ("receivers", places.get(receiver.name, 0), f"{action.kind}_configs", action.index, "when")
                    message = unknown_key(condition.reading, known, "reading")
                    document.problems.append(document.problem((*place, number), message))


def check_prometheuses(prometheuses: Sequence[PrometheusSettings], document: Document) -> list[Problem]:
    """Check that several can be told apart, and that each may be asked about something.

    Returns:
        What may not be meant.
    """
    warnings: list[Problem] = []
    names = [each.name for each in prometheuses]
    for at, each in enumerate(prometheuses):
        if len(prometheuses) > 1 and not each.name:
            document.problems.append(document.problem(("prometheus", at), "needs a name, as there are several"))
        elif each.name in names[:at]:
            problem = document.problem(("prometheus", at, "name"), f"there is another {each.name!r}")
            document.problems.append(problem)
        if any(not before.matchers for before in prometheuses[:at]):
            message = "is never asked: one before it has no matchers and so takes every alert"
            warnings.append(document.problem(("prometheus", at), message))
    return warnings


def check_doubts(settings: Any, path: Path_, document: Document) -> Iterator[Problem]:
    """Yield what settings say of themselves that may not be what was meant, as far as the file says it there."""
    if isinstance(settings, Settings):
        for key, why in settings.doubts():
            if (*path, key) in document.marks:
                yield document.problem((*path, key), why)
        for name, field in type(settings).model_fields.items():
            yield from check_doubts(getattr(settings, name), (*path, field.alias or name), document)
    elif isinstance(settings, tuple):
        for at, each in enumerate(settings):
            yield from check_doubts(each, (*path, at), document)
    elif isinstance(settings, Mapping):
        for key, each in settings.items():
            yield from check_doubts(each, (*path, str(key)), document)


def check_files(document: Document) -> list[Problem]:
    """Look whether each file that is named can be read: by the time that it is used it may, as it may be rotated.

    Returns:
        Those that cannot.
    """
    warnings = []
    for path, name in _files(document.data, ()):
        try:
            check_file(Path(name))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no file's name"
            warnings.append(document.problem(path, f"{name}: {reason}; it is read when it is used"))
    return warnings


def _files(node: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    if isinstance(node, dict):
        for key, each in node.items():
            if isinstance(each, str) and isinstance(key, str) and (key.endswith("_file") or key == "kubeconfig"):
                yield (*path, key), each
            elif key == "files" and isinstance(each, list):
                yield from (((*path, key, at), file) for at, file in enumerate(each) if isinstance(file, str))
            else:
                yield from _files(each, (*path, str(key)))
    elif isinstance(node, list):
        for at, each in enumerate(node):
            yield from _files(each, (*path, at))


def _reached(used: set[Any], receivers: Sequence[Receiver]) -> set[Any]:
    """The receivers that routes lead to, and those that are told where these fail, or what they do does not help."""
    reached, found = set[Any](), used
    while found:
        reached |= found
        found = {name for each in receivers if each.name in found for name in _others(each)} - reached
    return reached


def _others(receiver: Receiver) -> Iterator[str]:
    if receiver.fallback:
        yield receiver.fallback
    for each in receiver.actions:
        if isinstance(each.settings, RemedySettings) and each.settings.otherwise:
            yield each.settings.otherwise


def no_receiver(name: str, names: Sequence[str]) -> str:
    """What is wrong with a name that no receiver has."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"no receiver is called {name!r}" + (f"; did you mean {near[0]}?" if near else "")
