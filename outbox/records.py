"""What the outbox takes and gives: events, what becomes of them, deliveries, and where each stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from alerts.findings import Finding
from alerts.history import History
from alerts.model import Alert
from alerts.notification import Notification, Thread
from alerts.remediation import Performed, Proposal, RemediationResult, RemediationState, Verdict
from alerts.timeline import Acknowledgement
from alerts.withheld import Withheld

EventKind = Literal["alert", "lapse", "release", "notice", "taken", "reread"]
EventState = Literal["accepted", "planned", "unrouted", "duplicate", "merged", "dead"]
DeliveryKind = Literal["state", "digest", "fallback", "entry", "picture", "refresh"]
DeliveryState = Literal["pending", "delivered", "superseded", "digested", "suppressed", "dead"]

BESIDE: frozenset[DeliveryKind] = frozenset(("entry", "picture", "refresh"))
"""The kinds of what is told beside a group's state, and is no state of it."""

AT_ONCE = datetime.fromtimestamp(0, UTC)
"""When a delivery is due that waits for nothing: whatever a clock does later, it has come."""


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted payload.

    Attributes:
        body: as it came.
        attempts: how often it was taken up for planning.
        kind: "lapse" is not Alertmanager's: made here, of alerts that were not heard of for long. "release" is
            made here, of alerts that were inhibited or muted and may be told now. "notice" is made here too: it is
            only there for what is told on the service's own account. So are "taken", when somebody takes a group over,
            and "reread", when what was found is to be looked up again: both tell of a group that is as it was.
    """

    id: int
    received_at: datetime
    body: bytes
    attempts: int
    kind: EventKind = "alert"

    @property
    def aside(self) -> bool:
        """Whether it tells of a group that is as it was."""
        return self.kind in ("taken", "reread")


@dataclass(frozen=True, slots=True)
class Decided:
    """An event, and who hears of it.

    Attributes:
        trace: by what that was decided, as its plan said it in JSON; None where it was not planned.
        told_by: the event that tells it, or told the same; None where it does so itself.
    """

    event: Event
    trace: str | None
    told_by: int | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A notification as it is to be kept.

    Attributes:
        suppressed: why it is not sent; None for one that is.
        due_at: when it is to be sent; at once unless it is held.
        quiet: nobody hears of it when it is told: what is to be heard goes first.
        kind: "fallback" is about a destination that fails; "entry", "picture" and "refresh" are told beside a state.
    """

    notification: Notification
    suppressed: str | None = None
    due_at: datetime = AT_ONCE
    kind: DeliveryKind = "state"
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one event, in one commit.

    Attributes:
        alerts: each alert with its group's key and what was found, as the page shows it.
        histories: what is remembered of each of its groups from now on, by the group's key.
        withheld: of alerts that are, or were, not to be told somewhere for now: where and why, by group's key and
            fingerprint; nowhere for those that may be told again.
        sources: which alerts that came inhibit others, by fingerprint the scopes; none of one that is over.
        heard_again: of groups that came as they were what they named: fingerprints, by the group's key.
        duplicate_of: the event that told all of this already.
        told_with: the event that tells all of this as well.
        trace: by what it was decided, as JSON.
    """

    event: Event
    deliveries: tuple[Planned, ...] = ()
    alerts: tuple[tuple[str, Alert, tuple[Finding, ...]], ...] = ()
    histories: Mapping[str, History] = field(default_factory=dict)
    withheld: Mapping[tuple[str, str], Mapping[str, Withheld]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    heard_again: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    duplicate_of: int | None = None
    told_with: int | None = None
    error: str | None = None
    trace: str | None = None

    @property
    def state(self) -> EventState:
        """The event's state after it."""
        if self.error:
            return "dead"
        if self.duplicate_of is not None:
            return "duplicate"
        if self.told_with is not None:
            return "merged"
        return "planned" if self.deliveries else "unrouted"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outward call on its way, held by this process until `lease_until`.

    Attributes:
        attempts: this one included.
        received_at: when its event was accepted.
        wanted_at: since when it is tried.
        thread: what the destination holds of the group.
        unreadable: why the notification is an empty one that must not be sent; None for all but such.
    """

    id: int
    event_id: int
    destination: str
    group_id: str
    kind: DeliveryKind
    notification: Notification
    attempts: int
    received_at: datetime
    wanted_at: datetime
    lease_until: datetime
    thread: Thread
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Where a delivery stands, for people.

    Attributes:
        successor_id: the delivery that tells it instead.
        next_at: when it is due, which may be past; None once it is at its end.
    """

    id: int
    event_id: int
    destination: str
    receiver: str
    action: str
    state: DeliveryState
    attempts: int
    detail: str
    received_at: datetime
    settled_at: datetime | None
    group_id: str
    kind: DeliveryKind
    successor_id: int | None
    next_at: datetime | None

    @property
    def word(self) -> str:
        """Its state in a word: pending, retrying, or what it ended as."""
        return "retrying" if self.state == "pending" and self.detail else self.state

    @property
    def tried(self) -> bool:
        """Whether there is an outcome of at least one attempt."""
        return self.word != "pending"


