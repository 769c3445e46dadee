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
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.remediation import RemediationState
from outbox.records import Remediation
from outbox.remediations import Change
from outbox.store import Store
from pipeline.remedy_acting import look, verify
from pipeline.remedy_deciding import consider, not_approved, propose
from pipeline.remedy_desk import Desk, Work
from pipeline.running import Rule, Running

LEASE_SECONDS = 60.0
"""For how long one is held: longer than all that a step waits for."""

# Of a lease: what is begun later than this is left to who takes it next.
_ACT_WITHIN_SECONDS = 30.0
_BROKE_AGAIN_SECONDS = 10.0
_MOST_BROKEN = 6
_STEPS: Mapping[RemediationState, Callable[[Desk, Work, Rule], None]] = {
    "proposed": propose,
    "considered": consider,
    "approval": not_approved,
    "acting": look,
    "verifying": verify,
}


class Steps:
    """Takes one step.

    Args:
        told: called with the destinations for which there is something to deliver.
        lived: seconds by a clock that nobody sets.
    """

    def __init__(
        self,
        running: Running,
        store: Store,
        clock: Callable[[], datetime],
        told: Callable[[set[str]], None] = lambda destinations: None,
        lived: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk = Desk(running, store, clock, told)
        self._lived = lived

    def take(self, remediation: Remediation) -> None:
        """Take the next step of one that was claimed just now.

        Raises:
            StoreError: it is not kept; the step is taken again once the lease is over.
        """
        begun = self._lived()
        rule = self._desk.running.rule_of(remediation)
        if rule is None:
            self._without_rule(remediation)
            return
        work = Work(remediation, self._lived, begun + _ACT_WITHIN_SECONDS)
        _STEPS[remediation.state](self._desk, work, rule)

    def broke(self, remediation: Remediation, error: Exception) -> None:
        """Keep that a step failed for no reason that was foreseen; what goes on failing ends.

        Raises:
            StoreError: it is not kept.
        """
        said = f"a step failed: {type(error).__name__} (the log has it)"
        remediation = self._now(remediation)
        if remediation.tries < _MOST_BROKEN:
            due_at = self._desk.clock() + timedelta(seconds=_BROKE_AGAIN_SECONDS)
            self._desk.keep(remediation, Change(remediation.state, due_at, said, tries=remediation.tries + 1))
        elif remediation.acted_at is None:
            self._desk.end(remediation, "refused", said)
        else:
            self._desk.end(remediation, "unknown", said)

    def _now(self, of: Remediation) -> Remediation:
        """As it is by now: within a step it may have come to where it may have been done."""
        found = self._desk.store.remediations.get(of.id)
        return of if found is None else replace(found, lease_until=of.lease_until)

    def _without_rule(self, of: Remediation) -> None:
        said = "the configuration has no such rule any more"
        if of.state in ("acting", "verifying"):
            self._desk.end(of, "unknown", f"{said}: nobody looks whether it helped")
        else:
            self._desk.end(of, "refused", said)
