"""What is done about an alert, a step at a time: each takes a remediation that this process holds, and ends with what
became of it being kept.

    proposed     find the target                    -> considered, or done (refused)
    considered   ask every guard, and act           -> acting, approval, or done (refused, dry run)
    approval     nobody said anything in time       -> done (expired)
    acting       it may have been done: look        -> verifying, or done (failed, unknown)
    verifying    look whether it helped             -> done (fixed, not fixed, unknown)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

import telemetry
import units
from alerts.remediation import (
    NotPerformed,
    NotProposed,
    Performed,
    Proposal,
    Ready,
    RemediationResult,
    Verdict,
)
from alerts.timeline import Entry
from outbox.records import Planned, Remediation
from outbox.remediation_guards import Bounds
from outbox.remediations import Change
from outbox.store import Store
from pipeline import guards, remedy_news
from pipeline.live import Live, live
from pipeline.running import Rule, Running

LEASE_SECONDS = 60.0
"""For how long one is held: longer than all that a step waits for."""

_PROPOSE_SECONDS = 8.0
_LIVE_SECONDS = 5.0
_PERFORM_SECONDS = 10.0
_LOOK_SECONDS = 8.0
_NOTE_SECONDS = 4.0
# Of a lease: what is begun later than this is left to who takes it next.
_ACT_WITHIN_SECONDS = 30.0
_AGAIN_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 10.0
_VERIFY_AGAIN_SECONDS = 20.0
_MOST_LOOKS = 6
_MOST_PERFORMED = 3
_MOST_VERIFIED = 3
# So many times what may be touched, and nobody need be asked what each of them is about.
_PLAINLY_TOO_MANY = 10
# Of which people want to know though nothing was done: the others are the rule's own bounds.
_TOLD = frozenset(("max_targets", "cooldown", "max_per_hour", "remediation.max_per_hour", "switch", "approval"))

_log = structlog.get_logger("remedy")


class Steps:
    """Takes one step.

    Args:
        told: called with the destinations for which there is something to deliver.
    """

    def __init__(
        self,
        running: Running,
        store: Store,
        clock: Callable[[], datetime],
        told: Callable[[set[str]], None] = lambda destinations: None,
        lived: Callable[[], float] = time.monotonic,
    ) -> None:
        self._running = running
        self._store = store
        self._clock = clock
        self._told = told
        self._lived = lived

    def take(self, remediation: Remediation) -> None:
        """Take the next step of one that was claimed just now.

        Raises:
            StoreError: it is not kept; the step is taken again once the lease is over.
        """
        begun = self._lived()
        rule = self._running.rule(remediation.destination)
        work = _Work(remediation, rule, lambda: begun + _ACT_WITHIN_SECONDS - self._lived())
        if rule is None:
            self._without_rule(remediation)
            return
        {
            "proposed": self._propose,
            "considered": self._consider,
            "approval": self._not_approved,
            "acting": self._look,
            "verifying": self._verify,
        }[remediation.state](work, rule)

    def broke(self, remediation: Remediation, error: Exception) -> None:
        """Keep that a step failed for no reason that was foreseen; what goes on failing ends.

        Raises:
            StoreError: it is not kept.
        """
        said = f"a step failed: {type(error).__name__} (the log has it)"
        if remediation.tries < _MOST_LOOKS:
            due_at = self._clock() + timedelta(seconds=_LOOK_AGAIN_SECONDS)
            self._keep(remediation, Change(remediation.state, due_at, said, tries=remediation.tries + 1))
        elif remediation.acted_at is None:
            self._end(remediation, "refused", said)
        else:
            self._end(remediation, "unknown", said)

    # proposed

    def _propose(self, work: _Work, rule: Rule) -> None:
        of = work.remediation
        if self._refused_early(of, rule):
            return
        try:
            proposal = rule.action.propose(of.alert, _PROPOSE_SECONDS)
        except NotProposed as reason:
            self._not_proposed(of, rule, reason)
            return
        now = self._clock()
        due_at = max(now, of.proposed_at + timedelta(seconds=rule.settings.settle))
        # A clock that was put back holds nothing up for long.
        due_at = min(due_at, now + timedelta(seconds=rule.settings.settle))
        self._keep(of, Change("considered", due_at, f"it would {proposal.does}", proposal=proposal))

    def _refused_early(self, of: Remediation, rule: Rule) -> bool:
        """Whether nothing is to be asked any more to know that nothing is done."""
        now, settings = self._clock(), rule.settings
        off = guards.enabled(self._running.configuration.file.remediation)
        if not off.passed:
            self._refuse(of, (off,))
            return True
        if not of.alert.firing:
            self._refuse(of, (Verdict("firing", False, "the alert cannot be read, or is over"),))
            return True
        if _late(of, rule, now):
            self._expire(of, rule)
            return True
        if self._store.remediations.at_once(of) > _PLAINLY_TOO_MANY * settings.max_targets:
            begun = self._store.remediations.at_once(of)
            why = f"{begun} alerts at once, and at most {settings.max_targets} targets may be touched (max_targets)"
            self._refuse(of, (Verdict("max_targets", False, f"{why}: none of them is"),), storm=True)
            return True
        return False

    def _not_proposed(self, of: Remediation, rule: Rule, reason: NotProposed) -> None:
        now = self._clock()
        if reason.later and not _late(of, rule, now):
            self._keep(
                of, Change(of.state, now + timedelta(seconds=_AGAIN_SECONDS), tries=of.tries + 1, detail=str(reason))
            )
            return
        self._refuse(of, (Verdict("target", False, str(reason)),))

    # considered

    def _consider(self, work: _Work, rule: Rule) -> None:
        of = work.remediation
        if self._refused_early(of, rule):
            return
        if self._store.remediations.unplanned():
            # What is proposed by then is not all that there is.
            self._later(of, rule, "payloads wait to be planned", 1.0)
            return
        standing = self._live(of)
        if standing.firing is None:
            self._later(of, rule, f"whether the alert fires cannot be known: {standing.why}", _AGAIN_SECONDS)
            return
        if not standing.firing:
            self._refuse(of, (Verdict("firing", False, standing.why),))
            return
        try:
            # As it is now: what is written names the version that it was decided on.
            proposal = rule.action.propose(of.alert, _PROPOSE_SECONDS)
        except NotProposed as reason:
            self._not_proposed(of, rule, reason)
            return
        said = (*self._judged(of, rule, proposal), *_approval(of, rule, proposal))
        waits = guards.waits_until(said)
        if waits is not None:
            self._keep(of, Change("considered", waits, proposal=proposal, verdicts=said))
            return
        self._decide(work, rule, proposal, said)

    def _decide(self, work: _Work, rule: Rule, proposal: Proposal, said: tuple[Verdict, ...]) -> None:
        of, settings = work.remediation, rule.settings
        asked_first = settings.approval is not None and of.approved_at is None
        act = not (settings.dry_run or asked_first)
        if act and work.left() <= 0:
            self._later(of, rule, "it took too long to decide", _AGAIN_SECONDS)
            return
        begun = self._store.remediations.begin(of, proposal, self._bounds(rule), said, self._clock(), act=act)
        if not begun.held:
            return
        if not begun.allowed:
            self._refuse(replace(of, proposal=proposal), begun.verdicts, storm=begun.storm)
        elif settings.dry_run:
            verdicts = (*begun.verdicts, guards.dry_run(settings))
            self._end(of, "dry_run", f"it would {proposal.does}", proposal=proposal, verdicts=verdicts)
        elif asked_first:
            self._ask_for_approval(of, rule, proposal, begun.verdicts)
        else:
            self._perform(replace(work, remediation=replace(of, state="acting", proposal=proposal)), rule, proposal)

    def _ask_for_approval(self, of: Remediation, rule: Rule, proposal: Proposal, verdicts: tuple[Verdict, ...]) -> None:
        until = self._clock() + timedelta(seconds=rule.settings.approve_within)
        text = f"{proposal.does}? It waits for one of its approvers until {until:%H:%M} UTC"
        tells = self._lines(of, text, loud=True, asks=of.token if rule.settings.approval == "slack" else "")
        asks: tuple[Planned, ...] = ()
        if not tells:
            summary = f"{of.alert.name}: {text}"
            asks = remedy_news.asks(self._running, of, "RemediationNotApproved", summary, _story(of), self._clock())
        change = Change(
            "approval", until, "asked for approval", proposal=proposal, verdicts=verdicts, tells=tells, asks=asks
        )
        self._keep(of, change)

    # acting

    def _perform(self, work: _Work, rule: Rule, proposal: Proposal) -> None:
        of = work.remediation
        if work.left() <= 0:
            # This process was held up; who takes it next looks first, and finds that nothing was done.
            return
        try:
            performed = rule.action.perform(proposal, of.alert, of.token, _PERFORM_SECONDS)
        except NotPerformed as error:
            self._not_performed(of, error)
            return
        self._performed(of, rule, proposal, performed, f"done: {proposal.does}: {performed.detail}")

    def _not_performed(self, of: Remediation, error: NotPerformed) -> None:
        if not error.in_doubt:
            self._end(of, "failed", str(error))
            return
        due_at = self._clock() + timedelta(seconds=_LOOK_AGAIN_SECONDS)
        step = f"it may have been done: {error}"
        self._keep(of, Change("acting", due_at, step, tries=of.tries + 1, detail=str(error)))

    def _performed(self, of: Remediation, rule: Rule, proposal: Proposal, performed: Performed, step: str) -> None:
        now = self._clock()
        due_at = now + timedelta(seconds=rule.settings.verify_after)
        tells = self._lines(of, f"done: {proposal.does}", done=True)
        kept = self._keep(of, Change("verifying", due_at, step, performed=performed, tells=tells))
        if kept:
            self._note(of, rule, proposal, f"{proposal.does}: {of.alert.name} fires (rule {of.rule})", "")

    def _look(self, work: _Work, rule: Rule) -> None:
        """Of what may have been done look whether it was, before it is tried again."""
        of = work.remediation
        if of.proposal is None:
            self._end(of, "unknown", "what was to be done cannot be read any more")
            return
        try:
            performed = rule.action.happened(of.proposal, of.token, _LOOK_SECONDS)
        except NotPerformed as error:
            if of.tries < _MOST_LOOKS:
                self._not_performed(of, NotPerformed(str(error), in_doubt=True))
            else:
                self._end(of, "unknown", f"whether it was done cannot be known: {error}")
            return
        if performed is not None:
            said = f"done, as is seen now: {of.proposal.does}: {performed.detail}"
            self._performed(of, rule, of.proposal, performed, said)
        elif (why := self._not_again(of, rule, of.proposal)) is not None:
            self._end(of, "failed", f"it was not done, and is not tried again: {why}")
        else:
            self._again(work, rule, of.proposal)

    def _again(self, work: _Work, rule: Rule, proposal: Proposal) -> None:
        """Do what is known not to have been done; to the guards it is done from now on."""
        of = work.remediation
        if work.left() <= 0:
            self._keep(of, Change("acting", self._clock(), tries=of.tries))
            return
        begun = self._store.remediations.begin(of, proposal, self._bounds(rule), (), self._clock(), act=True)
        if not begun.held:
            return
        if not begun.allowed:
            against = guards.stopped(begun.verdicts)
            why = f"{against.guard}: {against.why}" if against else "a guard stops it"
            self._end(of, "failed", f"it was not done, and is not tried again: {why}", verdicts=begun.verdicts)
            return
        self._perform(replace(work, remediation=replace(of, tries=of.tries + 1)), rule, proposal)

    def _not_again(self, of: Remediation, rule: Rule, proposal: Proposal) -> str | None:
        """Why what was begun and not done is not done any more; None where it may be."""
        against = guards.stopped(self._judged(of, rule, proposal))
        if against is not None:
            return f"{against.guard}: {against.why}"
        if rule.settings.dry_run:
            return "the rule is in dry run by now"
        if of.tries >= _MOST_PERFORMED:
            return f"it was tried {of.tries} times"
        begun = of.acted_at or of.proposed_at
        if abs((self._clock() - begun).total_seconds()) > rule.settings.valid_for:
            return f"it was begun more than {units.duration(rule.settings.valid_for)} ago (valid_for)"
        standing = self._live(of)
        return None if standing.firing else standing.why

    # verifying

    def _verify(self, work: _Work, rule: Rule) -> None:
        of = work.remediation
        if of.proposal is None or of.performed is None:
            self._end(of, "unknown", "what was done cannot be read any more")
            return
        standing = self._live(of)
        ready = rule.action.ready(of.proposal, of.performed, _LOOK_SECONDS)
        result, detail = _verified(standing, ready)
        if result == "unknown" and of.tries + 1 < _MOST_VERIFIED:
            due_at = self._clock() + timedelta(seconds=_VERIFY_AGAIN_SECONDS)
            self._keep(of, Change("verifying", due_at, f"looked whether it helped: {detail}", tries=of.tries + 1))
            return
        if self._end(of, result, f"{of.proposal.does}: {detail}"):
            self._note(of, rule, of.proposal, f"{result.replace('_', ' ')}: {detail}", "-result")

    # What ends it

    def _not_approved(self, work: _Work, rule: Rule) -> None:
        waited = units.duration(rule.settings.approve_within)
        self._end(work.remediation, "expired", f"nobody approved it within {waited} (approve_within)")

    def _without_rule(self, of: Remediation) -> None:
        if of.state in ("acting", "verifying"):
            self._end(of, "unknown", "the configuration has no such rule any more: nobody looks whether it helped")
        else:
            self._end(of, "refused", "the configuration has no such rule any more")

    def _expire(self, of: Remediation, rule: Rule) -> None:
        waited = f"it could not be done within {units.duration(rule.settings.valid_for)} (valid_for)"
        self._end(of, "expired", f"{waited}: {of.detail}" if of.detail else waited)

    def _refuse(self, of: Remediation, verdicts: tuple[Verdict, ...], *, storm: bool = False) -> None:
        against = guards.stopped(verdicts)
        why = f"{against.guard}: {against.why}" if against else "a guard stopped it"
        told = against is not None and against.guard in _TOLD
        self._end(of, "refused", why, verdicts=verdicts, storm=storm, proposal=of.proposal, silent=not told)

    def _later(self, of: Remediation, rule: Rule, why: str, seconds: float) -> None:
        now = self._clock()
        if _late(of, rule, now):
            self._expire(replace(of, detail=why), rule)
            return
        self._keep(of, Change(of.state, now + timedelta(seconds=seconds), tries=of.tries + 1, detail=why))

    def _end(
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
        now = self._clock()
        does = proposal or of.proposal
        text = _words(result, does.does if does else of.verb, detail)
        tells: tuple[Planned, ...] = ()
        asks: tuple[Planned, ...] = ()
        if storm:
            summary = f"rule {of.rule} touches nothing: {detail}"
            asks = remedy_news.asks(self._running, of, "RemediationStorm", summary, _STORM, now)
        elif not silent:
            tells = self._lines(of, text, loud=result in ("not_fixed", "unknown", "failed"))
            if result in ("not_fixed", "unknown", "failed") or (result == "expired" and of.state == "approval"):
                need = remedy_news.need_of(of, result)
                asks = remedy_news.asks(self._running, of, need, f"{of.alert.name}: {text}", _story(of), now)
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
        if not self._keep(of, change):
            return False
        telemetry.REMEDIATIONS.labels(of.rule, of.verb, result).inc()
        return True

    def _keep(self, of: Remediation, change: Change) -> bool:
        kept = self._store.remediations.change(of, change, self._clock())
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

    # What it asks

    def _bounds(self, rule: Rule) -> Bounds:
        return guards.bounds(rule.settings, self._running.configuration.file.remediation)

    def _judged(self, of: Remediation, rule: Rule, proposal: Proposal) -> tuple[Verdict, ...]:
        everything = self._running.configuration.file.remediation
        return guards.judge(
            rule.settings, everything, self._running.own_namespace, of.alert, proposal.target, self._clock()
        )

    def _live(self, of: Remediation) -> Live:
        return live(of.alert, of.group_key, self._store, self._running, _LIVE_SECONDS, destination=of.destination)

    def _lines(
        self, of: Remediation, text: str, *, loud: bool = False, done: bool = False, asks: str = ""
    ) -> tuple[Planned, ...]:
        about = remedy_news.about(of.alert) if loud else ()
        entry = Entry(
            "remediation", f"{text} (rule {of.rule})", self._clock(), loud=loud, about=about, asks=asks, done=done
        )
        return remedy_news.lines(self._running, of, self._store.remediations.hearers(of.group_key), entry)

    def _note(self, of: Remediation, rule: Rule, proposal: Proposal, text: str, suffix: str) -> None:
        """Leave a word with the target; it is no less done without."""
        why = rule.action.note(proposal, text, f"{of.token}{suffix}", self._clock(), _NOTE_SECONDS)
        if why:
            _log.warning("no word could be left with the target", reason=why, remediation_id=of.id, rule=of.rule)


@dataclass(frozen=True, slots=True)
class _Work:
    """One remediation in hand, its rule, and how many seconds are left in which something may be done about it."""

    remediation: Remediation
    rule: Rule | None
    left: Callable[[], float]


_STORM = (
    "So many things at once are seldom mended one by one: look for what they have in common. What is refused now is"
    " looked at anew when its alert comes again."
)


def _late(of: Remediation, rule: Rule, now: datetime) -> bool:
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


def _approval(of: Remediation, rule: Rule, proposal: Proposal) -> tuple[Verdict, ...]:
    """Whether what somebody approved is what would be done now."""
    if rule.settings.approval is None or of.approved_at is None:
        return ()
    if of.proposal is None or of.proposal.does != proposal.does:
        shown = of.proposal.does if of.proposal else "something else"
        return (Verdict("approval", False, f"what was approved was to {shown}; now it would {proposal.does}"),)
    return (Verdict("approval", True, f"approved by {of.approved_by}"),)


def _verified(standing: Live, ready: Ready) -> tuple[RemediationResult, str]:
    """What came of it, by whether the alert fires yet and how the target is."""
    fires = {True: "the alert still fires", False: "the alert is over" if standing.over else standing.why}
    alert = fires.get(standing.firing, f"whether the alert fires cannot be known: {standing.why}")  # type: ignore[arg-type]
    said = "; ".join(filter(None, (alert, ready.detail)))
    if standing.firing or ready.ready is False:
        return "not_fixed", said
    if standing.over:
        return "fixed", said
    return "unknown", said


def _words(result: RemediationResult, does: str, detail: str) -> str:
    """What came of it, on one line."""
    if result == "dry_run":
        return f"dry run: would {does}"
    if result in ("fixed", "not_fixed"):
        return f"{result.replace('_', ' ')}: {detail}"
    word = {"refused": "not done", "expired": "not done", "failed": "not done", "unknown": "unknown"}[result]
    return f"{word}: {does}: {detail}"


def _story(of: Remediation) -> str:
    """What happened so far, a line each."""
    return "\n".join(f"{each.at:%H:%M:%S} UTC {each.what}" for each in of.steps[-10:])
