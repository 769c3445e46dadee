"""PagerDuty, through its Events API v2: one incident for a group's life, or several.

Source: https://developer.pagerduty.com/docs/send-alert-event and `reference/events-v2` of
https://github.com/PagerDuty/api-schema
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from actions._base import cut
from actions._pagerduty_changes import Changes, changes_url, done
from actions._pagerduty_event import severity_of, trigger
from actions._pagerduty_held import Outcome, held
from actions._pagerduty_incidents import Dedup, Incident, acknowledged, incidents, kept
from actions._pagerduty_keys import Keys, KeySettings, SeverityKey, credential
from actions._pagerduty_own import EventSettings, ImageSettings, LinkSettings
from actions._pagerduty_sending import Orphaned, orphaned, post_event, side_by_side, together
from actions._pagerduty_size import fitted
from actions._texts import Texts
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from config.base import HttpUrl
from config.http_config import HttpActionSettings
from outbound import Http

__all__ = ["Action", "ImageSettings", "LinkSettings", "Settings", "SeverityKey"]

# https://support.pagerduty.com/docs/service-regions
_REGIONS = {"us": "https://events.pagerduty.com/v2/enqueue", "eu": "https://events.eu.pagerduty.com/v2/enqueue"}
_LONGEST_DETAIL = 200
_MOST_ERRORS = 20
_EVENTS_V1 = (
    "is of the Events API v1: add an integration of the Events API v2 to the service, and write its key as routing_key"
)


class Settings(HttpActionSettings, KeySettings, EventSettings):
    """An element of `pagerduty_configs`.

    Attributes:
        url: where events go; not beside `service_region`, which says so, too.
        dedup: what makes one incident.
        change_events: what is done about alerts is told as change events.
    """

    url: HttpUrl = _REGIONS["us"]
    service_region: Literal["us", "eu"] | None = None
    dedup: Dedup = "group"
    change_events: bool = False

    wakes: ClassVar[bool] = True
    shows_images: ClassVar[bool] = True
    acknowledges: ClassVar[bool] = True
    from_global: ClassVar[Mapping[str, str]] = {**HttpActionSettings.from_global, "url": "pagerduty_url"}
    refused: ClassVar[Mapping[str, str]] = dict.fromkeys(("service_key", "service_key_file"), _EVENTS_V1)
    from_environment: ClassVar[Mapping[str, str]] = {"routing_key": "PAGERDUTY_ROUTING_KEY"}
    example: ClassVar[Mapping[str, Any]] = {"routing_key": "0123456789abcdef0123456789abcdef"}

    @classmethod
    def takes_default(cls, key: str, given: Mapping[str, Any]) -> bool:
        """A region says where events go, whatever `global` does."""
        return super().takes_default(key, given) and not (key == "url" and given.get("service_region") is not None)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.service_region is not None and "url" in self.model_fields_set:
            raise ValueError("has both url and service_region")
        if self.change_events and not changes_url(self.events_url):
            raise ValueError("has change_events, and a url that does not end in /enqueue: where they go is not known")
        return self

    @property
    def hears_remediations(self) -> bool:
        """Whether it is told what is done about alerts."""
        return self.change_events

    @property
    def events_url(self) -> str:
        """Where events go."""
        return _REGIONS[self.service_region] if self.service_region else self.url


@dataclass(frozen=True, slots=True)
class _Route:
    """How an incident is reached.

    Attributes:
        routing_keys: those that it hears an event through.
        candidates: those that it may be open through once it has heard it.
        orphaned: what is to be said of the incident whose place it takes.
    """

    routing_keys: Sequence[str]
    candidates: Sequence[str]
    orphaned: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    """An incident that PagerDuty has taken an event about."""

    incident: Incident
    route: _Route
    template_errors: tuple[str, ...] = ()


class Action:
    """Triggers incidents, updates them, has them acknowledged, and resolves them."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._changes = Changes(http, changes_url(settings.events_url), settings)

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Send an event for each of the group's incidents that has news: a trigger while it fires, else a resolve.

        Of what is told beside a group's state PagerDuty hears that somebody has taken it over, and what was done.
        """
        keys = Keys(self._settings)
        if notification.entries:
            return self._beside(notification, thread, keys, deadline_seconds)
        if notification.unanswered:
            thread = thread.doubted()
        dedup = self._settings.dedup
        found = incidents(notification, thread, dedup)
        outcome = Outcome()
        try:
            told = self._tell(found, thread, keys, outcome, deadline_seconds)
        except SendError as error:
            error.held = _held(found, outcome, notification, thread, keys)
            raise
        still_open = kept(found, notification, thread, dedup)
        left = [each.key for each in found if each.holds] if notification.send_resolved else []
        after = replace(
            thread,
            key=thread.key or notification.key,
            incidents=still_open,
            credential=credential(left, outcome.routes, thread.credential, keys),
        )
        warnings = tuple(each.route.orphaned for each in told if each.route.orphaned)
        errors = _few(error for each in told for error in each.template_errors)
        return Receipt(_detail(told), after, errors, warnings=warnings)

    def preview(self, notification: Notification) -> Preview:
        """The event, but for its routing key; a list of them where each alert, or some of them, are an incident."""
        events, errors = [], list[str]()
        for each in incidents(notification, Thread(), self._settings.dedup):
            texts = Texts(each.about)
            events.append(json.loads(fitted(self._event(each, texts))))
            errors += texts.errors
        return Preview(events[0] if self._settings.dedup == "group" else events, _few(errors))

    def _beside(self, notification: Notification, thread: Thread, keys: Keys, deadline_seconds: float) -> Receipt:
        deadline = time.monotonic() + self._settings.within(deadline_seconds)
        changes = done(notification.entries) if self._settings.change_events else []
        said = []
        if any(entry.kind == "acknowledged" for entry in notification.entries):
            found = acknowledged(notification, thread, self._settings.dedup)
            if found:
                said.append(_detail(self._tell(found, thread, keys, Outcome(), deadline_seconds)))
            elif not changes:
                return Receipt("nothing to send: no incident is open there", thread)
        if changes:
            left = deadline - time.monotonic()
            said.append(self._changes.tell(changes, notification, thread, keys, left))
        beside = " and what was done" if self._settings.change_events else ""
        nothing = f"nothing to send: of a timeline it hears only who has taken a group over{beside}"
        return Receipt("; ".join(said) or nothing, thread)

    def _tell(
        self, found: Sequence[Incident], thread: Thread, keys: Keys, outcome: Outcome, deadline_seconds: float
    ) -> list[_Told]:
        """Tell those that are to be told something.

        Args:
            outcome: is filled.

        Raises:
            SendError: one was not told, or may not have been.
        """
        events = [each for each in found if each.event is not None]
        calls = [partial(self._tell_one, each, thread, keys, outcome) for each in events]
        results = side_by_side(calls, self._settings.within(deadline_seconds))
        told = [each for each in results if isinstance(each, _Told)]
        errors = [each for each in results if isinstance(each, SendError)]
        outcome.taken = {each.incident.key for each in told}
        if not errors:
            return told
        error = together(errors, len(calls), [each.incident.key for each in told if each.route.orphaned])
        if error.permanent:
            # It is said now; what is told later is judged by itself.
            outcome.left_behind = {each.dedup_key for each in errors if isinstance(each, Orphaned)}
        raise error

    def _tell_one(
        self, incident: Incident, thread: Thread, keys: Keys, outcome: Outcome, deadline_seconds: float
    ) -> _Told:
        texts = Texts(incident.about)
        route = self._route(incident, thread, keys)
        event = self._event(incident, texts, route.orphaned)
        if not route.orphaned:
            outcome.routes[incident.key] = route.candidates
        deadline = time.monotonic() + deadline_seconds
        told = 0
        try:
            for routing_key in route.routing_keys:
                post_event(
                    self._http,
                    self._settings.events_url,
                    {"routing_key": routing_key, **event},
                    deadline_seconds=deadline - time.monotonic(),
                    secrets=keys.secrets,
                )
                told += 1
        except SendError as error:
            # Through one key it may have been heard, though the next was refused.
            if told or not (error.permanent or error.throttled):
                outcome.lost.add(incident.key)
            raise
        outcome.routes[incident.key] = route.candidates
        return _Told(incident, route, tuple(texts.errors))

    def _route(self, incident: Incident, thread: Thread, keys: Keys) -> _Route:
        """How an incident is reached: a trigger through one key, all else through each that may have triggered it.

        Raises:
            SendError: it cannot be, or not now.
        """
        triggers = incident.event == "trigger"
        known = keys.through(incident.key, thread.credential) if incident.known else []
        if known and (not triggers or len(known) == 1 or not thread.credential):
            return _Route(known[:1] if triggers else known, known)
        if incident.known and not triggers:
            # There is no other through which it could hear of that.
            raise keys.unread or Orphaned(incident.key)
        new = keys.new(severity_of(incident.about, self._settings, Texts(incident.about)))
        if known:
            return _Route([new if new in known else known[0]], known)
        if incident.known:
            return _Route([new], [new], orphaned([incident.key]))
        candidates = list(dict.fromkeys([new, *(keys.all() if thread.attempted else ())]))
        return _Route([new] if triggers else candidates, candidates)

    def _event(self, incident: Incident, texts: Texts, orphaned: str = "") -> dict[str, Any]:
        """What one incident is told, but for the routing key."""
        event = {"event_action": incident.event, "dedup_key": incident.key}
        if incident.event != "trigger":
            return event
        how_bad = severity_of(incident.about, self._settings, texts)
        beside = {"orphaned_incident": orphaned} if orphaned else {}
        return {**event, **trigger(incident.about, how_bad, self._settings, texts, beside)}


def _held(
    found: Sequence[Incident], outcome: Outcome, notification: Notification, thread: Thread, keys: Keys
) -> Thread | None:
    """What is held after a send that failed; None where that cannot be said, and is in doubt."""
    try:
        return held(found, outcome, notification, thread, keys)
    except SendError:
        return None


def _few(errors: Iterable[str]) -> tuple[str, ...]:
    """Errors of templates, each once: several incidents have the same."""
    return tuple(dict.fromkeys(errors))[:_MOST_ERRORS]


def _detail(told: Sequence[_Told]) -> str:
    """What was taken: "trigger accepted", "12 triggers and 3 resolves accepted"."""
    if not told:
        return "nothing to send: what is not named may still fire"
    counts = Counter(str(each.incident.event) for each in told)
    said = [
        event if len(told) == 1 else f"{count} {event}{'' if count == 1 else 's'}" for event, count in counts.items()
    ]
    keys = [each.incident.key for each in told if each.route.orphaned]
    lost = f"; orphaned, for its routing key is not set any more: {keys[0]}" if keys else ""
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    several = any(len(each.route.routing_keys) > 1 for each in told)
    through = " through every routing key that may have triggered it" if several else ""
    return cut(f"{' and '.join(said)} accepted{through}{lost}{more}", _LONGEST_DETAIL)
