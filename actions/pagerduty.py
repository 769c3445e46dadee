"""PagerDuty, through its Events API v2: one incident for a group's life, or several.

Source: https://developer.pagerduty.com/docs/send-alert-event and `reference/events-v2` of
https://github.com/PagerDuty/api-schema
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from actions._base import cut, json_bytes
from actions._pagerduty_event import severity_of, trigger
from actions._pagerduty_incidents import Dedup, Incident, acknowledged, incidents, kept
from actions._pagerduty_keys import Keys, KeySettings, SeverityKey, credential
from actions._pagerduty_own import EventSettings, ImageSettings, LinkSettings
from actions._pagerduty_sending import FAR_SIDE, Taken, post_event, side_by_side, together
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
_ORPHANED = (
    "the incident with dedup_key {} was triggered through a routing key that is not set here any more: resolve it there"
    " by hand, or set that key as routing_key_previous"
)


class Settings(HttpActionSettings, KeySettings, EventSettings):
    """An element of `pagerduty_configs`.

    Attributes:
        url: where events go; not beside `service_region`, which says so, too.
        dedup: what makes one incident.
    """

    url: HttpUrl = _REGIONS["us"]
    service_region: Literal["us", "eu"] | None = None
    dedup: Dedup = "group"

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
        return self

    @property
    def events_url(self) -> str:
        """Where events go."""
        return _REGIONS[self.service_region] if self.service_region else self.url


@dataclass(frozen=True, slots=True)
class _Told:
    """An incident that PagerDuty has taken an event about."""

    incident: Incident
    routing_key: str
    template_errors: tuple[str, ...] = ()
    orphaned: str = ""


class Action:
    """Triggers incidents, updates them, has them acknowledged, and resolves them."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._taken = Taken()

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Send an event for each of the group's incidents that has news: a trigger while it fires, else a resolve.

        Of what is told beside a group's state PagerDuty hears that somebody has taken it over.
        """
        keys = Keys(self._settings)
        if notification.entries:
            return self._acknowledge(notification, thread, keys, deadline_seconds)
        dedup = self._settings.dedup
        found = incidents(notification, thread, dedup)
        told = self._tell(found, notification, thread, keys, deadline_seconds)
        still_open = kept(found, notification, thread, dedup)
        left = [each.key for each in found if each.holds] if notification.send_resolved else []
        after = replace(
            thread,
            key=thread.key or notification.key,
            incidents=still_open,
            credential=credential(
                left, {each.incident.key: each.routing_key for each in told}, thread.credential, keys
            ),
        )
        orphaned = tuple(each.orphaned for each in told if each.orphaned)
        errors = _few(error for each in told for error in each.template_errors)
        return Receipt(_detail(told), after, errors, warnings=orphaned)

    def preview(self, notification: Notification) -> Preview:
        """The event, but for its routing key; a list of them where each alert, or some of them, are an incident."""
        events, errors = [], list[str]()
        for each in incidents(notification, Thread(), self._settings.dedup):
            texts = Texts(each.about)
            events.append(json.loads(fitted(self._event(each, texts))))
            errors += texts.errors
        return Preview(events[0] if self._settings.dedup == "group" else events, _few(errors))

    def _acknowledge(self, notification: Notification, thread: Thread, keys: Keys, deadline_seconds: float) -> Receipt:
        if not any(entry.kind == "acknowledged" for entry in notification.entries):
            return Receipt("nothing to send: of a timeline it hears only who has taken a group over", thread)
        found = acknowledged(notification, thread, self._settings.dedup)
        if not found:
            return Receipt("nothing to send: no incident is open there", thread)
        return Receipt(_detail(self._tell(found, notification, thread, keys, deadline_seconds)), thread)

    def _tell(
        self,
        found: Sequence[Incident],
        notification: Notification,
        thread: Thread,
        keys: Keys,
        deadline_seconds: float,
    ) -> list[_Told]:
        """Tell those that are to be told something.

        Raises:
            SendError: one was not told, or may not have been.
        """
        calls = [
            partial(self._tell_one, each, thread, keys, notification.delivery_id)
            for each in found
            if each.event is not None
        ]
        told, errors = side_by_side(calls, self._settings.within(deadline_seconds))
        if errors:
            raise together(errors, len(calls))
        self._taken.forget(notification.delivery_id)
        return told

    def _tell_one(
        self, incident: Incident, thread: Thread, keys: Keys, delivery_id: int, deadline_seconds: float
    ) -> _Told:
        texts = Texts(incident.about)
        routing_key = keys.of(incident.key, thread.credential) if incident.known else None
        orphaned = _ORPHANED.format(incident.key) if incident.known and routing_key is None else ""
        if orphaned and incident.event != "trigger":
            # There is no other through which it could hear of that.
            raise keys.unread or SendError(f"{FAR_SIDE}: {orphaned}", permanent=True)
        event = self._event(incident, texts, orphaned)
        if routing_key is None:
            how_bad = event.get("payload", {}).get("severity") or severity_of(
                incident.about, self._settings, Texts(incident.about)
            )
            routing_key = keys.new(how_bad)
        event = {"routing_key": routing_key, **event}
        known = hashlib.sha256(json_bytes(event)).digest()
        if not self._taken.has(delivery_id, known):
            post_event(
                self._http,
                self._settings.events_url,
                event,
                deadline_seconds=deadline_seconds,
                secrets=keys.secrets,
            )
            self._taken.add(delivery_id, known)
        return _Told(incident, routing_key, tuple(texts.errors), orphaned)

    def _event(self, incident: Incident, texts: Texts, orphaned: str = "") -> dict[str, Any]:
        """What one incident is told, but for the routing key."""
        event = {"event_action": incident.event, "dedup_key": incident.key}
        if incident.event != "trigger":
            return event
        how_bad = severity_of(incident.about, self._settings, texts)
        beside = {"orphaned_incident": orphaned} if orphaned else {}
        return {**event, **trigger(incident.about, how_bad, self._settings, texts, beside)}


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
    orphaned = [each.incident.key for each in told if each.orphaned]
    lost = f"; orphaned, for its routing key is not set any more: {orphaned[0]}" if orphaned else ""
    more = f" and {len(orphaned) - 1} more" if len(orphaned) > 1 else ""
    return cut(f"{' and '.join(said)} accepted{lost}{more}", _LONGEST_DETAIL)
