"""The guards that look at nothing stored: what a rule allows, and when. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

import units
from alerts.model import Alert
from alerts.remediation import Target, Verdict
from alerts.target import of_node_exporter
from config.remediation import ALWAYS_DENIED, RemediationSettings, RemedySettings
from outbox.remediation_guards import Bounds


def judge(
    settings: RemedySettings,
    all_rules: RemediationSettings,
    own_namespace: str,
    alert: Alert,
    target: Target,
    now: datetime,
) -> tuple[Verdict, ...]:
    """What each guard says of doing something to a target because of an alert.

    Args:
        own_namespace: this service's; "" where it is in none.
    """
    return (
        enabled(all_rules),
        Verdict("firing", alert.firing, "the alert fires" if alert.firing else "the alert is over"),
        _denied(all_rules, own_namespace, _namespace(alert, target)),
        *_lists(settings, target),
        firing_for(settings, alert, now),
    )


def enabled(all_rules: RemediationSettings) -> Verdict:
    """Whether anything is done at all, as far as the configuration says."""
    said = (
        "remediation.enabled is true" if all_rules.enabled else "remediation.enabled is false: nothing is done at all"
    )
    return Verdict("enabled", all_rules.enabled, said)


def firing_for(settings: RemedySettings, alert: Alert, now: datetime) -> Verdict:
    """Whether it has been firing for long enough."""
    at = alert.starts_at + timedelta(seconds=settings.firing_for)
    fired = units.duration(max(0.0, (now - alert.starts_at).total_seconds()))
    asked = units.duration(settings.firing_for)
    if now < at:
        return Verdict("firing_for", False, f"it has been firing for {fired}, and is to fire for {asked} first", at)
    return Verdict("firing_for", True, f"it has been firing for {fired}")


def dry_run(settings: RemedySettings, *, taken_up_so: bool = False) -> Verdict:
    """Whether it is only said what would be done.

    Args:
        taken_up_so: it was a dry run when it was taken up, and stays one, whatever is configured by now.
    """
    if settings.dry_run:
        return Verdict("dry_run", False, "dry_run is true: it is only said what would be done")
    if taken_up_so:
        return Verdict("dry_run", False, "dry_run was true when it was taken up: it is only said what would be done")
    return Verdict("dry_run", True, "dry_run is false")


def bounds(settings: RemedySettings, all_rules: RemediationSettings) -> Bounds:
    """How much may be done, for the guards that look at what was done before."""
    return Bounds(settings.cooldown, settings.max_per_hour, all_rules.max_per_hour, settings.max_targets)


def stopped(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The first that stops it for good; else the first that does for now; else None."""
    against = [each for each in verdicts if not each.passed]
    return next((each for each in against if each.at is None), against[0] if against else None)


def waits_until(verdicts: Sequence[Verdict]) -> datetime | None:
    """When what stops it for now may be over; None where nothing stops it, or something does for good."""
    against = [each for each in verdicts if not each.passed]
    moments = [each.at for each in against if each.at is not None]
    return max(moments) if moments and len(moments) == len(against) else None


def _namespace(alert: Alert, target: Target) -> str:
    """Where a target is, as far as the deny-list goes; "" for nowhere."""
    if target.kind == "Namespace":
        return target.name
    if target.kind == "Instance" and not of_node_exporter(alert.labels):
        # It is no object, but what runs there may well be a pod of that namespace.
        return alert.labels.get("exported_namespace") or alert.labels.get("namespace", "")
    return target.namespace


def _denied(all_rules: RemediationSettings, own_namespace: str, namespace: str) -> Verdict:
    if not namespace:
        return Verdict("denied_namespaces", True, "it is in no namespace")
    if namespace in ALWAYS_DENIED:
        return Verdict("denied_namespaces", False, f"nothing is ever done in {namespace}")
    if namespace == own_namespace:
        return Verdict("denied_namespaces", False, f"nothing is done in {namespace}, in which this service runs itself")
    pattern = next((each for each in all_rules.denied_namespaces if fnmatchcase(namespace, each)), None)
    if pattern is not None:
        return Verdict("denied_namespaces", False, f"{namespace} is among remediation.denied_namespaces ({pattern})")
    return Verdict("denied_namespaces", True, f"{namespace} is not denied")


def _lists(settings: RemedySettings, target: Target) -> Iterator[Verdict]:
    outside = settings.outside(target)
    for key, value in (("namespaces", target.namespace), ("kinds", target.kind), ("names", target.name)):
        if key in outside:
            yield Verdict(key, False, outside[key])
        elif value:
            yield Verdict(key, True, f"{value} is among its {key}")
