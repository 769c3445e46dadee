"""Whether something is done about an alert: its target is found, and every guard is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import units
from alerts.remediation import NotProposed, Proposal, Verdict
from outbox.records import Planned, Remediation
from outbox.remediations import Change
from pipeline import guards, remedy_news
from pipeline.remedy_acting import perform
from pipeline.remedy_desk import Desk, Work, late, story
from pipeline.running import Rule

_PROPOSE_SECONDS = 8.0
_AGAIN_SECONDS = 5.0
_LONGEST_WAIT = timedelta(hours=1)
# So many times what may be touched, and nobody need be asked what each of them is about.
_PLAINLY_TOO_MANY = 10
_LONGEST_APPROVERS = 200


def propose(desk: Desk, work: Work, rule: Rule) -> None:
    """Find what would be done, and to what."""
    of = work.remediation
    if _refused_early(desk, of, rule):
        return
    try:
        proposal = rule.action.propose(of.alert, _PROPOSE_SECONDS)
    except NotProposed as reason:
        _not_proposed(desk, of, rule, reason)
        return
    now = desk.clock()
    due_at = max(now, of.proposed_at + timedelta(seconds=rule.settings.settle))
    # A clock that was put back holds nothing up for long.
    due_at = min(due_at, now + timedelta(seconds=rule.settings.settle))
    desk.keep(of, Change("considered", due_at, f"it would {proposal.does}", proposal=proposal))


def consider(desk: Desk, work: Work, rule: Rule) -> None:
    """Ask every guard, and act where all allow it."""
    of = work.remediation
    if _refused_early(desk, of, rule):
        return
    if desk.store.remediations.unplanned():
        # What is proposed by then is not all that there is.
        desk.later(of, rule, "payloads wait to be planned", 1.0)
        return
    try:
        # As it is now: what is written names the version that it was decided on.
        proposal = rule.action.propose(of.alert, _PROPOSE_SECONDS)
    except NotProposed as reason:
        _not_proposed(desk, of, rule, reason)
        return
    said = (*desk.judged(of, rule, proposal), *_approval(of, rule, proposal))
    waits = guards.waits_until(said)
    if waits is not None:
        # What is put off for days is taken for what a clock that jumped has put off, and looked at all the time.
        waits = min(waits, desk.clock() + _LONGEST_WAIT)
        desk.keep(of, Change("considered", waits, proposal=proposal, verdicts=said))
        return
    if guards.stopped(said) is not None:
        desk.refuse(replace(of, proposal=proposal), said)
        return
    # Last of all, right before it is done.
    standing = desk.live(of)
    if standing.firing is None:
        desk.later(of, rule, f"whether the alert fires cannot be known: {standing.why}", _AGAIN_SECONDS)
        return
    if not standing.firing:
        desk.refuse(replace(of, proposal=proposal), (*said, Verdict("live", False, standing.why)))
        return
    fires = Verdict("live", True, "it fires, as all say that were asked right before")
    _decide(desk, work, rule, proposal, (*said, fires))


def not_approved(desk: Desk, work: Work, rule: Rule) -> None:
    """End what nobody has approved in time."""
    waited = units.duration(rule.settings.approve_within)
    desk.end(work.remediation, "expired", f"nobody approved it within {waited} (approve_within)")


def _refused_early(desk: Desk, of: Remediation, rule: Rule) -> bool:
    """Whether nothing is to be asked any more to know that nothing is done."""
    now, settings = desk.clock(), rule.settings
    off = guards.enabled(desk.running.configuration.file.remediation)
    if not off.passed:
        desk.refuse(of, (off,))
        return True
    if not of.alert.firing:
        desk.refuse(of, (Verdict("firing", False, "the alert cannot be read, or is over"),))
        return True
    if late(of, rule, now):
        desk.expire(of, rule)
        return True
    count = desk.store.remediations.at_once(of)
    if count > _PLAINLY_TOO_MANY * settings.max_targets:
        why = f"{count} alerts at once, and at most {settings.max_targets} targets may be touched"
        desk.refuse(of, (Verdict("max_targets", False, f"{why}: none of them is"),), storm=True)
        return True
    return False


def _not_proposed(desk: Desk, of: Remediation, rule: Rule, reason: NotProposed) -> None:
    now = desk.clock()
    if reason.later and not late(of, rule, now):
        desk.keep(of, Change(of.state, now + timedelta(seconds=_AGAIN_SECONDS), tries=of.tries + 1, detail=str(reason)))
        return
    desk.refuse(of, (Verdict("target", False, str(reason)),))


def _decide(desk: Desk, work: Work, rule: Rule, proposal: Proposal, said: tuple[Verdict, ...]) -> None:
    of, settings = work.remediation, rule.settings
    asked_first = settings.approval is not None and of.approved_at is None
    dry_run = guards.dry_run(settings, taken_up_so=of.dry_run)
    act = dry_run.passed and not asked_first
    if act and work.left() <= 0:
        desk.later(of, rule, "it took too long to decide", _AGAIN_SECONDS)
        return
    asked_at = work.lived()
    begun = desk.store.remediations.begin(of, proposal, desk.bounds(rule), said, desk.clock(), act=act)
    if not begun.held:
        return
    if not begun.allowed:
        desk.refuse(replace(of, proposal=proposal), begun.verdicts, storm=begun.storm)
    elif not dry_run.passed:
        verdicts = (*begun.verdicts, dry_run)
        desk.end(of, "dry_run", f"it would {proposal.does}", proposal=proposal, verdicts=verdicts)
    elif asked_first:
        _ask_for_approval(desk, of, rule, proposal, begun.verdicts)
    else:
        acting = replace(of, state="acting", tries=0, proposal=proposal)
        perform(desk, replace(work, remediation=acting), rule, proposal, asked_at)


def _ask_for_approval(
    desk: Desk, of: Remediation, rule: Rule, proposal: Proposal, verdicts: tuple[Verdict, ...]
) -> None:
    until = desk.clock() + timedelta(seconds=rule.settings.approve_within)
    text = f"{proposal.does}? It waits for {_approvers(desk, of, rule)} until {until:%H:%M} UTC"
    asked = replace(of, proposal=proposal, due_at=until)
    in_slack = rule.settings.approval == "slack"
    tells = desk.lines(of, text, loud=True, asks=f"{of.token}:{asked.question}" if in_slack else "")
    asks: tuple[Planned, ...] = ()
    if not tells:
        summary = f"{of.alert.name}: {text} (rule {of.rule})"
        asks = remedy_news.asks(desk.running, of, "RemediationNeedsAttention", summary, story(of), desk.clock())
    change = Change(
        "approval", until, "asked for approval", proposal=proposal, verdicts=verdicts, tells=tells, asks=asks
    )
    desk.keep(of, change)


def _approvers(desk: Desk, of: Remediation, rule: Rule) -> str:
    """Who is to approve it, and where: in Slack the buttons are below."""
    if rule.settings.approval == "slack":
        return "one of its approvers"
    names = ", ".join(rule.settings.approvers)[:_LONGEST_APPROVERS]
    return f"{names}, at {remedy_news.page(desk.running, of) or f'/remediations/{of.id}'},"


def _approval(of: Remediation, rule: Rule, proposal: Proposal) -> tuple[Verdict, ...]:
    """Whether what somebody approved is what would be done now."""
    if rule.settings.approval is None or of.approved_at is None:
        return ()
    if of.proposal is None or of.proposal.does != proposal.does:
        shown = of.proposal.does if of.proposal else "something else"
        return (Verdict("approval", False, f"what was approved was to {shown}; now it would {proposal.does}"),)
    return (Verdict("approval", True, f"approved by {of.approved_by}"),)
