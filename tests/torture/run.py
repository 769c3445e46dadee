"""One run: load and trouble for a time, then rest, then the verdict."""

import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import requests

from tests.service import Service
from tests.torture.clients import Accepted, Client
from tests.torture.far_side import FailingPagerDuty
from tests.torture.killer import Killer
from tests.torture.verdict import Verdict, judge

GROUPS = 40
CLIENTS = 12
LEASE_SECONDS = 5.0
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
# What a freeze of a process may hide is a lease's end; what it had begun to send comes right when it goes on.
_THAW_SECONDS = 1.0
# A process that was in the middle of something when all seemed done.
_LINGER_SECONDS = 1.0
_SETTLED = {"delivered", "superseded", "digested", "suppressed", "dead"}
_KEPT = {"planned", "duplicate"}
# What the log must not hold: these are mistakes of our own, whatever happens around the service.
_MISTAKES = (
    "Traceback",
    "planning was interrupted",
    "delivering was interrupted",
    "a delivery was not finished",
    "the action failed",
    "the enrichment failed",
    "cannot be planned",
    "cannot be read any more",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run was like, in a line, and what was wrong."""

    summary: str
    wrong: tuple[str, ...]


def torture(database_url: str, folder: Path, *, seconds: float, seed: int, quiet_seconds: float) -> Outcome:
    """Runs it.

    Args:
        database_url: Of an empty database: one service on SQLite, else two that share it.
        folder: A temporary one.
        seconds: How long there is load and trouble.
        quiet_seconds: How long the service may then take to come to rest.
    """
    dice = Random(seed)
    accepted = Accepted()
    with ExitStack() as stack:
        pagerduty = stack.enter_context(FailingPagerDuty(Random(dice.random())))
        config, environment = _config(pagerduty), {"DATABASE_URL": database_url}
        names = ["replica0"] if database_url.startswith("sqlite") else ["replica0", "replica1"]
        replicas = [stack.enter_context(Service(folder / name, environment, config)) for name in names]
        killer = _load(replicas, pagerduty, accepted, seconds, dice)
        pagerduty.calm = True
        begun = time.monotonic()
        rest = _Rest(replicas[0], accepted.events)
        while not rest.look() and time.monotonic() - begun < quiet_seconds:
            time.sleep(0.2)
        took = time.monotonic() - begun
        time.sleep(_LINGER_SECONDS)
        log = "".join(replica.log for replica in replicas)
    thaws = [
        (freeze.thawed_at, freeze.thawed_at + _THAW_SECONDS)
        for freeze in killer.freezes
        if freeze.thawed_at - freeze.frozen_at > LEASE_SECONDS / 2
    ]
    delivered = [accepted.events[number] for number in rest.delivered if number in accepted.events]
    verdict = judge(accepted.histories, pagerduty.arrivals, delivered, thaws)
    wrong = [
        *accepted.troubles,
        *killer.troubles,
        *(f"PagerDuty refused {refusal.status}: {refusal.errors}" for refusal in pagerduty.refused),
        *(f"not at rest after {quiet_seconds:.0f} s: {each}" for each in rest.unsettled()),
        *rest.wrong(),
        *(f"event {number} is the answer to more than one post" for number in accepted.shared_ids),
        *verdict.wrong,
        *(f"late: {each}" for each in verdict.late),
        *mistakes(log),
    ]
    # Each freeze can leave the few sends behind that it found between two instructions: seldom, and never many.
    if len(verdict.frozen) > 1 + seconds / 60:
        wrong += [f"late, and too many for a freeze: {each}" for each in verdict.frozen]
    return Outcome(_summary(seed, accepted, killer, pagerduty, verdict, rest, took), tuple(wrong))


def _config(pagerduty: FailingPagerDuty) -> str:
    return f"""
delivery: {{lease: {LEASE_SECONDS:.0f}s}}
route: {{receiver: on-call}}
receivers:
- name: on-call
  pagerduty_configs: [{{routing_key: {ROUTING_KEY}, url: '{pagerduty.url}'}}]
"""


def _load(
    replicas: Sequence[Service], pagerduty: FailingPagerDuty, accepted: Accepted, seconds: float, dice: Random
) -> Killer:
    """Posts, kills and freezes; when it returns every group's last state is accepted, and all is up."""
    finish_killing, finish_posting = threading.Event(), threading.Event()
    urls = [replica.url for replica in replicas]
    clients = [
        Client(urls, range(number, GROUPS, CLIENTS), accepted, Random(dice.random()), finish_posting)
        for number in range(CLIENTS)
    ]
    killer = Killer(replicas, pagerduty.wait_for_hang, Random(dice.random()), finish_killing)
    for thread in (*clients, killer):
        thread.start()
    # Both end at once: the last states are told in the middle of it.
    time.sleep(seconds)
    finish_posting.set()
    finish_killing.set()
    for thread in (killer, *clients):
        thread.join()
    return killer


class _Rest:
    """Asks for every event, those whose acceptance nobody was told of included, until nothing is pending."""

    def __init__(self, service: Service, accepted_ids: Collection[int]) -> None:
        self._service = service
        self._accepted_ids = accepted_ids
        # Beyond what the clients know there may be one that a killed worker kept but did not answer.
        self._unsettled: dict[int, Any] = dict.fromkeys(range(1, max(accepted_ids, default=0) + 51))
        self._absent: set[int] = set()
        self._astray: list[str] = []
        self.delivered: list[int] = []
        self.states: Counter[str] = Counter()
        self.words: Counter[str] = Counter()

    def look(self) -> bool:
        """Asks for what was not settled before; returns whether all is."""
        try:
            for number in list(self._unsettled):
                self._ask(number)
        except requests.RequestException:
            # What became of the service is told by others.
            return False
        return not self._unsettled

    def _ask(self, number: int) -> None:
        response = self._service.get(f"/api/v1/events/{number}")
        if response.status_code == 404:
            del self._unsettled[number]
            self._absent.add(number)
            return
        event = response.json()
        words = [delivery["state"] for delivery in event.get("deliveries", [])]
        if event.get("state", "accepted") == "accepted" or not _SETTLED.issuperset(words):
            self._unsettled[number] = event
            return
        del self._unsettled[number]
        self.states[event["state"]] += 1
        self.words.update(words)
        if "delivered" in words:
            self.delivered.append(number)
        untold = event["state"] == "planned" and not words
        if event["state"] not in _KEPT or untold or "dead" in words:
            self._astray.append(f"event {number}: {event}")

    def unsettled(self) -> list[str]:
        """What is still on its way."""
        return [f"event {number}: {event}" for number, event in self._unsettled.items()]

    def wrong(self) -> list[str]:
        """What was accepted and is not there, what nobody is to be told of, and what is dead."""
        lost = sorted(self._absent.intersection(self._accepted_ids))
        return [*self._astray, *(f"event {number} was accepted, and is not there" for number in lost)]


def mistakes(log: str, more: Sequence[str] = ()) -> list[str]:
    """What a log holds that it must not, with some of what follows."""
    lines = log.splitlines()
    return [
        "in the log:\n    " + "\n    ".join(lines[number : number + 25])
        for number, line in enumerate(lines)
        if any(mistake in line for mistake in (*_MISTAKES, *more))
    ][:5]


def _summary(
    seed: int,
    accepted: Accepted,
    killer: Killer,
    pagerduty: FailingPagerDuty,
    verdict: Verdict,
    rest: _Rest,
    took: float,
) -> str:
    states = sum(len(history) for history in accepted.histories.values())
    injected = Counter({trouble: count for trouble, count in pagerduty.injected.items() if trouble})
    return (
        f"torture: seed {seed}: {accepted.posts} posts ({counted(accepted.failures)}), "
        f"{len(accepted.events)} accepted, {states} states of {len(accepted.histories)} groups; "
        f"kills: {killer.done['worker']} of workers, {killer.done['service']} of services; "
        f"{killer.done['freeze']} stops; "
        f"{len(pagerduty.arrivals)} far-side requests ({pagerduty.abandoned} more of the dead), "
        f"{injected.total()} failures injected ({counted(injected)}), {verdict.repeats} repeats absorbed, "
        f"{verdict.needless} needless resolves, {verdict.unnamed} ends told without the name; "
        f"{len(verdict.late)} out of order (and {len(verdict.frozen)} of the frozen); "
        f"events: {counted(rest.states)}; deliveries: {counted(rest.words)}; quiet after {took:.1f} s"
    )


def counted(counts: dict[str, int]) -> str:
    """Counts in words."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
