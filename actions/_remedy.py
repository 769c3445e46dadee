"""What an action is that does something about an alert.

Its module has, beside a class `Settings` that extends `RemedySettings`, a class `Action` made with
`Action(settings, http, cluster)`. It decides nothing: whether something may be done, when, how often and by whose leave
is the pipeline's to say, which asks it what it would do, has it done once, and looks what came of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from alerts.model import Alert
from alerts.notification import Notification, Preview, Receipt, Thread
from alerts.remediation import Performed, Proposal, Ready

# What a write is known by, at the far side, too: "r" and hexadecimal digits, a name by RFC 1123.
Token = str


@runtime_checkable
class Remedy(Protocol):
    """One way to do something about an alert."""

    def propose(self, alert: Alert, deadline_seconds: float) -> Proposal:
        """Find what would be done about an alert, and to what, by its labels; only reads.

        Raises:
            NotProposed: there is nothing to be done, or that cannot be known.
        """
        ...

    def perform(self, proposal: Proposal, alert: Alert, token: Token, deadline_seconds: float) -> Performed:
        """Do it: one write, that changes nothing where the target is not any more as it was when it was proposed.

        Args:
            token: the same however often the same proposal is tried; the far side is to know the write by it.

        Raises:
            NotPerformed: it is not done, or may not be.
        """
        ...

    def happened(self, proposal: Proposal, token: Token, deadline_seconds: float) -> Performed | None:
        """Look whether a write took place of which the answer was lost; None where it is known that it did not, and
        that it changes nothing if it arrives yet.

        Raises:
            NotPerformed: that cannot be known.
        """
        ...

    def ready(self, proposal: Proposal, performed: Performed, deadline_seconds: float) -> Ready:
        """Look whether the target is as it is to be after it was done; never raises for a far side in trouble."""
        ...

    def note(self, proposal: Proposal, text: str, token: Token, at: datetime, deadline_seconds: float) -> str:
        """Leave a word about it with the target, where its far side has a place for such: a Kubernetes Event.

        Returns:
            Why that could not be done, short and without secrets; "" where it was, or there is no such place.
        """
        ...


class RemedyAction:
    """What all that do something about alerts have in common as actions."""

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Have what fires taken up: what comes of each alert is a remediation of its own, kept with the receipt."""
        firing = notification.group.firing
        count = f"{len(firing)} {'alert' if len(firing) == 1 else 'alerts'}"
        return Receipt(f"{count} taken up; what comes of it stands at /api/v1/remediations", thread, takes_up=firing)

    def preview(self, notification: Notification) -> Preview:
        """What is taken up, by fingerprint; what would be done about it is asked by `explain`."""
        return Preview({"takes_up": [alert.fingerprint for alert in notification.group.firing]})
