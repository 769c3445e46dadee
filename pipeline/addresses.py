"""Whom a receiver tells: those of its actions that are no rules."""

from __future__ import annotations

from config.schema import Receiver
from outbox.announcing import Address


def addresses(receiver: Receiver | None) -> tuple[Address, ...]:
    """Where what this service says of itself goes; nowhere where there is no receiver. A rule is told nothing."""
    if receiver is None:
        return ()
    return tuple(
        Address(receiver.name, each.kind, each.index, each.settings.send_resolved)
        for each in receiver.actions
        if not each.settings.remedies
    )
