"""Who hears of each group of a batch: in the order in which events came, each given what those before it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from alerts.history import content_of
from alerts.model import AlertGroup
from alerts.withheld import Withheld
from config.schema import Configuration
from outbox.records import Event
from outbox.store import Store
from pipeline.parts import Before, Division, Part, divide, to_holders
from pipeline.running import destinations
from routing import Hearing, Rules, Sources, route

ToldParts = Mapping[str, tuple[str, datetime]]
"""By destination a hash of what was to be told there last, and when."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who hears of a group?

    Attributes:
        named: the fingerprints of the alerts that its payload names.
        content: a hash of the group.
        repeated: it is as it was.
        rerouted: it is, and routes may lead elsewhere by now.
    """

    event: Event
    group: AlertGroup
    named: Set[str]
    content: str
    repeated: bool = False
    rerouted: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who does, and why others do not.

    Attributes:
        parts: what goes where.
        withheld: of its alerts, by fingerprint and destination, why they are not told for now; nothing for those that
            were not and may be by now.
        inhibiting: of the alerts that it names the scopes in which they inhibit others: none of one that is over.
        sources: which alerts inhibit others in the scopes that its alerts look at.
        told: by destination a hash of what was to be told there last, and when.
    """

    parts: tuple[Part, ...] = ()
    withheld: Mapping[str, Mapping[str, Withheld]] = field(default_factory=dict)
    inhibiting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Sources = field(default_factory=dict)
    told: ToldParts = field(default_factory=dict)


class Verdicts:
    """Gives verdicts, and remembers what they change until it is in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of_events: dict[int, list[tuple[Question, Verdict]]] = {}

    def give(
        self,
        questions: Sequence[Question],
        told: Mapping[str, ToldParts],
        configuration: Configuration,
        rules: Rules,
        now: datetime,
    ) -> list[Verdict]:
        """Say of groups who hears of them.

        Args:
            questions: in the order of their events.
            told: what was told of each group before these.
            now: aware; for time intervals.

        Raises:
            StoreError: what is known cannot be read.
        """
        self.forget(each.event.id for each in questions)
        in_hand = [given for event_id in sorted(self._of_events) for given in self._of_events[event_id]]
        inhibiting = [_inhibiting(each, rules) for each in questions]
        sources = self._sources(questions, inhibiting, in_hand, rules)
        hearings = [route(rules, each.group, some, now) for each, some in zip(questions, sources, strict=True)]
        ledger = self._ledger(questions, hearings, in_hand, configuration)
        ledger.parts = dict(told)
        verdicts = []
        for at, each in enumerate(questions):
            before = ledger.before(each, now)
            if each.event.aside:
                # Nobody hears of alerts by it, and what is told is no news of them.
                verdicts.append(Verdict(tuple(to_holders(each.group, before.holders))))
                continue
            division = divide(configuration, each.group, hearings[at], before)
            withheld = _withheld(each, division, before)
            parts = ledger.told_now(each, division.parts, now)
            verdict = Verdict(division.parts, withheld, inhibiting[at], sources[at], parts)
            ledger.note(each, verdict)
            verdicts.append(verdict)
            self._of_events.setdefault(each.event.id, []).append((each, verdict))
        return verdicts

    def forget(self, event_ids: Iterable[int]) -> None:
        """Forget what the database knows by now, or never will."""
        for event_id in event_ids:
            self._of_events.pop(event_id, None)

    def _sources(
        self,
        questions: Sequence[Question],
        inhibiting: Sequence[Mapping[str, tuple[str, ...]]],
        in_hand: Sequence[tuple[Question, Verdict]],
        rules: Rules,
    ) -> list[Sources]:
        """Of each group the sources in the scopes that its alerts look at, by the time that its event came."""
        looked_at = [
            {scope for alert in each.group.firing for scope in rules.inhibition.target_scopes(alert.labels)}
            for each in questions
        ]
        asked = set().union(*looked_at)
        if not asked:
            return [{} for _ in questions]
        earlier = [verdict.inhibiting for _, verdict in in_hand]
        over = {name for each in (*earlier, *inhibiting) for name, scopes in each.items() if not scopes}
        firing = _Firing(self._store.inhibiting(asked, over))
        for each in earlier:
            firing.note(each)
        found: list[Sources] = []
        for scopes, each in zip(looked_at, inhibiting, strict=True):
            firing.note(each)
            found.append(firing.within(scopes))
        return found

    def _ledger(
        self,
        questions: Sequence[Question],
        hearings: Sequence[tuple[Hearing, ...]],
        in_hand: Sequence[tuple[Question, Verdict]],
        configuration: Configuration,
    ) -> _Ledger:
        untold = self._store.withheld({each.group.group_key for each in questions})
        ledger = _Ledger({})
        for (key, fingerprint), where in untold.items():
            ledger.untold.setdefault(key, {})[fingerprint] = where
        of_groups = list(zip(questions, hearings, strict=True))
        kept_back = {each.group.group_key for each, heard in of_groups if any(one.withheld for one in heard)}
        # Where it is split, or routed anew, it may be news to some and not to others.
        split = {
            each.group.group_key
            for each, heard in of_groups
            if each.rerouted or any(one.group is not each.group for one in heard)
        }
        over = {each.group.group_key for each in questions if each.group.resolved or each.event.aside}
        concerned = kept_back | split | over | ledger.untold.keys()
        if concerned:
            ledger.holders = {key: dict(who) for key, who in self._store.holders(concerned).items()}
        endless = _endless(configuration)
        asked = kept_back | split | ledger.untold.keys()
        if asked and endless:
            for (key, fingerprint), names in self._store.heard_by(asked).items():
                told = names & endless - untold.get((key, fingerprint), {}).keys()
                ledger.told.setdefault(key, {})[fingerprint] = told
        for question, verdict in in_hand:
            ledger.note(question, verdict)
        return ledger


def _endless(configuration: Configuration) -> frozenset[str]:
    """The destinations that hear of no ends."""
    return frozenset(name for name, each in destinations(configuration) if not each.settings.send_resolved)


class _Firing:
    """Alerts that inhibit others, by scope."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._sources = {scope: {one: None} for scope, one in known.items()}

    def note(self, inhibiting: Mapping[str, tuple[str, ...]]) -> None:
        """Some have begun, or are over."""
        for fingerprint, scopes in inhibiting.items():
            for scope, some in self._sources.items():
                if scope not in scopes:
                    some.pop(fingerprint, None)
            for scope in scopes:
                self._sources.setdefault(scope, {})[fingerprint] = None

    def within(self, scopes: Iterable[str]) -> Sources:
        """One in each of these scopes, where there is one."""
        return {scope: next(iter(some)) for scope in scopes if (some := self._sources.get(scope))}


