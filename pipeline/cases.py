"""What is known of an event's groups before it is decided who is told: each event in turn, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

import units
from alerts import payload
from alerts.history import History, Judgement, judge
from alerts.known import with_hidden
from alerts.model import Alert, AlertGroup
from config.schema import DeliverySettings
from outbox.database import StoreError
from outbox.records import Event, Plan
from outbox.store import Store

_KNOWN_AT_MOST = 10_000

_log = structlog.get_logger("plan")


@dataclass(frozen=True, slots=True)
class Heard:
    """One group of an event, next to what was known of it.

    Attributes:
        group: as it came, with what is known to fire of what it hides.
        named: the fingerprints of the alerts that it names itself.
        holders: which destinations hold, or wait to be told, something of it that is not over there, and what: by
            destination the fingerprints, none where that is not known yet.
    """

    group: AlertGroup
    judgement: Judgement
    named: frozenset[str]
    holders: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """An event and its groups, or why it has none."""

    event: Event
    groups: tuple[Heard, ...] = ()
    error: str | None = None

    @property
    def news(self) -> tuple[Heard, ...]:
        """The groups that are no duplicates."""
        return tuple(heard for heard in self.groups if heard.judgement.duplicate_of is None)


class Cases:
    """Prepares events, and remembers of their groups what is not in the database yet."""

    def __init__(self, settings: DeliverySettings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._histories: dict[str, History] = {}
        self._of_events: dict[int, dict[str, History]] = {}

    def prepare(self, events: Sequence[Event], drain: Callable[[], Sequence[Plan]]) -> list[Case]:
        """Read events and judge each of their groups.

        Args:
            events: the oldest first.
            drain: has all plans that are in hand committed, and returns those that the database does not take: with
                these, what it knows of alerts is complete.

        Raises:
            StoreError: what is known cannot be read.
        """
        parsed = [_parsed(event) for event in events]
        keys = {group.group_key for each in parsed for group in each.groups}
        look_back = {group.group_key for each in parsed if each.looks_back for group in each.groups}
        not_kept = drain() if look_back else ()
        histories = self._store.histories(keys - self._histories.keys()) | self._histories
        known = _Known(self._store, self._settings.stale_after, look_back, not_kept)
        judged: dict[int, dict[str, History]] = {}
        cases = []
        for each in parsed:
            try:
                heard = [
                    Heard(
                        group=whole,
                        judgement=self._judge(each.event, whole, histories.get(whole.group_key)),
                        named=_named(each.event, group, whole),
                    )
                    for group in each.groups
                    if (whole := known.whole(each.event, group)) is not None
                ]
            except StoreError:
                raise
            except Exception as error:
                _log.exception("an event cannot be judged", event_id=each.event.id)
                cases.append(Case(each.event, error=f"cannot be judged: {type(error).__name__}"))
                continue
            of_event = {of_group.group.group_key: of_group.judgement.history for of_group in heard}
            histories |= of_event
            judged[each.event.id] = of_event
            cases.append(Case(each.event, tuple(heard), each.error))
        cases = self._with_holders(cases)
        for of_event in judged.values():
            self._histories |= of_event
        self._of_events |= judged
        return cases

    def _judge(self, event: Event, group: AlertGroup, history: History | None) -> Judgement:
        judgement = judge(
            history,
            group,
            event_id=event.id,
            received_at=event.received_at,
            dedup_window_seconds=self._settings.dedup_window,
        )
        if event.kind != "lapse":
            return judgement
        silence = f"not heard of for {units.duration(self._settings.stale_after)}: taken as over"
        if group.firing:
            # Beside a title that names what fires on.
            silence = f"{' and '.join(sorted({alert.name for alert in group.resolved})[:3])} {silence}"
        return replace(judgement, duplicate_of=None, notes=(silence, *judgement.notes))

    def _with_holders(self, cases: Sequence[Case]) -> list[Case]:
        """Say of groups in which something ended who is to hear of it though no route may lead there any more."""
        ended = {heard.group.group_key for case in cases for heard in case.news if heard.group.resolved}
        holders = self._store.holders(ended) if ended else {}
        none: Mapping[str, frozenset[str]] = {}
        return [
            replace(
                case,
                groups=tuple(replace(heard, holders=holders.get(heard.group.group_key, none)) for heard in case.groups),
            )
            for case in cases
        ]

    def done(self, event_ids: Iterable[int]) -> None:
        """Forget what the database remembers by now, and what it never will: of an event that is dead, or another's."""
        for event_id in event_ids:
            for group_key, history in self._of_events.pop(event_id, {}).items():
                if self._histories.get(group_key) is history:
                    del self._histories[group_key]

    def forget_all_but(self, event_ids: Set[int]) -> None:
        """Forget events that are to be prepared again: by what is remembered each would be a duplicate of itself."""
        self._of_events = {each: of_event for each, of_event in self._of_events.items() if each in event_ids}
        self._histories = {}
        for event_id in sorted(self._of_events):
            self._histories |= self._of_events[event_id]


@dataclass(frozen=True, slots=True)
class _Parsed:
    event: Event
    groups: tuple[AlertGroup, ...] = ()
    error: str | None = None

    @property
    def looks_back(self) -> bool:
        """Whether what it says depends on alerts that came before."""
        return self.event.kind == "lapse" or any(group.truncated_alerts for group in self.groups)


def _parsed(event: Event) -> _Parsed:
    try:
        return _Parsed(event, payload.parse(event.body, event.received_at))
    except payload.PayloadError as error:
        # It was taken once, by this version or an older one: no reason to look at it again and again.
        return _Parsed(event, error=f"cannot be read any more: {error}")


def _named(event: Event, group: AlertGroup, whole: AlertGroup) -> frozenset[str]:
    """The alerts that were heard of: of a silence those that it takes for over."""
    return frozenset(alert.fingerprint for alert in (whole.resolved if event.kind == "lapse" else group.alerts))


class _Known:
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

    def whole(self, event: Event, group: AlertGroup) -> AlertGroup | None:
        """The group with what it hides; None when it tells a silence that was broken since."""
        key = group.group_key
        if event.kind == "lapse":
            silent = self._store.silent(key, event.received_at - self._stale_after) - self._heard[key]
            alerts = tuple(alert for alert in group.alerts if alert.fingerprint in silent)
            if not alerts:
                return None
            # What else fires in the group goes on; it is hidden, as it is in a payload that is cut short.
            group = replace(group, alerts=alerts, truncated_alerts=len(self._firing[key].keys() - silent))
        if group.truncated_alerts:
            group = with_hidden(group, self._firing[key].values())
        self._note(key, group.alerts)
        return group

    def _note(self, key: str, alerts: Iterable[Alert]) -> None:
        """What came earlier and is not in the database yet."""
        if key not in self._firing:
            return
        for alert in alerts:
            self._heard[key].add(alert.fingerprint)
            self._firing[key].pop(alert.fingerprint, None)
            if alert.firing:
                self._firing[key][alert.fingerprint] = alert
