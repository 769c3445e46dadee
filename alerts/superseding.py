"""A newer state of a group in the place of older ones that still wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alerts.known import with_ends
from alerts.model import Alert
from alerts.notification import Notification


def superseding(newest: Notification, older: Sequence[Notification]) -> Notification:
    """Make a notification tell what is over in older ones that it takes the place of.

    A resolved alert is in one payload only. {A ended, B fires} waits, {B, C fire} comes: without A's end, A would stay
    open at the far side.

    Args:
        newest: what is to be told.
        older: to the same destination about the same group, not told yet, oldest first.

    Returns:
        The newest with each alert that it does not name and that is over in the latest older one that does, and with
        what was found about those. How the alert was before, or that a later one does not name it, does not count.
    """
    latest: dict[str, tuple[Alert, Notification]] = {}
    for each in older:
        latest |= {alert.fingerprint: (alert, each) for alert in each.group.alerts}
    group = with_ends(newest.group, (alert for alert, _ in latest.values()))
    carried = [alert.fingerprint for alert in group.alerts[len(newest.group.alerts) :]]
    found = {each: latest[each][1].findings.get(each, ()) for each in carried}
    return replace(newest, group=group, findings={**newest.findings, **found})
