"""What was inhibited or muted is told once it may be, by events like any other, if it still fires."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from alerts import lapse
from alerts.model import AlertGroup
from alerts.withheld import Withheld
from outbox.database import StoreError
from outbox.store import Store
from outbox.withholding import Due
from pipeline.background import Background
from pipeline.parts import places
from pipeline.recalled import recalled
from pipeline.running import Current, Running
from routing import route

_LOOK_SECONDS = 2.0
# While there is much to tell.
_SOON_SECONDS = 0.1
# Each group is an event; what comes meanwhile waits for these.
_GROUPS_AT_ONCE = 200
_ALERTS_AT_ONCE = 20_000
_PAGE = 500
# Between two pages of all that fires, so that those who accept and deliver come first.
_PAUSE_SECONDS = 0.02
# What does not change when it is asked to is not asked again at once.
_ASK_AGAIN = timedelta(minutes=10)
_CLOCKS_DIFFER = timedelta(minutes=1)

_log = structlog.get_logger("release")


@dataclass(slots=True)
class _Sorted:
    """What is due.

    Attributes:
        free: groups of what may be told somewhere.
        still: the rest, each with why it may not.
        moved: of the rest those that routes put into other groups than when they were withheld.
    """

    free: list[AlertGroup] = field(default_factory=list)
    still: list[tuple[Due, Mapping[str, Withheld]]] = field(default_factory=list)
    moved: list[Due] = field(default_factory=list)


class Release(Background):
    """Looks for what may be told by now, in a thread of its own.

    Args:
        current: asked once a turn.
        accepted: called when there is something to plan.
    """

    def __init__(
        self,
        current: Current,
        store: Store,
        clock: Callable[[], datetime],
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("release")
        self._current = current
        self._store = store
        self._clock = clock
        self._accepted = accepted
        self._more = False
        self._last = clock()
        self._prepared: str | None = None

    def prepare(self) -> None:
        """Have what fires inhibit others, and what is not told looked at, by the rules as they are now.

        Rules may be others than those by which it was planned.

        Raises:
            StoreError: not all was looked at; it may be done again.
        """
        running = self._current()
        rules = running.rules
        reached = ("", "")
        while rules.inhibition.rules and not self._stopping.is_set():
            page = self._store.firing_after(reached, _PAGE)
            inhibiting = {alert.fingerprint: rules.inhibition.source_scopes(alert.labels) for _, alert in page}
            inhibiting = {fingerprint: scopes for fingerprint, scopes in inhibiting.items() if scopes}
            if inhibiting:
                self._store.add_sources(inhibiting)
            if len(page) < _PAGE:
                break
            reached = page[-1][0]
            self._stopping.wait(_PAUSE_SECONDS)
        self._store.ask_again()
        self._prepared = running.configuration.routing_id

    def look(self) -> int:
        """Have what may be told planned anew.

        Returns:
            How many events that takes.

        Raises:
            StoreError: not all were kept.
        """
        now = self._clock()
        due = self._store.withheld_due(now, _GROUPS_AT_ONCE, _ALERTS_AT_ONCE)
        if not due:
            self._more = False
            return 0
        # What was asked for last is to be planned first, be it this process' or another's.
        if self._store.waits("release"):
            return 0
        by_group: dict[str, list[Due]] = {}
        for each in due:
            by_group.setdefault(each.group_key, []).append(each)
        self._more = len(by_group) >= _GROUPS_AT_ONCE or len(due) >= _ALERTS_AT_ONCE
        groups = [self._group(key, some, now) for key, some in by_group.items()]
        found = self._sorted(self._current(), groups, due, now)
        for group in found.free:
            event_id = self._store.accept(lapse.rendered(group), now, kind="release")
            _log.info("may be told now", event_id=event_id, group=group.group_key[:200], alerts=len(group.alerts))
        if found.moved:
            event_id = self._store.accept(lapse.rendered_bare([each.alert for each in found.moved]), now)
            _log.info("are in other groups now", event_id=event_id, alerts=len(found.moved))
        if found.still:
            # Not before those that moved are kept as events: of them it is forgotten that they are not told.
            self._store.postpone(found.still)
        told = {(group.group_key, alert.fingerprint) for group in found.free for alert in group.alerts}
        asked = [*found.moved, *(each for each in due if (each.group_key, each.alert.fingerprint) in told)]
        if asked:
            # Whatever becomes of the events, others are to have their turn meanwhile.
            self._store.ask_later(asked, now + _ASK_AGAIN)
            self._accepted()
        return len(found.free) + bool(found.moved)

    def _sorted(self, running: Running, groups: Sequence[AlertGroup], due: Sequence[Due], now: datetime) -> _Sorted:
        inhibition = running.rules.inhibition
        scopes = {scope for each in due for scope in inhibition.target_scopes(each.alert.labels)}
        sources = self._store.inhibiting(scopes, ()) if scopes else {}
        known = {(each.group_key, each.alert.fingerprint): each for each in due}
        found = _Sorted()
        for group in groups:
            told = []
            for alert in group.alerts:
                one = known[group.group_key, alert.fingerprint]
                hearings = route(running.rules, replace(group, alerts=(alert,)), sources, now)
                where = {
                    place.destination: hearing.withheld.get(alert.fingerprint)
                    for hearing in hearings
                    for place in places(running.configuration, hearing.receiver)
                }
                if _may_be_told(one, where):
                    told.append(alert)
                    continue
                if group.bare and not hearings:
                    found.moved.append(one)
                    found.still.append((one, {}))
                    continue
                # Whoever is away just now may be back later.
                away = {name: Withheld(reason) for name, reason in one.withheld.items() if name not in where}
                found.still.append((one, {**away, **{name: why for name, why in where.items() if why is not None}}))
            if told:
                found.free.append(replace(group, alerts=tuple(told)))
        return found

    def _group(self, key: str, due: Sequence[Due], now: datetime) -> AlertGroup:
        """A group as it was heard of last, of the alerts that are due."""
        return recalled(self._store, key, [each.alert for each in due], max(each.event_id for each in due), now)

    def _clock_was_put_back(self) -> bool:
        """Whether moments that are kept were told by a clock that was ahead."""
        now, last = self._clock(), self._last
        self._last = now
        return now < last - _CLOCKS_DIFFER

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._prepared != self._current().configuration.routing_id or self._clock_was_put_back():
                    self.prepare()
                self.look()
            except StoreError as error:
                _log.error("cannot look for what may be told", error=str(error))
            except Exception:
                # Whatever it is, the next is to be told all the same.
                _log.exception("looking for what may be told was interrupted")
            self._stopping.wait(_SOON_SECONDS if self._more else _LOOK_SECONDS)


def _may_be_told(due: Due, where: Mapping[str, Withheld | None]) -> bool:
    """Whether it may be told where it was not; under another name, if no route leads there any more."""
    before = due.withheld.keys() & where.keys()
    return any(where[name] is None for name in before or where)
