"""Routing: alerts through a large tree, in one process; the tree is made ready once."""

from __future__ import annotations

import time
from typing import Any

from benchmarks._report import arguments, conclude, tell
from config.schema import Route
from routing import take

_TARGET_SECONDS = 2.0


def _by_value(routes: int) -> dict[str, Any]:
    """A team each, with a route inside for what is not production: as most configurations are."""
    return {
        "receiver": "root",
        "routes": [
            {
                "receiver": f"team-{number}",
                "matchers": [f'team="t-{number}"', 'severity=~"critical|warning"'],
                "routes": [{"receiver": "quiet", "matchers": ['environment!="production"']}],
            }
            for number in range(routes // 2)
        ],
    }


def _by_pattern(routes: int) -> dict[str, Any]:
    """Regular expressions on a label of few values."""
    matchers = [[f'team=~"t-{number}.?|x.*"'] for number in range(routes)]
    return {"receiver": "root", "routes": [{"receiver": "team", "matchers": each} for each in matchers]}


def _by_pattern_of_pods(routes: int) -> dict[str, Any]:
    """Regular expressions on a label that each alert has another value of: each is tried."""
    matchers = [[f'pod=~"app-{number}-.*"'] for number in range(routes)]
    return {"receiver": "root", "routes": [{"receiver": "app", "matchers": each} for each in matchers]}


def _labels(number: int) -> dict[str, str]:
    return {
        "alertname": f"Alert{number % 50}",
        "team": f"t-{number % 120}",
        "severity": ("critical", "warning", "info")[number % 3],
        "environment": ("production", "staging")[number % 2],
        "pod": f"app-{number % 120}-{number}",
    }


def _seconds(document: dict[str, Any], count: int) -> float:
    root = Route.model_validate(document)
    alerts = [_labels(number) for number in range(count)]
    begun = time.process_time()
    for labels in alerts:
        list(take(root, labels).receivers)
    return time.process_time() - begun


def main() -> None:
    """Measures, each in turn."""
    options = arguments(__doc__, alerts=10_000, routes=200).parse_args()
    makers = {"by value": _by_value, "by pattern": _by_pattern, "by pattern of pods": _by_pattern_of_pods}
    trees = {name: make(options.routes) for name, make in makers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in trees}
    for _ in range(options.repeats):
        for name, document in trees.items():
            seconds[name].append(round(_seconds(document, options.alerts), 3))
            tell(f"{name}: {seconds[name][-1]} s of processor time")
    figures = {"alerts": options.alerts, "routes": options.routes, "seconds": seconds}
    conclude("routing", figures, {f"{name}, under 2 s": max(each) < _TARGET_SECONDS for name, each in seconds.items()})


if __name__ == "__main__":
    main()
