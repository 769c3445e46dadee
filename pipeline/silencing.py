"""Have a group's alerts silenced by the configured Alertmanager, after somebody has seen what that hides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from alertmanager import Alertmanager, AlertmanagerError, Silence
from alerts.model import Alert
from alerts.silence import Duration, labels_key, shared_labels, silence_end
from alerts.timeline import Acknowledgement
from outbox.database import StoreError
from pipeline.recalled import fires_now
from pipeline.service import Pipeline, utc_now

_ASK_SECONDS = 5.0
_MOST_ALERTS = 10_000
# Behind one address several Alertmanagers may stand, which tell one another of a silence a little later.
_HEARD_OF_WITHIN = timedelta(seconds=30)
_AS_LONG = timedelta(minutes=2)
_MOST_NAMES = 100

_log = structlog.get_logger("silencing")


class NotSilenced(Exception):
    """There is no silence, or maybe none, for this reason; a sentence for people."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be silenced.

    Attributes:
        labels: what all firing alerts of the group share; what has these is silenced.
        hidden: how many alerts that fire now it would hide; None where Alertmanager does not say.
        others: how many of them are not of the group.
        unknown: why it does not say.
    """

    labels: Mapping[str, str]
    until: datetime
    hidden: int | None = None
    others: int = 0
    unknown: str = ""

    @property
    def shown(self) -> str:
        """16 hex digits of the labels, by which a confirmation tells what it confirms."""
        return labels_key(self.labels)


class Changed(Exception):
    """What was confirmed is not what would be silenced now: that is to be confirmed first."""

    def __init__(self, proposal: Proposal) -> None:
        super().__init__("other labels are shared now")
        self.proposal = proposal


@dataclass(frozen=True, slots=True)
class Silenced:
    """A silence that is in force.

    Attributes:
        url: where people see it.
        anew: it was made just now; else it was there already.
        kept: that there is one is kept here, and told to those who hold something of the group.
    """

    silence: Silence
    url: str
    anew: bool
    kept: bool = False


class Silencing:
    """Makes silences.

    Args:
        pipeline: whose groups they are of.
    """

    def __init__(self, pipeline: Pipeline, clock: Callable[[], datetime] = utc_now) -> None:
        self._pipeline = pipeline
        self._clock = clock
        # One at a time: of two clicks on the same button the second finds what the first has made.
        self._one = threading.Lock()
        self._made: dict[str, tuple[datetime, Silenced]] = {}

    def propose(self, group_id: str, duration: Duration) -> Proposal:
        """Say what a silence would hide.

        Raises:
            NotSilenced: there is nothing that could be silenced.
            StoreError: the database does not answer.
        """
        alertmanager = self._alertmanager()
        _, firing = self._firing(group_id)
        return self._counted(alertmanager, firing, silence_end(duration, self._clock()))

    def silence(self, group_id: str, duration: Duration, shown: str, by: str, comment: str) -> Silenced:
        """Make a silence, or find the one that there is, and have those told who hold something of the group.

        Args:
            shown: what was confirmed: `Proposal.shown`.
            by: who did.
            comment: where they did; the alerts' names and the page are added.

        Raises:
            Changed: the alerts that fire now share other labels.
            NotSilenced: there is none, or maybe none.
            StoreError: the database does not answer; nothing was asked of Alertmanager.
        """
        alertmanager = self._alertmanager()
        group_key, firing = self._firing(group_id)
        until = silence_end(duration, self._clock())
        labels = _labels(firing)
        if labels_key(labels) != shown:
            raise Changed(self._counted(alertmanager, firing, until))
        if not self._one.acquire(timeout=2 * _ASK_SECONDS):
            raise NotSilenced("Alertmanager has not answered those who asked before; nothing was asked of it.")
        try:
            found = self._there(alertmanager, labels, until)
            if found is None:
                said = f"{comment}: {self._about(firing)}"
                made = alertmanager.silence(labels, until, by, said, _ASK_SECONDS)
                found = Silenced(made, alertmanager.page(made.id), anew=True)
            if not found.kept:
                found = replace(found, kept=self._keep(group_key, found.silence))
            self._made[shown] = (self._clock(), replace(found, anew=False))
        except AlertmanagerError as error:
            raise NotSilenced(f"{error}.") from None
        finally:
            self._one.release()
        return found

    def _there(self, alertmanager: Alertmanager, labels: Mapping[str, str], until: datetime) -> Silenced | None:
        """A silence of the same that lasts as long."""
        now = self._clock()
        self._made = {key: value for key, value in self._made.items() if now - value[0] < _HEARD_OF_WITHIN}
        made = [each for _, each in self._made.values() if each.silence.labels == labels]
        there = [
            Silenced(each, alertmanager.page(each.id), anew=False)
            for each in alertmanager.silences(labels, _ASK_SECONDS)
        ]
        return next((each for each in (*made, *there) if each.silence.ends_at >= until - _AS_LONG), None)

    def _keep(self, group_key: str, silence: Silence) -> bool:
        """Keep that there is one, unless that is known: it may have been made by who did not live to say so."""
        try:
            history = self._pipeline.store.histories([group_key]).get(group_key)
            known = history.silenced.silenced_until if history and history.silenced else None
            if known is None or known < silence.ends_at - _AS_LONG:
                by = silence.created_by[:_MOST_NAMES]
                taken = Acknowledgement(by, self._clock(), "slack", silenced_until=silence.ends_at)
                self._pipeline.acknowledge(group_key, taken)
        except StoreError as error:
            # There is a silence, whatever is known of it here.
            _log.error("that a group is silenced is not kept", error=str(error))
            return False
        return True

    def _alertmanager(self) -> Alertmanager:
        found = self._pipeline.running.alertmanager
        if found is None:
            raise NotSilenced("No Alertmanager is configured that could be asked for a silence (alertmanager.url).")
        return found

    def _firing(self, group_id: str) -> tuple[str, list[Alert]]:
        """A group's key, and what fires in it; at least one."""
        group_key = self._pipeline.store.group_key(group_id)
        store, group = self._pipeline.store, None
        if group_key is not None:
            group = fires_now(store, group_key, _MOST_ALERTS + 1, self._clock())
        if group_key is None or group is None:
            raise NotSilenced("Nothing of this group fires any more.")
        firing = list(group.firing)
        if len(firing) > _MOST_ALERTS:
            raise NotSilenced(f"More than {_MOST_ALERTS:,} of its alerts fire: silence them in Alertmanager.")
        return group_key, firing

    def _counted(self, alertmanager: Alertmanager, firing: list[Alert], until: datetime) -> Proposal:
        labels = _labels(firing)
        try:
            hidden = set(alertmanager.firing(labels, _ASK_SECONDS))
        except AlertmanagerError as error:
            return Proposal(labels, until, unknown=str(error))
        return Proposal(labels, until, len(hidden), len(hidden - {each.fingerprint for each in firing}))

    def _about(self, firing: list[Alert]) -> str:
        names = sorted({each.name for each in firing})
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        url = self._pipeline.configuration.file.external_url
        page = f", {url.rstrip('/')}/#{firing[0].fingerprint}" if url else ""
        return f"{names[0][:_MOST_NAMES]}{others}{page}"


def _labels(firing: list[Alert]) -> dict[str, str]:
    shared = shared_labels(firing)
    if not shared:
        raise NotSilenced("Its firing alerts have no label in common: a silence would hide everything.")
    return shared
