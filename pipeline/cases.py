"""What is known of an event's groups, and who hears of them, before anything was looked up: each event in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import structlog

import units
from alerts.findings import Finding
from alerts.history import History, Judgement, judge
from alerts.model import AlertGroup
from config.schema import Configuration, DeliverySettings
from outbox.database import StoreError
from outbox.records import Event, Plan
from outbox.store import Store
from pipeline.asides import acknowledged_by, told_already
from pipeline.read import Read, read
from pipeline.verdicts import Question, ToldParts, Verdict, Verdicts
from pipeline.wholes import Wholes, looks_back
from routing import Rules

# More are not told of.
_COMPARED = 50

_log = structlog.get_logger("plan")


@dataclass(frozen=True, slots=True)
class Heard:
    """One group of an event, next to what was known of it.

    Attributes:
        group: as it came, with what is known to fire of what it hides.
        named: the fingerprints of the alerts that it names itself.
        verdict: who hears of it; nobody does of a duplicate.
        routing_id: by what routes it is told.
        aside: it is as it was.
        found_before: what was found of its alerts before, where that is to be held against what is found now.
    """

    group: AlertGroup
    judgement: Judgement
    named: frozenset[str]
    verdict: Verdict = Verdict()  # noqa: RUF009  # frozen
    routing_id: str = ""
    aside: bool = False
    found_before: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)

    @property
    def rerouted(self) -> bool:
        """Whether it was told already, but by other routes."""
        if self.aside:
            return False
        told_by = self.judgement.history.routing
        return self.judgement.duplicate_of is not None and bool(told_by) and told_by != self.routing_id

    @property
    def news(self) -> bool:
        """Whether it is no duplicate: what routes lead to now may not have heard of it."""
        return self.judgement.duplicate_of is None or self.rerouted

    @property
    def duplicate_of(self) -> int | None:
        """The event that told it; None where it is news."""
        return None if self.news else self.judgement.duplicate_of

    @property
    def history(self) -> History:
        """What is remembered of it from now on."""
        history = self.judgement.history
        if self.aside:
            return history
        return replace(history, parts=self.verdict.told, routing=self.routing_id) if self.news else history


@dataclass(frozen=True, slots=True)
class Case:
    """An event and its groups, or why it has none.

    Attributes:
        decided_at: when it was said who hears of them.
        told_with: an earlier event that tells all of it as well.
    """

    event: Event
    groups: tuple[Heard, ...] = ()
    error: str | None = None
    decided_at: datetime | None = None
    told_with: int | None = None

    @property
    def news(self) -> tuple[Heard, ...]:
        """The groups that are no duplicates."""
        return tuple(heard for heard in self.groups if heard.news)


class Cases:
    """Prepares events, and remembers of their groups what is not in the database yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._histories: dict[str, History] = {}
        self._of_events: dict[int, dict[str, History]] = {}
        self._verdicts = Verdicts(store)

    def prepare(
        self,
        events: Sequence[Event],
        configuration: Configuration,
        rules: Rules,
        now: datetime,
        drain: Callable[[], Sequence[Plan]],
    ) -> list[Case]:
        """Read events, judge each of their groups, and say who hears of it.

        Args:
            events: the oldest first.
            now: aware.
            drain: has all plans that are in hand committed, and returns those that the database does not take: with
                these, what it knows of alerts is complete.

        Raises:
            StoreError: what is known cannot be read.
        """
        events_read = read(events, rules, self._store)
        judged, told = self._judged(events_read, configuration, drain)
        give = partial(self._verdicts.give, told=told, configuration=configuration, rules=rules, now=now)
        cases = [replace(case, decided_at=now) for case in _remembering(self._with_verdicts(judged, give))]
        for case in cases:
            of_event = {heard.group.group_key: heard.history for heard in case.groups}
            self._histories |= of_event
            self._of_events[case.event.id] = of_event
        return cases

    def _judged(
        self, events_read: Sequence[Read], configuration: Configuration, drain: Callable[[], Sequence[Plan]]
    ) -> tuple[list[Case], Mapping[str, ToldParts]]:
        """Cases without verdicts, and what was told of their groups before them."""
        settings, routing_id = configuration.file.delivery, configuration.routing_id
        keys = {group.group_key for each in events_read for group in each.groups}
        look_back = {group.group_key for each in events_read for group in each.groups if looks_back(each.event, group)}
        # Who waits for readings of other groups is not to go without them for these.
        not_kept = drain() if look_back & self._histories.keys() else ()
        histories = self._store.histories(keys - self._histories.keys()) | self._histories
        told = {key: history.parts for key, history in histories.items()}
        wholes = Wholes(self._store, settings.stale_after, look_back, not_kept)
        cases = []
        for each in events_read:
            try:
                heard = [
                    Heard(
                        group=whole,
                        judgement=_judge(each.event, whole, histories.get(whole.group_key), settings),
                        named=_named(each.event, group, whole),
                        routing_id=routing_id,
                        aside=each.event.aside,
                        found_before=self._store.found(whole.group_key, _COMPARED)
                        if each.event.kind == "reread"
                        else {},
                    )
                    for group in each.groups
                    if (whole := wholes.whole(each.event, group, _last_event(histories, group))) is not None
                ]
            except StoreError:
                raise
            except Exception as error:
                _log.exception("an event cannot be judged", event_id=each.event.id)
                cases.append(Case(each.event, error=f"cannot be judged: {type(error).__name__}"))
                continue
            histories |= {of_group.group.group_key: of_group.judgement.history for of_group in heard}
            cases.append(Case(each.event, tuple(heard), each.error, told_with=each.told_with))
        return cases, told

    def _with_verdicts(
        self, cases: Sequence[Case], give: Callable[[Sequence[Question]], Sequence[Verdict]]
    ) -> list[Case]:
        asked = [
            Question(
                case.event,
                heard.group,
                heard.named,
                heard.judgement.history.content,
                heard.judgement.repeated and not heard.rerouted,
                heard.rerouted,
            )
            for case in cases
            for heard in case.news
        ]
        try:
            verdicts = iter(give(asked) if asked else ())
        except StoreError:
            raise
        except Exception as error:
            if len(cases) > 1:
                # One that there is no verdict of holds up nothing.
                return [found for case in cases for found in self._with_verdicts([case], give)]
            _log.exception("there is no verdict of an event", event_id=cases[0].event.id)
            return [Case(cases[0].event, error=f"cannot be routed: {type(error).__name__}")]

        def told(each: Heard) -> Heard:
            return replace(each, verdict=next(verdicts)) if each.news else each

        return [replace(case, groups=tuple(map(told, case.groups))) for case in cases]

    def done(self, event_ids: Iterable[int]) -> None:
        """Forget what the database remembers by now, and what it never will: of an event that is dead, or another's."""
        event_ids = list(event_ids)
        self._verdicts.forget(event_ids)
        for event_id in event_ids:
            for group_key, history in self._of_events.pop(event_id, {}).items():
                if self._histories.get(group_key) is history:
                    del self._histories[group_key]

    def forget_all_but(self, event_ids: Set[int]) -> None:
        """Forget events that are to be prepared again: by what is remembered each would be a duplicate of itself."""
        self._verdicts.forget(self._of_events.keys() - event_ids)
        self._of_events = {each: of_event for each, of_event in self._of_events.items() if each in event_ids}
        self._histories = {}
        for event_id in sorted(self._of_events):
            self._histories |= self._of_events[event_id]


