"""What is to be said to whom, what it is known to hold already, and what came of saying it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from alerts.findings import Excerpt, Finding, Gap, Reading, gathered
from alerts.model import Alert, AlertGroup
from alerts.timeline import Acknowledgement, Control, Entry


@dataclass(frozen=True, slots=True)
class Digest:
    """What a notification stands for that tells many groups at once; its `group` holds the worst alerts only.

    Attributes:
        groups: how many groups it tells of.
        firing: how many alerts fire, by severity; severities of which there are none are left out.
        resolved: how many alerts are over.
    """

    groups: int
    firing: Mapping[str, int] = field(default_factory=dict)
    resolved: int = 0

    @property
    def alerts(self) -> int:
        """How many alerts it tells of."""
        return sum(self.firing.values()) + self.resolved


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a far side may fetch for a while.

    Attributes:
        src: its URL.
        alt: what it shows, in words.
        fingerprint: of the alert that it is about; "" where that is not known.
    """

    src: str
    alt: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """What one receiver's one action is to say about one group.

    Attributes:
        receiver: the receiver's name in the configuration.
        action: the kind, "slack".
        index: which of the receiver's actions of that kind.
        group: the alerts this receiver hears of.
        findings: what enrichment found, by fingerprint.
        page_url: where this service shows the group, "" when `external_url` is not set.
        notes: what else a reader should know, a few words each: "still firing, 4 h", "4th time in 30 m".
        digest: what it stands for when it tells of many groups at once.
        send_resolved: whether this destination hears of ends at all.
        images: pictures of what is worst, for actions that show them; made when it is sent, and not before.
        delivery_id: which delivery it is, the same at each attempt; 0 for what is none. Set when it is sent.
        began_at: when the whole group began to fire this time; None where that is not known, or it is told in part.
        acknowledged: who has taken the group over, if anybody has.
        silenced: who had its alerts silenced, likewise.
        controls: what a person may do about it there; set when it is sent, as what is configured then says.
        entries: what is to be told beside its state, and not that; none where its state is to be told.
        unanswered: it was attempted before, and nobody knows what came of that; set when it is sent.
    """

    receiver: str
    action: str
    index: int
    group: AlertGroup
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    page_url: str = ""
    notes: tuple[str, ...] = ()
    digest: Digest | None = None
    send_resolved: bool = True
    images: tuple[Image, ...] = ()
    delivery_id: int = 0
    began_at: datetime | None = None
    acknowledged: Acknowledgement | None = None
    silenced: Acknowledgement | None = None
    controls: tuple[Control, ...] = ()
    entries: tuple[Entry, ...] = ()
    unanswered: bool = False

    def shown(self, alert: Alert) -> list[Finding]:
        """What was found of an alert, as it is shown."""
        return gathered(self.findings.get(alert.fingerprint, ()))

    def told(self, alert: Alert) -> list[Reading | Gap]:
        """The same, as far as it is said on one line."""
        return [each for each in self.shown(alert) if not isinstance(each, Excerpt)]

    def excerpts(self, alert: Alert) -> list[Excerpt]:
        """The rest of it."""
        return [each for each in self.shown(alert) if isinstance(each, Excerpt)]

    @property
    def destination(self) -> str:
        """A name for where it goes that holds no secret: "on-call/slack/0"."""
        return f"{self.receiver}/{self.action}/{self.index}"

    @property
    def key(self) -> str:
        """A stable key of the receiver's view of the group, 64 hex digits, for far sides that deduplicate."""
        return hashlib.sha256(f"{self.receiver}\0{self.group.group_key}".encode()).hexdigest()

    @property
    def delivery_key(self) -> str:
        """A key of this one delivery, the same at each attempt, for far sides that know what they have already."""
        alerts = [[each.fingerprint, each.status, each.starts_at.isoformat()] for each in self.group.alerts]
        told = json.dumps([self.destination, self.delivery_id, self.group.group_key, alerts])
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Thread:
    """What one destination already holds of a group.

    Attributes:
        key: the far side's handle on it, such as PagerDuty's dedup_key; "" when there is none. Whatever the far side
            tells of the group later is found by it.
        open_fingerprints: alerts told as firing whose end is to be told and is not yet.
        opened_at: when it heard of the first of them, or of the last time there were any; None before that.
        attempted: it may have heard more than is known: an attempt to tell it something ended without its answer.
        digested: what is open it heard in a digest, and will hear the end of in one.
        level: how bad the worst was that it was told of; "" where that is not known.
        credential: a keyed hash of what the far side was told with, for one that must hear the end by the same.
        incidents: where a group is several incidents at the far side, those that are open: by the far side's handle
            the fingerprints in it.
        again: of what is open, alerts that are to be told again: whether the last that was told of them arrived is not
            known, or it is known that it did not.
        heard: what of the group was attempted until a delivery's attempt, both by their numbers, is known to the last
            event; (0, 0) where it is not.
    """

    key: str = ""
    open_fingerprints: tuple[str, ...] = ()
    opened_at: datetime | None = None
    attempted: bool = False
    digested: bool = False
    level: str = ""
    credential: str = ""
    incidents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    again: tuple[str, ...] = ()
    heard: tuple[int, int] = (0, 0)

    @property
    def open(self) -> bool:
        """Whether it holds, or may hold, something that is not over there."""
        return bool(self.open_fingerprints or self.incidents) or self.attempted

    def doubted(self) -> Thread:
        """The thread after an attempt of which nobody knows whether it arrived."""
        return replace(self, attempted=True)

    def before(self, delivery_id: int, attempts: int) -> Thread:
        """The thread as a further attempt is to have it, after so many of a delivery: in doubt, if one of them is."""
        known = attempts == 0 or self.attempted or self.heard == (delivery_id, attempts)
        return self if known else self.doubted()

    def told(self, notification: Notification, now: datetime) -> Thread:
        """The thread after the destination has heard this state of the group.

        A whole group of which nothing fires is over, whatever was told of it; of one that the upstream cut short, only
        the alerts that it names are.
        """
        group = notification.group
        ended = {alert.fingerprint for alert in group.resolved}
        still_open = [each for each in self.open_fingerprints if each not in ended]
        firing = [alert.fingerprint for alert in group.firing]
        named = {*ended, *firing}
        if not notification.send_resolved or not (firing or group.truncated_alerts):
            still_open, opened = [], firing if notification.send_resolved else []
        else:
            opened = list(dict.fromkeys((*still_open, *firing)))
        return replace(
            self,
            open_fingerprints=tuple(opened),
            opened_at=now if firing and not self.open_fingerprints else self.opened_at,
            attempted=False,
            digested=False,
            incidents=self.incidents if opened else {},
            again=tuple(each for each in self.again if each in opened and each not in named),
            heard=(0, 0),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """The far side has it.

    Attributes:
        detail: what it answered, short and without secrets.
        thread: what it holds now.
        template_errors: which of the user's templates failed; something plain was told in their place.
        entries: what is to be told there beside it, each a delivery of its own, kept with the outcome of this one.
        warnings: what somebody has to see to there though it was told, short and without secrets.
        takes_up: alerts about each of which something may be done, which is kept with the outcome of this one.
    """

    detail: str
    thread: Thread
    template_errors: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    warnings: tuple[str, ...] = ()
    takes_up: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent.

    Attributes:
        message: as JSON has it, without secrets.
        template_errors: which of the user's templates failed; something plain stands in their place.
    """

    message: Any
    template_errors: tuple[str, ...] = ()


class SendError(Exception):
    """The far side did not take it. The message names the far side and the reason and holds no secret.

    Args:
        message: what happened.
        permanent: sending the same again cannot help.
        retry_after_seconds: how long the far side asked to be left alone, if it did.
        throttled: the far side is well and was told too much at once (HTTP's 429).
        word: the far side's own for it, where it has one: "channel_not_found"; else HTTP's status, or "".
        partly: it took some of it: what it holds of the group is in doubt.
        held: what it holds by what it took of it, and may have taken, where that is known; nothing else is in doubt.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after_seconds: float | None = None,
        throttled: bool = False,
        word: str = "",
        partly: bool = False,
        held: Thread | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds
        self.throttled = throttled
        self.word = word
        self.partly = partly
        self.held = held
