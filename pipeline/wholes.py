"""Groups with what is known to fire in them beside what their payloads name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from datetime import timedelta

from alerts.known import with_hidden
from alerts.model import TOGETHER, Alert, AlertGroup
from outbox.records import Event, Plan
from outbox.store import Store
from pipeline.recalled import as_heard

_KNOWN_AT_MOST = 10_000


def looks_back(event: Event, group: AlertGroup) -> bool:
    """Whether what a group is depends on alerts that came before."""
    tells_of_others = event.kind in ("lapse", "release") or event.aside
    return tells_of_others or group.truncated_alerts > 0 or _is_put_together(group)


def _is_put_together(group: AlertGroup) -> bool:
    return group.bare and group.group_key.startswith(TOGETHER)


class Wholes:
    """The alerts that fire in groups which do not name all of theirs, while a batch is prepared.

    Args:
        look_back: those groups' keys.
        not_kept: what was planned and is not in the database.
    """

    def __init__(self, store: Store, stale_after_seconds: float, look_back: Set[str], not_kept: Sequence[Plan]) -> None:
        self._store = store
        self._stale_after = timedelta(seconds=stale_after_seconds)
        self._heard: dict[str, set[str]] = {key: set() for key in look_back}
        self._firing = {
            key: {alert.fingerprint: alert for alert in store.firing(key, _KNOWN_AT_MOST)} for key in look_back
        }
        for plan in not_kept:
            for group_key, alert, _ in plan.alerts:
                self._note(group_key, [alert])

    def whole(self, event: Event, group: AlertGroup, last_event_id: int | None = None) -> AlertGroup | None:
        """The group with what it hides; None when it tells a silence that was broken since, or of what is over.

        Args:
            last_event_id: the event that told of it last; None where there was none.
        """
        key = group.group_key
        if event.kind == "lapse":
            silent = self._store.silent(key, event.received_at - self._stale_after) - self._heard[key]
            group = self._of_its_own(group, silent)
        elif event.aside:
            return as_heard(self._store, key, self._firing[key], last_event_id, event.received_at)
        elif event.kind == "release":
            # As they are by now.
            firing = self._still_firing(group)
            group = replace(group, alerts=tuple(firing.get(each.fingerprint, each) for each in group.alerts))
            group = self._of_its_own(group, firing.keys())
        elif _is_put_together(group):
            # None was cut: it only speaks of one at a time.
            group = self._of_its_own(self._begun_before(event, group), {each.fingerprint for each in group.alerts})
        if not group.alerts:
            return None
        if group.truncated_alerts:
            group = with_hidden(group, self._firing[key].values())
        self._note(key, group.alerts)
        return group

    def _still_firing(self, group: AlertGroup) -> dict[str, Alert]:
        """Those of its alerts that fire by now, however many others do."""
        known, heard = self._firing[group.group_key], self._heard[group.group_key]
        names = {alert.fingerprint for alert in group.alerts}
        kept = self._store.still_firing(group.group_key, names - heard)
        return {each.fingerprint: each for each in kept} | {name: known[name] for name in names & known.keys()}

    def _begun_before(self, event: Event, group: AlertGroup) -> AlertGroup:
        """The group, with the start of what is known to fire where its payload left it out: it was read as just now."""
        known = self._firing[group.group_key]

        def begun(alert: Alert) -> Alert:
            before = known.get(alert.fingerprint)
            if before is None or not alert.firing or alert.starts_at != event.received_at:
                return alert
            return replace(alert, starts_at=before.starts_at)

        return replace(group, alerts=tuple(map(begun, group.alerts)))

    def _of_its_own(self, group: AlertGroup, fingerprints: Set[str]) -> AlertGroup:
        """Those of its alerts; what else fires in the group goes on and is hidden, as in a payload that is cut."""
        alerts = tuple(alert for alert in group.alerts if alert.fingerprint in fingerprints)
        hidden = self._firing[group.group_key].keys() - fingerprints
        return replace(group, alerts=alerts, truncated_alerts=len(hidden))

    def _note(self, key: str, alerts: Iterable[Alert]) -> None:
        """What came earlier and is not in the database yet."""
        if key not in self._firing:
            return
        for alert in alerts:
            self._heard[key].add(alert.fingerprint)
            self._firing[key].pop(alert.fingerprint, None)
            if alert.firing:
                self._firing[key][alert.fingerprint] = alert
