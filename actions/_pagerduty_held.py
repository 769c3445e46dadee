"""What PagerDuty holds of a group after a send that failed: of each incident what was taken, and what may have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from actions._pagerduty_incidents import Incident, base_key, open_incidents
from actions._pagerduty_keys import Keys, credential
from alerts.notification import Notification, Thread


@dataclass(slots=True)
class Outcome:
    """What became of the events of one send, by the dedup keys of their incidents.

    Attributes:
        taken: PagerDuty has them.
        lost: they were sent, and how they were answered is not known.
        left_behind: incidents that hear of no end any more, which was said.
        routes: the routing keys through which an incident that was sent may be open as of now.
    """

    taken: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    left_behind: set[str] = field(default_factory=set)
    routes: dict[str, Sequence[str]] = field(default_factory=dict)


def held(found: Sequence[Incident], outcome: Outcome, notification: Notification, thread: Thread, keys: Keys) -> Thread:
    """The thread after a send that failed: a further attempt tells by it only what is to be told yet.

    Where all was in doubt, each incident is by itself from here on.

    Raises:
        SendError: see `Keys.through`.
    """
    before = open_incidents(notification, thread)
    incidents: dict[str, tuple[str, ...]] = {}
    again: list[str] = []
    for each in found:
        if each.key in outcome.left_behind:
            continue
        stays = _stays(each, outcome, before, thread)
        if stays is not None:
            incidents[each.key] = stays
            again += _again(each, outcome, stays, thread)
            if not each.known:
                outcome.routes.setdefault(each.key, keys.all())
    still_open = dict.fromkeys(each for fingerprints in incidents.values() for each in fingerprints)
    routes = {key: through for key, through in outcome.routes.items() if key in incidents}
    return replace(
        thread,
        key=base_key(notification, thread),
        incidents=incidents,
        open_fingerprints=tuple(still_open),
        credential=credential(incidents, routes, thread.credential, keys),
        attempted=False,
        again=tuple(dict.fromkeys([*again, *(each for each in thread.again if _untold(each, incidents, outcome))])),
    )


def _stays(
    each: Incident, outcome: Outcome, before: Mapping[str, tuple[str, ...]], thread: Thread
) -> tuple[str, ...] | None:
    """The alerts in an incident that is open, or may be; None where it is not."""
    if each.event is None or each.key in outcome.taken:
        return each.holds or None
    if each.event == "trigger" and each.key in outcome.lost:
        return tuple(dict.fromkeys((*before.get(each.key, ()), *each.holds)))
    if each.known:
        return before[each.key]
    # After doubt nobody knows whether it is open; the end of one that nothing is known of is told in any case.
    return each.holds if thread.attempted else None


def _again(each: Incident, outcome: Outcome, stays: Sequence[str], thread: Thread) -> Sequence[str]:
    """What is to be told again of an incident though it is in it: it may be over there, or did not hear the news."""
    if each.key in outcome.taken:
        return ()
    if thread.attempted or each.key in outcome.lost:
        return stays
    # Of what is new in one that is known something is not in it yet: that is told without being told again.
    return stays if each.event == "trigger" and not each.news else ()


def _untold(fingerprint: str, incidents: Mapping[str, tuple[str, ...]], outcome: Outcome) -> bool:
    """Whether it is in an incident that was not told."""
    return any(fingerprint in held for key, held in incidents.items() if key not in outcome.taken)