@dataclass(frozen=True, slots=True)
class EventStatus:
    """What became of an event."""

    id: int
    received_at: datetime
    state: EventState
    error: str | None
    duplicate_of: int | None
    deliveries: tuple[DeliveryStatus, ...]

    @property
    def settled(self) -> bool:
        """Whether each of its deliveries has been tried at least once."""
        return self.state != "accepted" and all(delivery.tried for delivery in self.deliveries)


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """An alert's latest state, and what its event led to.

    Attributes:
        withheld: where it is not told for now, by destination, and why.
        acknowledged: who has taken its group over, while it fires.
        silenced: who had it silenced, likewise.
    """

    alert: Alert
    findings: tuple[Finding, ...]
    event_id: int
    updated_at: datetime
    lapsed: bool
    deliveries: tuple[DeliveryStatus, ...]
    withheld: Mapping[str, str] = field(default_factory=dict)
    acknowledged: Acknowledgement | None = None
    silenced: Acknowledgement | None = None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """What was heard last of an alert in one group.

    Attributes:
        lapsed: it is taken as over, for it was not heard of.
        withheld: where it is not told for now, by destination, and why.
        heard_at: when that was.
    """

    alert: Alert
    lapsed: bool
    withheld: Mapping[str, str]
    heard_at: datetime | None = None

    @property
    def start_left_out(self) -> bool:
        """Whether its sender did not say since when: that is then read as when it came."""
        return self.alert.starts_at == self.heard_at


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a remediation: when, and what, in words for people."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Remediation:
    """What is done, or is not, about one firing of an alert by one rule; the audit of it, too.

    Attributes:
        token: what its write is known by at the far side, and people approve it by; no secret.
        rule: the rule's name.
        destination: the rule's place: "fix/kubernetes/0".
        event_id: of the payload that it is about.
        proposal: what would be done, and to what; None while that is not known.
        performed: what was done; None where nothing was, or that is not known.
        verdicts: what each guard said last.
        tries: how often what its state waits for was tried in vain.
        due_at: when it is looked at next; past all that is done.
        acted_at: when its write was begun; None where nothing was.
        approved_by: who approved it, or said no, as the log in of theirs or Slack names them; "" where nobody did yet.
        result: None until it is done.
        detail: the result in words.
        lease_until: until when a process works on it; None where none does.
        age_seconds: since when it is known, by the guards' clock; of one that is claimed.
        acted_seconds: likewise since when its write was begun; 0 where none was.
    """

    id: int
    token: str
    rule: str
    destination: str
    verb: str
    group_key: str
    event_id: int
    alert: Alert
    dry_run: bool
    state: RemediationState
    result: RemediationResult | None
    detail: str
    proposal: Proposal | None
    performed: Performed | None
    verdicts: tuple[Verdict, ...]
    steps: tuple[Step, ...]
    tries: int
    proposed_at: datetime
    due_at: datetime
    acted_at: datetime | None
    approved_at: datetime | None
    approved_by: str
    lease_until: datetime | None
    age_seconds: float = 0.0
    acted_seconds: float = 0.0

    @property
    def waits_for_approval(self) -> bool:
        """Whether somebody is asked."""
        return self.state == "approval"

    @property
    def question(self) -> str:
        """What tells from any earlier one what somebody is asked, and until when: 16 hex digits; no secret."""
        does = self.proposal.does if self.proposal else ""
        told = f"{self.token}\0{does}\0{self.due_at.timestamp():.6f}"
        return hashlib.sha256(told.encode(errors="replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class TakenUp:
    """An alert about which a rule may do something, as it is when its delivery is settled.

    Attributes:
        hidden: how many alerts more its group has, of which nothing is known: the payload was cut.
    """

    rule: str
    verb: str
    dry_run: bool
    group_key: str
    alert: Alert
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether anything is done about alerts at all, as far as the database says; and who said so."""

    on: bool
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: events to be planned and deliveries to be made, and since when the oldest of them does."""

    events: int
    deliveries: int
    oldest_at: datetime | None
