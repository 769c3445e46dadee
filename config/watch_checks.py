"""Whether what is watched can be told to somebody, and is said often enough; see `config/checks.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import units
from config.checks import no_receiver
from config.document import Document, Path_, Problem
from config.schema import Receiver, Route
from config.watching import WatchdogSettings

# Alertmanager's own, where no route says otherwise.
# https://prometheus.io/docs/alerting/latest/configuration/#route
_GROUP_INTERVAL_SECONDS = 300.0


def check_watchdogs(
    watchdogs: Sequence[WatchdogSettings], root: Route, listed: Any, receivers: Sequence[Receiver], document: Document
) -> list[Problem]:
    """Check that each watchdog is watched once, and has a receiver that tells somebody.

    Args:
        listed: `receivers` as it was read.
        receivers: those that there are.
        document: whose problems what is wrong is added to.

    Returns:
        What may not be meant.
    """
    warnings: list[Problem] = []
    by_name = {each.name: each for each in receivers}
    keys = [each.key for each in watchdogs]
    for at, each in enumerate(watchdogs):
        path: Path_ = ("watchdogs", at)
        if each.key in keys[:at]:
            problem = document.problem((*path, "matchers"), f"are watched for {each.receiver!r} already")
            document.problems.append(problem)
        if wrong := _receiver_problem(each.receiver, by_name, listed):
            document.problems.append(document.problem((*path, "receiver"), wrong))
        if doubt := _too_seldom(each, root):
            key = "within" if (*path, "within") in document.marks else "matchers"
            warnings.append(document.problem((*path, key), doubt))
    return warnings


def _receiver_problem(name: str, by_name: Mapping[str, Receiver], listed: Any) -> str:
    receiver = by_name.get(name)
    if receiver is None:
        return no_receiver(name, list(by_name))
    if any(not action.settings.remedies for action in receiver.actions):
        return ""
    said = next((each for each in listed if isinstance(each, dict) and each.get("name") == name), {})
    if not receiver.actions and any(key.endswith("_configs") and said[key] for key in said):
        # What is wrong with its actions is said there.
        return ""
    return f"tells nobody: {name!r} has no actions that tell somebody"


def _too_seldom(watchdog: WatchdogSettings, root: Route) -> str:
    """Why it may come too seldom, by what routes say of the upstream's intervals; "" where they do not say so."""
    labels = {each.name: each.value for each in watchdog.matchers if each.operator == "="}
    slowest = max((each.slowest_seconds for each in _told(root, labels, _Timing())), default=0.0)
    if slowest < watchdog.within:
        return ""
    return (
        f"is {units.duration(watchdog.within)}, and by the repeat_interval and group_interval of its route the upstream"
        f" may say it only every {units.duration(slowest)}: it would be taken for silent"
    )


@dataclass(frozen=True, slots=True)
class _Timing:
    """What a route and those above it say; None is nothing."""

    repeat_seconds: float | None = None
    group_seconds: float | None = None

    @property
    def slowest_seconds(self) -> float:
        """How far apart what goes on may be told; 0 where nobody says.

        Alertmanager looks at a group every `group_interval`, and tells what was told `repeat_interval` ago; what was
        told a moment less than that ago waits for the next look.
        """
        if self.repeat_seconds is None:
            return 0.0
        group_seconds = self.group_seconds or _GROUP_INTERVAL_SECONDS
        return (self.repeat_seconds // group_seconds + 1) * group_seconds


def _told(route: Route, labels: Mapping[str, str], above: _Timing) -> list[_Timing]:
    """The timings of the routes that an alert takes, as Alertmanager goes through them."""
    own = _Timing(
        above.repeat_seconds if route.repeat_interval is None else route.repeat_interval,
        above.group_seconds if route.group_interval is None else route.group_interval,
    )
    found: list[_Timing] = []
    for child in route.matching(labels):
        found += _told(child, labels, own)
        if not child.continue_:
            break
    return found or [own]