def _remembering(cases: Iterable[Case]) -> Iterator[Case]:
    """The same; of a duplicate that came with what it duplicates is remembered what is of that, by now."""
    latest: dict[str, History] = {}
    for case in cases:
        groups = []
        for each in case.groups:
            key = each.group.group_key
            heard = each
            if not each.news and key in latest:
                heard = replace(each, judgement=replace(each.judgement, history=latest[key]))
            latest[key] = heard.history
            groups.append(heard)
        yield replace(case, groups=tuple(groups))


def _last_event(histories: Mapping[str, History], group: AlertGroup) -> int | None:
    """The event that told of a group last."""
    history = histories.get(group.group_key)
    return history.event_id if history else None


def _judge(event: Event, group: AlertGroup, history: History | None, settings: DeliverySettings) -> Judgement:
    judgement = judge(
        history,
        group,
        event_id=event.id,
        received_at=event.received_at,
        dedup_window_seconds=settings.dedup_window,
    )
    if event.aside:
        taken, known = acknowledged_by(event), history or judgement.history
        if taken is not None and told_already(taken, known):
            return Judgement(known, known.event_id, (), False)
        return Judgement(known.taken(taken) if taken else known, None, (), False)
    if event.kind == "release":
        # Nothing was heard of it: what comes next is to be held against what was.
        return replace(judgement, history=history or judgement.history, duplicate_of=None, notes=(), again=False)
    if event.kind != "lapse":
        return judgement
    silence = f"not heard of for {units.duration(settings.stale_after)}: taken as over"
    if group.firing:
        # Beside a title that names what fires on.
        silence = f"{' and '.join(sorted({alert.name for alert in group.resolved})[:3])} {silence}"
    return replace(judgement, duplicate_of=None, notes=(silence, *judgement.notes))


def _named(event: Event, group: AlertGroup, whole: AlertGroup) -> frozenset[str]:
    """The alerts that were heard of: of a silence those that it takes for over."""
    if event.kind == "lapse":
        return frozenset(alert.fingerprint for alert in whole.resolved)
    # Of a group that is as it was nothing was heard: it came without alerts.
    return frozenset(alert.fingerprint for alert in group.alerts)
