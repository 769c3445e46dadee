"""What the service exposes, and which of it an expression asks for."""

import re
from collections.abc import Iterator

import promql_parser

from tests.service import ROOT

# What Prometheus itself says of a target.
OF_TARGETS = {"job", "namespace", "instance"}
OF_PROMETHEUS = {"up": OF_TARGETS}
_METRIC = re.compile(r"^\| `(alert_manager_\w+)` \| ([^|]*)\| (histogram)?", re.MULTILINE)
_PARTS = ("expr", "lhs", "rhs", "param", "args")


def metrics() -> dict[str, set[str]]:
    """Each series' name with its labels, by docs/metrics.md; tests/web/test_ops.py holds that against the service."""
    found: dict[str, set[str]] = {}
    for name, labels, histogram in _METRIC.findall((ROOT / "docs" / "metrics.md").read_text()):
        own = set(re.findall(r"`(\w+)`", labels)) | OF_TARGETS
        if histogram:
            found |= {f"{name}_bucket": own | {"le"}, f"{name}_count": own, f"{name}_sum": own}
        else:
            found[name] = own
    return {**found, **OF_PROMETHEUS}


def _nodes(node: object) -> Iterator[object]:
    if isinstance(node, list | tuple):
        for each in node:
            yield from _nodes(each)
    elif isinstance(node, promql_parser.Expr):
        yield node
        for part in _PARTS:
            yield from _nodes(getattr(node, part, None))
        yield from _nodes(getattr(getattr(node, "vector_selector", None), "self", None))
        if isinstance(node, promql_parser.MatrixSelector):
            yield node.vector_selector


def wrong(expression: str) -> list[str]:
    """What an expression asks for that is not exposed; ValueError where it is no PromQL."""
    exposed, problems = metrics(), []
    selectors = [
        each for each in _nodes(promql_parser.parse(expression)) if isinstance(each, promql_parser.VectorSelector)
    ]
    if not selectors:
        problems.append("it asks for nothing")
    for each in selectors:
        if each.name not in exposed:
            problems.append(f"there is no {each.name}")
            continue
        unknown = {matcher.name for matcher in each.matchers.matchers} - exposed[each.name]
        problems += [f"{each.name} has no label {name}" for name in sorted(unknown)]
    known = set().union(*(exposed.get(each.name or "", set()) for each in selectors)) | {"hash"}
    grouped = re.findall(r"\b(?:by|without) \(([^)]*)\)", expression)
    return problems + [
        f"nothing has the label {name}"
        for names in grouped
        for name in re.split(r",\s*", names)
        if name and name not in known
    ]
