"""Something is done, at most once; of what may have been done it is looked whether it was, and of what was whether it
helped.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

import units
from alerts.remediation import NotPerformed, Performed, Proposal, Ready, RemediationResult, Verdict
from outbox.records import Remediation
from outbox.remediation_guards import WRITE_SECONDS
from outbox.remediations import Change
from pipeline import guards
from pipeline.live import Live
from pipeline.remedy_desk import Desk, Work
from pipeline.running import Rule

# The guards leave 15 s for a write to take place in, from the moment on at which they allowed it.
_PERFORM_SECONDS = 10.0
_LEAST_SECONDS = 1.0
# Who sent a write may have died since, and it be under way: so long nobody is told that it was not done.
_ARRIVES_SECONDS = 30.0
_LOOK_SECONDS = 8.0
_LOOK_AGAIN_SECONDS = 10.0
_LOOK_SOON_SECONDS = 5.0
_VERIFY_AGAIN_SECONDS = 20.0
_MOST_LOOKS = 6
_MOST_PERFORMED = 3
_MOST_VERIFIED = 3

_log = structlog.get_logger("remedy")


def perform(desk: Desk, work: Work, rule: Rule, proposal: Proposal, asked_at: float, *, again: bool = False) -> None:
    """Do what the guards allow.

    Args:
        asked_at: when they were asked, by the clock of the work.
        again: it was tried before, and may have been done by that, whatever comes of this.
    """
    of = work.remediation
    left_seconds = asked_at + _PERFORM_SECONDS - work.lived()
    if work.left() <= 0 or left_seconds < _LEAST_SECONDS:
        # This process was held up; who takes it next looks first, and finds that nothing was done.
        return
    try:
        performed = rule.action.perform(proposal, of.alert, of.token, left_seconds)
    except NotPerformed as error:
        _not_performed(desk, of, NotPerformed(str(error), in_doubt=error.in_doubt or again))
        return
    except Exception as error:
        # A defect of a rule's action, which says nothing of what was written.
        _log.exception("a step failed", remediation_id=of.id)
        said = f"a step failed: {type(error).__name__} (the log has it)"
        _not_performed(desk, of, NotPerformed(said, in_doubt=True))
        return
    _performed(desk, of, rule, proposal, performed, f"done: {proposal.does}: {performed.detail}")


def look(desk: Desk, work: Work, rule: Rule) -> None:
    """Of what may have been done look whether it was, before it is tried again."""
    of = work.remediation
    if of.proposal is None:
        desk.end(of, "unknown", "what was to be done cannot be read any more")
        return
    if not of.detail and of.acted_seconds < WRITE_SECONDS:
        # Nobody has said what came of the write: one who does it yet may have lost the lease to a clock that jumped.
        desk.keep(of, Change("acting", desk.clock() + timedelta(seconds=_LOOK_SOON_SECONDS), tries=of.tries))
        return
    try:
        performed = rule.action.happened(of.proposal, of.token, _LOOK_SECONDS)
    except NotPerformed as error:
        if of.tries < _MOST_LOOKS:
            _not_performed(desk, of, NotPerformed(str(error), in_doubt=True))
        else:
            desk.end(of, "unknown", f"whether it was done cannot be known: {error}")
        return
    if performed is not None:
        said = f"done, as is seen now: {of.proposal.does}: {performed.detail}"
        _performed(desk, of, rule, of.proposal, performed, said)
    elif (why := _not_again(desk, of, rule, of.proposal)) is not None:
        _not_done(desk, of, why)
    else:
        _again(desk, work, rule, of.proposal)


def verify(desk: Desk, work: Work, rule: Rule) -> None:
    """Look whether what was done has helped."""
    of = work.remediation
    if of.proposal is None or of.performed is None:
        desk.end(of, "unknown", "what was done cannot be read any more")
        return
    standing = desk.live(of)
    ready = rule.action.ready(of.proposal, of.performed, _LOOK_SECONDS)
    result, detail = _verified(standing, ready)
    if result == "unknown" and of.tries + 1 < _MOST_VERIFIED:
        due_at = desk.clock() + timedelta(seconds=_VERIFY_AGAIN_SECONDS)
        desk.keep(of, Change("verifying", due_at, f"looked whether it helped: {detail}", tries=of.tries + 1))
        return
    if desk.end(of, result, f"{of.proposal.does}: {detail}"):
        desk.note(of, rule, of.proposal, f"{result.replace('_', ' ')}: {detail}", "-result")


def _not_performed(desk: Desk, of: Remediation, error: NotPerformed) -> None:
    if not error.in_doubt:
        desk.end(of, "failed", str(error))
        return
    due_at = desk.clock() + timedelta(seconds=_LOOK_AGAIN_SECONDS)
    step = f"it may have been done: {error}"
    desk.keep(of, Change("acting", due_at, step, tries=of.tries + 1, detail=str(error)))


def _performed(desk: Desk, of: Remediation, rule: Rule, proposal: Proposal, performed: Performed, step: str) -> None:
    now = desk.clock()
    due_at = now + timedelta(seconds=rule.settings.verify_after)
    tells = desk.lines(of, f"done: {proposal.does}", done=True)
    kept = desk.keep(of, Change("verifying", due_at, step, performed=performed, tells=tells))
    if kept:
        desk.note(of, rule, proposal, f"{proposal.does}: {of.alert.name} fires (rule {of.rule})", "")


def _again(desk: Desk, work: Work, rule: Rule, proposal: Proposal) -> None:
    """Do what is known not to have been done; to the guards it is done from now on."""
    of = work.remediation
    if work.left() <= 0:
        desk.keep(of, Change("acting", desk.clock(), tries=of.tries))
        return
    asked_at = work.lived()
    begun = desk.store.remediations.begin(of, proposal, desk.bounds(rule), (), desk.clock(), act=True)
    if not begun.held:
        return
    if not begun.allowed:
        against = guards.stopped(begun.verdicts)
        _not_done(desk, of, f"{against.guard}: {against.why}" if against else "a guard stops it", begun.verdicts)
        return
    perform(desk, work, rule, proposal, asked_at, again=True)


def _not_done(desk: Desk, of: Remediation, why: str, verdicts: tuple[Verdict, ...] | None = None) -> None:
    """Keep that it was not done and is not tried again, once nothing can arrive any more."""
    now = desk.clock()
    left_seconds = _ARRIVES_SECONDS - (now - (of.acted_at or of.proposed_at)).total_seconds()
    if 0 < left_seconds <= _ARRIVES_SECONDS:
        due_at = now + timedelta(seconds=left_seconds)
        desk.keep(of, Change("acting", due_at, tries=of.tries, detail=why, verdicts=verdicts))
        return
    desk.end(of, "failed", f"it was not done, and is not tried again: {why}", verdicts=verdicts)


def _not_again(desk: Desk, of: Remediation, rule: Rule, proposal: Proposal) -> str | None:
    """Why what was begun and not done is not done any more; None where it may be."""
    against = guards.stopped(desk.judged(of, rule, proposal))
    if against is not None:
        return f"{against.guard}: {against.why}"
    if rule.settings.dry_run:
        return "the rule is in dry run by now"
    if of.tries >= _MOST_PERFORMED:
        return f"it was tried and looked for {of.tries} times"
    begun = of.acted_at or of.proposed_at
    if abs((desk.clock() - begun).total_seconds()) > rule.settings.valid_for:
        return f"it was begun more than {units.duration(rule.settings.valid_for)} ago (valid_for)"
    standing = desk.live(of)
    return None if standing.firing else standing.why


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
