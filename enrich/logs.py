"""Logs: the last lines of the container that crashed, or that the alert names.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (read log of the specified Pod).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.findings import Excerpt, Finding, Gap
from alerts.model import Alert
from alerts.target import target
from cluster.names import is_label
from enrich._base import Given, NoAnswer
from enrich._kubernetes import Kubernetes, Missing, Request, kubernetes
from enrich._lines import shown
from enrich._places import Place, places
from enrich._pod import Container, pod
from outbound import Answer

_MOST_SHOWN = 10
_MOST_LINE = 200
# Some are blank; and the end of a key is known by its beginning.
_TAIL_LINES = 2 * _MOST_SHOWN
# Counted from the first of these lines: so many that hardly ever the last one is cut off.
_LIMIT_BYTES = 256 * 1024
# What ended before that, and runs again, is not what the alert is about.
_WITHIN = timedelta(hours=1)
# Of the time that there is: beside the requests something is to be made of the answers.
_ALL_BY = 0.9


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Whose log: a pod's, and of the container that the alert names, "" where it names none."""

    place: Place
    container: str


@dataclass(frozen=True, slots=True)
class _Instance:
    """An instance of a container.

    Attributes:
        previous: it is the one before that which there is.
        ended: it does not run any more.
    """

    container: str
    previous: bool
    ended: bool


class Enricher:
    """The log of a container: of the instance that ended, where one did within the hour."""

    name = "logs"
    title = "log"
    needs = "kubernetes"

    def look_up(
        self, alerts: Sequence[Alert], received: Sequence[datetime], given: Given, deadline_seconds: float
    ) -> Sequence[tuple[Finding, ...]]:
        """The last lines; nothing of what is no pod, nor of a pod that is well where the alert names no container."""
        found = places(alerts)
        if not any(found):
            return [()] * len(alerts)
        asking = kubernetes(given)
        until, at = time.monotonic() + _ALL_BY * deadline_seconds, max(received)
        pairs = zip(alerts, found, strict=True)
        wanted = [_wanted(alert, place) if isinstance(place, Place) else place for alert, place in pairs]
        asked = dict.fromkeys(each for each in wanted if isinstance(each, _Wanted))
        read = asking.each(asked, lambda each: self._of(asking, each, at, until), until)
        return [self._told(read[each] if isinstance(each, _Wanted) else each) for each in wanted]

    def _told(self, found: Excerpt | NoAnswer | None) -> tuple[Finding, ...]:
        if isinstance(found, NoAnswer):
            return (Gap(self.name, self.title, str(found)),)
        return () if found is None else (found,)

    def _of(self, asking: Kubernetes, wanted: _Wanted, at: datetime, until: float) -> Excerpt | None:
        place = wanted.place
        try:
            of = _chosen(pod(asking, place, until).containers, wanted.container, at)
        except Missing:
            raise NoAnswer(f"{place.text} is gone, and its log with it") from None
        if of is None:
            return None
        lines = asking.get(_request(place, of), _lines, until)
        if not lines:
            raise NoAnswer(f"container {of.container} of {place.text} wrote nothing")
        title = f"log of {of.container}" + (" before it ended" if of.ended else "")
        command = f"kubectl logs -n {place.namespace} {place.pod} -c {of.container}" + " --previous" * of.previous
        return Excerpt(self.name, title, lines, at, f"{command} --tail=100")


def _wanted(alert: Alert, place: Place) -> _Wanted:
    container = target(alert).container
    return _Wanted(place, container if is_label(container) else "")


def _chosen(containers: Sequence[Container], named: str, at: datetime) -> _Instance | None:
    """Whose log tells most: of what ended last, or of what does not do well; None where all is well.

    Raises:
        NoAnswer: the container that the alert names has not begun.
    """
    mine = [each for each in containers if each.name == named]
    ended: list[tuple[datetime, _Instance]] = []
    for each in mine or containers:
        last = each.ended or each.ended_before
        if last is None or (each.runs and last.at is not None and last.at < at - _WITHIN):
            continue
        if mine or last.code != 0:
            instance = _Instance(each.name, previous=each.ended is None, ended=True)
            ended.append((last.at or at, instance))
    if ended:
        return max(ended, key=lambda each: each[0])[1]
    unwell = next((each for each in mine or containers if each.runs and (mine or not each.ready)), None)
    if unwell is None and mine:
        raise NoAnswer(f"container {named} has not begun: {mine[0].waits or 'nobody says why'}")
    return _Instance(unwell.name, previous=False, ended=False) if unwell else None


def _request(place: Place, of: _Instance) -> Request:
    query = {"container": of.container, "tailLines": str(_TAIL_LINES), "limitBytes": str(_LIMIT_BYTES)}
    if of.previous:
        query["previous"] = "true"
    return Request(
        ("api", "v1", "namespaces", place.namespace, "pods", place.pod, "log"),
        f"get pods/log in namespace {place.namespace}",
        tuple(query.items()),
        # A server may write a little more than it was asked for.
        most_bytes=2 * _LIMIT_BYTES,
        of_nodes=True,
    )


def _lines(answer: Answer) -> tuple[str, ...]:
    return shown(answer.text.splitlines()[-_TAIL_LINES:], _MOST_LINE)[-_MOST_SHOWN:]
