"""What rules would do about alerts, and which guard would stop it: read only, and of a few alerts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.model import Alert
from alerts.notification import Notification
from alerts.remediation import NotProposed, Proposal, Verdict
from alerts.severity import worst_first
from outbox.store import Store
from pipeline import guards
from pipeline.running import Rule, Running

MOST_ALERTS = 5
"""Of so many alerts a rule is asked what it would do."""
ASK_SECONDS = 5.0
"""For so long, for all rules together."""

Previews = Mapping[tuple[str, str], Mapping[str, Any]]
"""What is said of each rule and group, as JSON has it, by the rule's destination and the group's key."""


@dataclass(frozen=True, slots=True)
class _Preview:
    """What would be done about one alert.

    Attributes:
        failed: why nothing would be; "" where there is a proposal.
    """

    alert: Alert
    proposal: Proposal | None = None
    failed: str = ""


def remedy_previews(
    running: Running,
    store: Store,
    told: Iterable[Notification],
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
) -> Previews:
    """Ask rules what they would do, until the time is over, and the guards what they would say.

    Args:
        store: what was done before; nothing is kept in it.
        told: what goes to rules, among others.
        now: aware; as if it was decided then.
        clock: seconds that only grow.

    Raises:
        StoreError: what was done before cannot be read.
    """
    deadline = clock() + ASK_SECONDS
    by_rule: dict[str, list[Notification]] = {}
    for each in told:
        if running.rule(each.destination) is not None and each.group.firing:
            by_rule.setdefault(each.destination, []).append(each)
    said: dict[tuple[str, str], Mapping[str, Any]] = {}
    for destination, notifications in by_rule.items():
        rule = running.rule(destination)
        assert rule is not None
        said |= _of_rule(rule, notifications, _Judge(running, store, now), lambda: deadline - clock())
    return said


@dataclass(frozen=True, slots=True)
class _Judge:
    """Asks the guards."""

    running: Running
    store: Store
    now: datetime

    def verdicts(self, rule: Rule, alert: Alert, proposal: Proposal) -> tuple[Verdict, ...]:
        all_rules = self.running.configuration.file.remediation
        bounds = guards.bounds(rule.settings, all_rules)
        own_namespace = self.running.own_namespace
        return (
            *guards.judge(rule.settings, all_rules, own_namespace, alert, proposal.target, self.now),
            *self.store.remediations.judged(rule.name, rule.destination, bounds, proposal, self.now),
        )


def _of_rule(
    rule: Rule, notifications: Sequence[Notification], judge: _Judge, left: Callable[[], float]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What one rule would do about its groups, which are at once: together they may be too many."""
    found: dict[str, list[_Preview]] = {}
    room = MOST_ALERTS
    for each in notifications:
        asked = worst_first(each.group.firing)[:room]
        room -= len(asked)
        found[each.group.group_key] = [_asked(rule, alert, left()) for alert in asked]
    firing = {each.group.group_key: len(each.group.firing) for each in notifications}
    # What a payload was cut of counts, too.
    at_once = sum(firing.values()) + sum(each.group.truncated_alerts for each in notifications)
    storm = _storm(rule, [each for some in found.values() for each in some], at_once)
    return {
        (rule.destination, key): {
            "rule": rule.name,
            "verb": rule.verb,
            "dry_run": rule.settings.dry_run,
            "approval": rule.settings.approval,
            "alerts": [_judged(rule, each, judge, storm) for each in some],
            "alerts_left_out": firing[key] - len(some),
        }
        for key, some in found.items()
    }


def _asked(rule: Rule, alert: Alert, left_seconds: float) -> _Preview:
    if left_seconds <= 0:
        return _Preview(alert, failed=f"it was not asked: {ASK_SECONDS:g}s were over")
    try:
        return _Preview(alert, rule.action.propose(alert, left_seconds))
    except NotProposed as reason:
        return _Preview(alert, failed=str(reason))
    except Exception as error:
        # A defect of the rule's: it would be a step that fails.
        return _Preview(alert, failed=f"the rule fails: {type(error).__name__}")


def _storm(rule: Rule, found: Sequence[_Preview], firing: int) -> Verdict:
    """Whether these alone are too many: each of which the target is not known counts as one."""
    targets = {each.proposal.target.key if each.proposal else each.alert.fingerprint for each in found}
    count, most = len(targets) + firing - len(found), rule.settings.max_targets
    if count > most:
        why = f"{count} targets at once, more than {most}: none of them is touched"
        return Verdict("max_targets", False, why)
    return Verdict("max_targets", True, f"{count} at once, at most {most}")


def _judged(rule: Rule, preview: _Preview, judge: _Judge, storm: Verdict) -> dict[str, Any]:
    said: dict[str, Any] = {"fingerprint": preview.alert.fingerprint, "name": preview.alert.name}
    proposal = preview.proposal
    if proposal is None:
        return {**said, "does": None, "failed": preview.failed}
    verdicts = (*judge.verdicts(rule, preview.alert, proposal), storm)
    # That it is only said what would be done is told where nothing else stands in the way.
    dry_run = guards.dry_run(rule.settings)
    stopped = guards.stopped(verdicts) or guards.stopped([dry_run])
    return {
        **said,
        "does": proposal.does,
        "failed": "",
        "target": proposal.target.text,
        "before": dict(proposal.before),
        "stopped_by": _verdict(stopped) if stopped else None,
        "guards": [_verdict(each) for each in (*verdicts, dry_run)],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    said = {"guard": verdict.guard, "passed": verdict.passed, "why": verdict.why}
    return {**said, "at": verdict.at.isoformat()} if verdict.at else said
