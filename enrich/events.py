"""Events: what Kubernetes itself says of a pod, and of what runs it, within the last hour.

Source: https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.32/#event-v1-core
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import units
from alerts.findings import Excerpt, Finding, Gap
from alerts.model import Alert
from enrich._base import Given, NoAnswer
from enrich._kubernetes import Kubernetes, Missing, Request, items, kubernetes
from enrich._lines import readable
from enrich._places import Place, places
from enrich._pod import Owner, moment, owners
from outbound import Answer

_WITHIN = timedelta(hours=1)
_MOST_SHOWN = 6
_MOST_LINE = 220
# Of a list: etcd keeps them by name, so what is beyond may as well be the newest.
_MOST_LISTED = 1_000
# Of one namespace so many things are asked about one by one, and more by one list of all its warnings.
_ONE_BY_ONE = 4
# When it is to be known who owns the pods, and when all else: of the time that there is.
_OWNERS_BY, _ALL_BY = 0.5, 0.9


@dataclass(frozen=True, slots=True)
class _Event:
    """What happened to an object."""

    of: Owner
    warning: bool
    reason: str
    message: str
    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Listed:
    """Events of a namespace; `whole` where there are no more than these."""

    events: tuple[_Event, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """What is listed: all that happened to one object, or where that is None all warnings of the namespace."""

    namespace: str
    of: Owner | None = None

    @property
    def request(self) -> Request:
        """What to ask."""
        fields = f"involvedObject.kind={self.of.kind},involvedObject.name={self.of.name}" if self.of else "type!=Normal"
        return Request(
            ("api", "v1", "namespaces", self.namespace, "events"),
            f"list events in namespace {self.namespace}",
            (("fieldSelector", fields), ("limit", str(_MOST_LISTED))),
        )


class Enricher:
    """The events of a pod and of what owns it: its ReplicaSet and Deployment, its StatefulSet, its Job and CronJob."""

    name = "events"
    title = "events"
    needs = "kubernetes"

    def look_up(
        self, alerts: Sequence[Alert], received: Sequence[datetime], given: Given, deadline_seconds: float
    ) -> Sequence[tuple[Finding, ...]]:
        """The warnings first, then the newest; nothing for what is no pod."""
        wanted = places(alerts)
        if not any(wanted):
            return [()] * len(alerts)
        pods = dict.fromkeys(each for each in wanted if isinstance(each, Place))
        happened = _Happened.found(kubernetes(given), pods, deadline_seconds)
        return [() if each is None else self._of(each, happened, at) for each, at in zip(wanted, received, strict=True)]

    def _of(self, place: Place | NoAnswer, happened: _Happened, at: datetime) -> tuple[Finding, ...]:
        if isinstance(place, NoAnswer):
            return (Gap(self.name, self.title, str(place)),)
        gaps: tuple[Finding, ...] = ()
        try:
            owner_gap = happened.owner_gap(place)
            if owner_gap:
                gaps = (Gap(self.name, "events of what owns it", owner_gap),)
            events = [each for each in happened.events(place) if each.at >= at - _WITHIN]
        except NoAnswer as reason:
            return (Gap(self.name, self.title, str(reason)),)
        if not events:
            return gaps
        events.sort(key=lambda each: (each.warning, each.at), reverse=True)
        lines = [_line(each, place, at) for each in events[:_MOST_SHOWN]]
        if len(events) > _MOST_SHOWN:
            lines.append(f"… and {len(events) - _MOST_SHOWN} more")
        source = f"kubectl get events -n {place.namespace} --field-selector involvedObject.name={place.pod}"
        return (Excerpt(self.name, self.title, tuple(lines), at, source), *gaps)


@dataclass(frozen=True, slots=True)
class _Happened:
    """What was found of all pods.

    Attributes:
        owners: who owns each, or why that is not known.
        listed: what each question was answered.
    """

    owners: Mapping[Place, list[Owner] | NoAnswer]
    listed: Mapping[_Question, _Listed | NoAnswer]

    @classmethod
    def found(cls, of: Kubernetes, pods: Iterable[Place], deadline_seconds: float) -> _Happened:
        """Ask who owns the pods, and then what happened to all of these."""
        now = time.monotonic()
        owners_until, until = (now + part * deadline_seconds for part in (_OWNERS_BY, _ALL_BY))
        owned = of.each(pods, lambda place: owners(of, place, owners_until), owners_until)
        objects: dict[str, dict[Owner, None]] = {}
        for place, owning in owned.items():
            objects.setdefault(place.namespace, {}).update(dict.fromkeys(_objects(place, owning)))
        questions: list[_Question] = []
        for namespace, those in objects.items():
            each_alone = len(those) <= _ONE_BY_ONE
            questions += [_Question(namespace, one) for one in those] if each_alone else [_Question(namespace)]
        listed = of.each(questions, lambda each: of.get(each.request, _listed, until), until)
        return cls(owned, listed)

    def owner_gap(self, place: Place) -> str:
        """Why it is not known who owns a pod; "" where it is, or where the pod is gone."""
        owned = self.owners[place]
        return str(owned) if isinstance(owned, NoAnswer) and not isinstance(owned, Missing) else ""

    def events(self, place: Place) -> list[_Event]:
        """What happened to a pod and to what owns it.

        Raises:
            NoAnswer: it is not known, or not all of it.
        """
        found: list[_Event] = []
        for of in _objects(place, self.owners[place]):
            listed = self.listed.get(_Question(place.namespace, of)) or self.listed[_Question(place.namespace)]
            if isinstance(listed, NoAnswer):
                raise listed
            mine = [each for each in listed.events if each.of == of]
            if not listed.whole and not mine:
                raise NoAnswer(f"namespace {place.namespace} has more than {_MOST_LISTED:,} events: not all were read")
            found += mine
        return found


def _objects(place: Place, owning: list[Owner] | NoAnswer) -> list[Owner]:
    return [Owner("Pod", place.pod), *(owning if isinstance(owning, list) else ())]


def _line(event: _Event, place: Place, at: datetime) -> str:
    """An event in words: "2m before: BackOff 12 times: Back-off restarting failed"."""
    age = units.duration((at - event.at).total_seconds())
    of = "" if event.of == Owner("Pod", place.pod) else f" of {event.of.kind} {event.of.name}"
    count = f" {event.count} times" if event.count > 1 else ""
    warning = "warning " if event.warning else ""
    return readable(f"{age} before: {warning}{event.reason}{count}{of}: {event.message}", _MOST_LINE)


def _listed(answer: Answer) -> _Listed:
    document = answer.json()
    events = tuple(each for each in map(_event, items(document)) if each is not None)
    return _Listed(events, not document["metadata"].get("continue"))


def _event(told: Any) -> _Event | None:
    """An event, None where nobody says when.

    Those of a series have their own count and time, and those of the newer API no `lastTimestamp`.
    """
    series, about = told.get("series") or {}, told["involvedObject"]
    times = (series.get("lastObservedTime"), told.get("lastTimestamp"), told.get("eventTime"))
    at = moment(next(filter(None, times), None) or told["metadata"].get("creationTimestamp"))
    if at is None:
        return None
    return _Event(
        Owner(str(about.get("kind")), str(about.get("name"))),
        told.get("type") != "Normal",
        str(told.get("reason") or ""),
        str(told.get("message") or ""),
        int(series.get("count") or told.get("count") or 1),
        at,
    )
