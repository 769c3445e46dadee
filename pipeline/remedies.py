"""Do something about alerts: take what is due, take one step with each, and tell who was asked that it is over.

Every process does so; what one holds no other touches. While no rule is configured nothing is looked at but what an
earlier configuration has left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog

import telemetry
from alerts.remediation import Approval
from alerts.timeline import Entry
from outbox.database import StoreError
from outbox.records import Remediation
from outbox.store import Store
from pipeline import remedy_news
from pipeline.background import Background
from pipeline.remedy_steps import LEASE_SECONDS, Steps
from pipeline.running import Current
from pipeline.wake import Wake

_AT_ONCE = 4
_LOOK_SECONDS = 0.5
_BEAT_SECONDS = 15.0
_ENDINGS_SECONDS = 5.0
_ENDINGS_AT_ONCE = 50
_RETRY_SECONDS = 0.5
_LONGEST_NAME = 100

_log = structlog.get_logger("remedy")


class Remedies(Background):
    """Takes steps, in threads of its own.

    Args:
        current: what runs now, asked for each step.
        told: called with the destinations for which there is something to deliver.
    """

    def __init__(
        self,
        current: Current,
        store: Store,
        clock: Callable[[], datetime],
        told: Callable[[set[str]], None] = lambda destinations: None,
    ) -> None:
        super().__init__("remedies")
        self._current = current
        self._store = store
        self._clock = clock
        self._told = told
        self._threads = ThreadPoolExecutor(_AT_ONCE, "remedy")
        self._beat_at = 0.0
        self._endings_at = 0.0
        self.wake = Wake()

    def look(self) -> int:
        """Take one step with each that is due; how many were.

        Raises:
            StoreError: not all were looked at.
        """
        self._beat()
        if not self._store.remediations.waits(self._clock()):
            return 0
        taken = self._store.remediations.claim(self._clock(), LEASE_SECONDS, _AT_ONCE)
        for future in [self._threads.submit(self._step, each) for each in taken]:
            future.result()
        return len(taken)

    def end(self) -> None:
        """Have those who were asked to see to something hear that its alert is over.

        Raises:
            StoreError: not all were told.
        """
        for ending in self._store.remediations.endings(_ENDINGS_AT_ONCE):
            tells = remedy_news.ends(self._current(), ending, self._clock())
            self._store.remediations.end(ending, tells, self._clock())
            self._told({each.notification.destination for each in tells})

    def decide(
        self, token: str, who: str, name: str, via: Approval, question: str | None = None, *, approved: bool
    ) -> str:
        """Keep that somebody approved something, or declined it.

        Args:
            who: as `approvers` has them.
            name: as people call them.
            question: that they were shown; None where it is not known what they were.

        Returns:
            Why it is not kept, in words for them; "" where it is.

        Raises:
            StoreError: it is not kept.
        """
        of = self._store.remediations.by_token(token)
        if of is None:
            return "There is no such remediation any more."
        rule = self._current().rule_of(of)
        if not of.waits_for_approval or rule is None:
            return f"It does not wait for approval any more: {of.detail or of.state}."
        if rule.settings.approval != via:
            return f"It is to be approved {'in Slack' if rule.settings.approval == 'slack' else 'on the page'}."
        if question is not None and question != of.question:
            return "It was asked anew since then, and may be about something else by now: answer the newest question."
        if who not in rule.settings.approvers:
            _log.warning("not one of the approvers", remediation_id=of.id, rule=of.rule, who=who[:_LONGEST_NAME])
            return "You are not one of the approvers of this rule."
        shown = " ".join(name.split())[:_LONGEST_NAME] or who
        by = shown if shown == who else f"{shown} ({who})"
        now = self._clock()
        does = of.proposal.does if of.proposal else of.verb
        text = f"{'approved' if approved else 'declined'} by {by}: {does} (rule {of.rule})"
        hearers = self._store.remediations.hearers(of.group_key, of.alert.starts_at)
        tells = remedy_news.lines(self._current(), of, hearers, Entry("remediation", text, now))
        if not self._store.remediations.decide(token, approved=approved, by=by, now=now, tells=tells):
            return "It does not wait for approval any more."
        if not approved:
            telemetry.REMEDIATIONS.labels(of.rule, of.verb, "declined").inc()
        _log.info("approved" if approved else "declined", remediation_id=of.id, rule=of.rule, who=who[:_LONGEST_NAME])
        self.wake.ring()
        self._told({each.notification.destination for each in tells})
        return ""

    def stop(self, timeout_seconds: float) -> None:
        """Take no further step, and wait for those in hand."""
        super().stop(timeout_seconds)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _interrupt(self) -> None:
        self.wake.ring()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                found = self.look()
                if time.monotonic() >= self._endings_at:
                    self._endings_at = time.monotonic() + _ENDINGS_SECONDS
                    self.end()
                if not found:
                    self.wake.wait(_LOOK_SECONDS)
            except StoreError as error:
                _log.error("cannot look for what is to be done about alerts", error=str(error))
                self._stopping.wait(_RETRY_SECONDS)
            except Exception:
                # Whatever it is, the next is to be looked at all the same.
                _log.exception("remediation was interrupted")
                self._stopping.wait(_RETRY_SECONDS)

    def _step(self, remediation: Remediation) -> None:
        steps = Steps(self._current(), self._store, self._clock, self._told)
        try:
            try:
                steps.take(remediation)
            except StoreError:
                raise
            except Exception as error:
                # A defect of a rule's action: others are to be looked at, and this one not for ever.
                _log.exception("a step failed", remediation_id=remediation.id)
                steps.broke(remediation, error)
        except StoreError as error:
            _log.error(
                "a step is not kept; it is taken again once its lease is over",
                remediation_id=remediation.id,
                error=str(error),
            )

    def _beat(self) -> None:
        """Have the clock of the guards go on while there are rules."""
        if self._current().ruled and time.monotonic() >= self._beat_at:
            self._store.remediations.beat()
            self._beat_at = time.monotonic() + _BEAT_SECONDS
