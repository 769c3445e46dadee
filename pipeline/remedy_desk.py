"""What every step works with: what it may ask, and how what became of a remediation is kept and told."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

import telemetry
import units
from alerts.remediation import Proposal, RemediationResult, Verdict
from alerts.timeline import Entry
from outbox.records import Planned, Remediation
from outbox.remediation_guards import Bounds
from outbox.remediations import Change
from outbox.store import Store
from pipeline import guards, remedy_news
from pipeline.live import Live, live
from pipeline.running import Rule, Running

_LIVE_SECONDS = 5.0
_NOTE_SECONDS = 4.0
# Of which people want to know though nothing was done: the others are the rule's own bounds.
_TOLD = frozenset(("max_targets", "cooldown", "max_per_hour", "remediation.max_per_hour", "switch", "approval"))
_STORM = (
    "So many things at once are seldom mended one by one: look for what they have in common. What is refused now is"
    " looked at anew when its alert comes again."
)

_log = structlog.get_logger("remedy")


@dataclass(frozen=True, slots=True)
class Work:
    """One remediation in hand.

    Attributes:
        lived: seconds by a clock that nobody sets.
        until: by that clock, until when something may be begun about it.
    """

    remediation: Remediation
    lived: Callable[[], float]
    until: float

    def left(self) -> float:
        """How many seconds are left in which something may be begun."""
        return self.until - self.lived()


class Desk:
    """One process' part.

    Args:
        told: called with the destinations for which there is something to deliver.
    """

    def __init__(
        self, running: Running, store: Store, clock: Callable[[], datetime], told: Callable[[set[str]], None]
    ) -> None:
        self.running = running
        self.store = store
        self.clock = clock
        self._told = told

    # What it asks

    def bounds(self, rule: Rule) -> Bounds:
        """How much may be done by a rule, and by all."""
        return guards.bounds(rule.settings, self.running.configuration.file.remediation)

    def judged(self, of: Remediation, rule: Rule, proposal: Proposal) -> tuple[Verdict, ...]:
        """What the guards say that look at nothing stored."""
        everything = self.running.configuration.file.remediation
        return guards.judge(
            rule.settings, everything, self.running.own_namespace, of.alert, proposal.target, self.clock()
        )

    def live(self, of: Remediation) -> Live:
        """Whether its alert fires just now."""
        return live(of.alert, of.group_key, self.store, self.running, _LIVE_SECONDS, destination=of.destination)

    # What becomes of one

    def keep(self, of: Remediation, change: Change) -> bool:
        """Keep what became of one, and have it told; whether it is kept.

        Raises:
            StoreError: the storage is failing.
        """
        kept = self.store.remediations.change(of, change, self.clock())
        context = {"remediation_id": of.id, "rule": of.rule, "verb": of.verb, "alert": of.alert.name[:200]}
        if not kept:
            _log.warning("the lease was lost; another process decides", state=of.state, **context)
            return False
        if change.step:
            _log.info(change.result or change.state, step=change.step[:500], **context)
        planned = {each.notification.destination for each in (*change.tells, *change.asks)}
        if planned:
            self._told(planned)
        return True

    def end(
        self,
        of: Remediation,
        result: RemediationResult,
        detail: str,
        *,
        proposal: Proposal | None = None,
        verdicts: tuple[Verdict, ...] | None = None,
        storm: bool = False,
        silent: bool = False,
    ) -> bool:
        """Keep that nothing more comes of it, and have told who is to hear of it; whether it is kept."""
        now = self.clock()
        does = proposal or of.proposal
        text = _words(result, does.does if does else of.verb, detail)
        tells: tuple[Planned, ...] = ()
        asks: tuple[Planned, ...] = ()
        if storm:
            summary = f"rule {of.rule} touches nothing: {detail}"
            asks = remedy_news.asks(self.running, of, "RemediationStorm", summary, _STORM, now)
        elif not silent:
            if result in ("not_fixed", "unknown", "failed") or (result == "expired" and of.state == "approval"):
                summary = f"{of.alert.name}: {text} (rule {of.rule})"
                asks = remedy_news.asks(self.running, of, "RemediationNeedsAttention", summary, story(of), now)
            loud = result in ("not_fixed", "unknown", "failed")
            tells = self.lines(of, text, loud=loud, quiet={each.notification.destination for each in asks})
        change = Change(
            "done",
            now,
            text,
            result=result,
            detail=detail,
            proposal=proposal,
            verdicts=verdicts,
            storm=storm,
            tells=tells,
            asks=asks,
        )
        if not self.keep(of, change):
            return False
        telemetry.REMEDIATIONS.labels(of.rule, of.verb, result).inc()
        return True

    def refuse(self, of: Remediation, verdicts: tuple[Verdict, ...], *, storm: bool = False) -> None:
        """End what a guard stopped."""
        against = guards.stopped(verdicts)
        why = f"{against.guard}: {against.why}" if against else "a guard stopped it"
        told = against is not None and against.guard in _TOLD
        self.end(of, "refused", why, verdicts=verdicts, storm=storm, proposal=of.proposal, silent=not told)

    def expire(self, of: Remediation, rule: Rule) -> None:
        """End what waited longer than it is valid."""
        waited = f"it could not be done within {units.duration(rule.settings.valid_for)} (valid_for)"
        self.end(of, "expired", f"{waited}: {of.detail}" if of.detail else waited)

    def later(self, of: Remediation, rule: Rule, why: str, seconds: float) -> None:
        """Look at it again in so many seconds, while it is valid."""
        now = self.clock()
        if late(of, rule, now):
            self.expire(replace(of, detail=why), rule)
            return
        self.keep(of, Change(of.state, now + timedelta(seconds=seconds), tries=of.tries + 1, detail=why))

    # Who hears of it

    def lines(
        self,
        of: Remediation,
        text: str,
        *,
        loud: bool = False,
        done: bool = False,
        asks: str = "",
        quiet: Set[str] = frozenset(),
    ) -> tuple[Planned, ...]:
        """A line for each that keeps a timeline; those of `quiet` hear of it by a message of its own as well."""
        # Who hears of it by itself is to know whom it is about.
        about = (of.alert.fingerprint,) if loud or done else ()
        entry = Entry(
            "remediation", f"{text} (rule {of.rule})", self.clock(), loud=loud, about=about, asks=asks, done=done
        )
        hearers = self.store.remediations.hearers(of.group_key, of.alert.starts_at)
        return remedy_news.lines(self.running, of, hearers, entry, quiet)

    def note(self, of: Remediation, rule: Rule, proposal: Proposal, text: str, suffix: str) -> None:
        """Leave a word with the target; it is no less done without."""
        why = rule.action.note(proposal, text, f"{of.token}{suffix}", self.clock(), _NOTE_SECONDS)
        if why:
            _log.warning("no word could be left with the target", reason=why, remediation_id=of.id, rule=of.rule)


def late(of: Remediation, rule: Rule, now: datetime) -> bool:
    """Whether it waited longer than it is valid, by the wall's clock or by the guards'."""
    settings = rule.settings
    might = max(
        of.proposed_at + timedelta(seconds=settings.settle), of.alert.starts_at + timedelta(seconds=settings.firing_for)
    )
    since = max(might, of.approved_at) if of.approved_at is not None else might
    held_seconds = settings.settle + settings.firing_for
    if of.approved_at is not None:
        held_seconds += settings.approve_within
    return now > since + timedelta(seconds=settings.valid_for) or of.age_seconds > held_seconds + settings.valid_for


def _words(result: RemediationResult, does: str, detail: str) -> str:
    """What came of it, on one line."""
    if result == "dry_run":
        return f"dry run: would {does}"
    if result in ("fixed", "not_fixed"):
        return f"{result.replace('_', ' ')}: {detail}"
    word = "unknown" if result == "unknown" else "not done"
    return f"{word}: {does}: {detail}"


def story(of: Remediation) -> str:
    """What happened so far, a line each."""
    return "\n".join(f"{each.at:%H:%M:%S} UTC {each.what}" for each in of.steps[-10:])