@dataclass(slots=True)
class _Ledger:
    """Who was told what of groups, and what was not told where: of each by the group's key as `Before` has it."""

    holders: dict[str, dict[str, frozenset[str] | None]]
    untold: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    told: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    parts: dict[str, ToldParts] = field(default_factory=dict)

    def before(self, question: Question, now: datetime) -> Before:
        """What is known of a group."""
        key = question.group.group_key
        known = self.untold.get(key, {})
        release = question.event.kind == "release"
        return Before(
            self.holders.get(key, {}),
            dict(known),
            dict(self.told.get(key, {})),
            release,
            question.repeated,
            self.parts.get(key, {}),
            now,
        )

    def told_now(self, question: Question, parts: Iterable[Part], now: datetime) -> ToldParts:
        """What was told of a group once these are."""
        key, group = question.group.group_key, question.group
        told = {
            each.place.destination: (question.content if each.group is group else content_of(each.group), now)
            for each in parts
            if each.suppressed is None
        }
        self.parts[key] = {**self.parts.get(key, {}), **told}
        return self.parts[key]

    def note(self, question: Question, verdict: Verdict) -> None:
        """This is planned, and is not in the database yet."""
        key = question.group.group_key
        for fingerprint, why in verdict.withheld.items():
            said = {destination: each.reason for destination, each in why.items()}
            self.untold.setdefault(key, {})[fingerprint] = said
        for each in verdict.parts:
            if each.suppressed is not None:
                continue
            of_group = self.holders.setdefault(key, {})
            held = of_group.get(each.place.destination, frozenset())
            if held is not None:
                over = {alert.fingerprint for alert in each.group.resolved}
                held = (held - over) | {alert.fingerprint for alert in each.group.firing}
                of_group[each.place.destination] = held
                if not held:
                    del of_group[each.place.destination]


def _withheld(question: Question, division: Division, before: Before) -> Mapping[str, Mapping[str, Withheld]]:
    """Where alerts are not told for now: of those that were not, also where no route leads just now."""
    found: dict[str, Mapping[str, Withheld]] = dict(division.withheld)
    for alert in question.group.firing:
        untold = before.untold.get(alert.fingerprint)
        if untold is not None:
            reached = division.reached.get(alert.fingerprint, set())
            away = {name: Withheld(reason) for name, reason in untold.items() if name not in reached}
            found[alert.fingerprint] = {**away, **found.get(alert.fingerprint, {})}
    return found


def _inhibiting(question: Question, rules: Rules) -> Mapping[str, tuple[str, ...]]:
    """Which of the alerts that a payload names inhibit others, and which can no more."""
    found: dict[str, tuple[str, ...]] = {}
    for alert in question.group.alerts:
        if alert.fingerprint not in question.named or question.event.kind == "release" or question.event.aside:
            continue
        scopes = rules.inhibition.source_scopes(alert.labels) if alert.firing else ()
        if scopes or not alert.firing:
            found[alert.fingerprint] = scopes
    return found
