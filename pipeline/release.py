"""What was inhibited or muted is told once it may be, by events like any other, if it still fires."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from alerts import lapse, payload
from alerts.model import ALONE, TOGETHER, AlertGroup, common
from alerts.withheld import Withheld
from outbox.database import StoreError
from outbox.store import Store
from outbox.withholding import Due
from pipeline.parts import places
from pipeline.running import Current, Running
from routing import route

_LOOK_SECONDS = 2.0
_AT_ONCE = 500
# Between two pages of all that fires, so that those who accept and deliver come first.
_PAUSE_SECONDS = 0.02
# What does not change when it is asked to is not asked again at once.
_ASK_AGAIN_SECONDS = 600.0

_log = structlog.get_logger("release")


class Release:
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
        self._current = current
        self._store = store
        self._clock = clock
        self._accepted = accepted
        self._asked: dict[tuple[str, str], datetime] = {}
        self._prepared: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="release", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """End; what may be told is told by whoever looks next."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)

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
            page = self._store.firing_after(reached, _AT_ONCE)
            inhibiting = {alert.fingerprint: rules.inhibition.source_scopes(alert.labels) for _, alert in page}
            inhibiting = {fingerprint: scopes for fingerprint, scopes in inhibiting.items() if scopes}
            if inhibiting:
                self._store.add_sources(inhibiting)
            if len(page) < _AT_ONCE:
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
        due = self._store.withheld_due(now, _AT_ONCE)
        # What was asked for last is to be planned first, be it this process' or another's.
        if not due or self._store.waits("release"):
            return 0
        by_group: dict[str, list[Due]] = {}
        for each in due:
            by_group.setdefault(each.group_key, []).append(each)
        groups = [self._group(key, some, now) for key, some in by_group.items()]
        free, still = self._divided(self._current(), groups, due, now)
        if still:
            self._store.postpone(still)
        self._asked = {
            key: at for key, at in self._asked.items() if 0 <= (now - at).total_seconds() < _ASK_AGAIN_SECONDS
        }
        count = 0
        for group in free:
            names = {(group.group_key, alert.fingerprint) for alert in group.alerts} - self._asked.keys()
            if names:
                event_id = self._store.accept(lapse.rendered(group), now, kind="release")
                self._asked |= dict.fromkeys(names, now)
                _log.info("may be told now", event_id=event_id, group=group.group_key[:200], alerts=len(group.alerts))
                count += 1
        if count:
            self._accepted()
        return count

    def _divided(
        self, running: Running, groups: Sequence[AlertGroup], due: Sequence[Due], now: datetime
    ) -> tuple[list[AlertGroup], list[tuple[Due, Mapping[str, Withheld]]]]:
        """Groups of what may be told somewhere, and the rest, each with why it may not."""
        scopes = {
            scope
            for group in groups
            for alert in group.alerts
            for scope in running.rules.inhibition.target_scopes(alert.labels)
        }
        sources = self._store.inhibiting(scopes, ()) if scopes else {}
        known = {(each.group_key, each.alert.fingerprint): each for each in due}
        free: list[AlertGroup] = []
        still: list[tuple[Due, Mapping[str, Withheld]]] = []
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
                else:
                    still.append((one, {name: why for name, why in where.items() if why is not None}))
            if told:
                free.append(replace(group, alerts=tuple(told)))
        return free, still

    def _group(self, key: str, due: Sequence[Due], now: datetime) -> AlertGroup:
        """A group as it was heard of last, of the alerts that are due."""
        alerts = tuple(each.alert for each in due)
        group = AlertGroup(
            key,
            alerts,
            common_labels=common(alert.labels for alert in alerts),
            common_annotations=common(alert.annotations for alert in alerts),
        )
        body = self._store.body(max(each.event_id for each in due))
        for heard in _read(body, now):
            if heard.group_key == key:
                group = replace(heard, alerts=alerts, truncated_alerts=0)
        return replace(group, bare=key.startswith((ALONE, TOGETHER)))

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._prepared != self._current().configuration.routing_id:
                    self.prepare()
                self.look()
            except StoreError as error:
                _log.error("cannot look for what may be told", error=str(error))
            except Exception:
                # Whatever it is, the next is to be told all the same.
                _log.exception("looking for what may be told was interrupted")
            self._stopping.wait(_LOOK_SECONDS)


def _may_be_told(due: Due, where: Mapping[str, Withheld | None]) -> bool:
    """Whether it may be told where it was not; under another name, if no route leads there any more."""
    before = due.withheld.keys() & where.keys()
    return any(where[name] is None for name in before or where)


def _read(body: bytes | None, now: datetime) -> Iterator[AlertGroup]:
    try:
        yield from payload.parse(body or b"", now)
    except payload.PayloadError:
        # It is kept no more: what is known of each alert is enough.
        return
