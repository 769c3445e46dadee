"""By chance: events, processes that are killed between any two steps, replicas, clocks that are set, answers that are
lost and writes that arrive late. Whatever comes, no target is touched more often than it may be.

What is true is told by the world's own clock, which nobody sets.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from actions import Action
from alerts.model import Alert, group_id
from alerts.remediation import NotPerformed, Performed, Proposal
from outbox.database import StoreError
from outbox.guard_clock import GuardClock
from outbox.records import Remediation, TakenUp
from outbox.remediation_beginnings import take_up
from outbox.remediations import Remediations
from outbox.rows import ALERT, json_text
from outbox.statements import upsert
from outbox.store import Store
from outbox.tables import alerts, events
from pipeline import Running
from pipeline.remedy_steps import LEASE_SECONDS, Steps
from tests.pipeline.parts import Recorder
from tests.pipeline.remedy_world import Fix, World, configuration
from tests.samples import NOW, model_alert

COOLDOWN_SECONDS, MOST, MOST_IN_ALL, HOUR_SECONDS = 600.0, 3, 5, 3_600.0
# A request that is under way when its process dies arrives within its deadline.
LATE_SECONDS = 10.0
BOUNDS = "settle: 1s, verify_after: 30s, valid_for: 300s, cooldown: 10m, max_per_hour: 3, max_targets: 4"
RULES = f"""
  - {{dry_run: false, namespaces: [shop], kinds: [Deployment], names: ['d*'], {BOUNDS}}}
  - {{dry_run: true, namespaces: [shop], kinds: [Deployment], names: ['*'], {BOUNDS}}}
"""
ALLOWED = [f"d{at}" for at in range(3)]
NAMES = [*ALLOWED, "web", "other"]


class Killed(BaseException):
    """This process is dead."""


class Chance:
    """Whether something happens, as the dice say."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def is_so(self, share: float) -> bool:
        """Whether it does, that often."""
        return self.dice.random() < share


class Mortal:
    """What a process asks the database: it may die before each question, and after."""

    def __init__(self, of: Remediations, chance: Chance) -> None:
        self._of, self._chance = of, chance

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._of, name)

        def asked(*arguments: Any, **named: Any) -> Any:
            if self._chance.is_so(0.02):
                raise Killed
            if self._chance.is_so(0.02):
                raise StoreError("the database is away")
            found = method(*arguments, **named)
            if self._chance.is_so(0.02):
                raise Killed
            return found

        return asked


class Hazardous(Fix):
    """A rule whose writes may be lost, or arrive late, and whose process may die around each."""

    def __init__(self, world: World, chance: Chance) -> None:
        super().__init__(world)
        self._chance = chance
        self.late: list[tuple[float, Callable[[], None]]] = []
        self.rehearsing = False

    def perform(self, proposal: Proposal, alert: Alert, token: str, deadline_seconds: float) -> Performed:
        """Writes, or not."""
        assert not self.rehearsing, "a dry run writes"
        if self._chance.is_so(0.1):
            raise Killed
        if self._chance.is_so(0.2):
            at = self.world.now + self._chance.dice.random() * LATE_SECONDS
            version = proposal.request["version"]
            self.late.append((at, lambda: self._write(proposal, version, token)))
            if self._chance.is_so(0.5):
                raise Killed
            raise NotPerformed("timed out", in_doubt=True)
        done = super().perform(proposal, alert, token, deadline_seconds)
        if self._chance.is_so(0.1):
            raise Killed
        if self._chance.is_so(0.1):
            raise NotPerformed("the answer was lost", in_doubt=True)
        return done

    def arrive(self) -> None:
        """Has what is late arrive, as far as it is time."""
        due = [each for each in self.late if each[0] <= self.world.now]
        self.late = [each for each in self.late if each[0] > self.world.now]
        for _, write in due:
            write()

    def _write(self, proposal: Proposal, version: int, token: str) -> None:
        self.world.write(proposal.target, version, token)


class Replica:
    """One process after the other, each with a name of its own and a wall clock that is wrong by some."""

    def __init__(self, name: str, land: Land) -> None:
        self.name, self.land = name, land
        self.lives = 0
        self.wrong_seconds = 0.0
        self.begin()

    def begin(self) -> None:
        """Starts a process."""
        self.lives += 1
        began, world = self.land.world.now, self.land.world
        store = Store(self.land.engine, f"{self.name}-{self.lives}")
        lived = lambda: world.now - began + 7.0 * self.lives  # noqa: E731
        store.remediations = Mortal(  # type: ignore[assignment]
            Remediations(store._reading, store._writer, store.owner, GuardClock(lived)), self.land.chance
        )
        self.store = store
        self.steps = Steps(self.land.running, store, self.clock, lived=lived)

    def clock(self) -> datetime:
        """What its wall clock shows."""
        return NOW + timedelta(seconds=self.land.world.now + self.wrong_seconds)

    def turn(self) -> None:
        """Does what a process does in a turn, until it dies."""
        try:
            self.store.remediations.beat()
            for each in self.store.remediations.claim(self.clock(), LEASE_SECONDS, 2):
                try:
                    self.steps.take(each)
                except StoreError:
                    continue
        except StoreError:
            return
        except Killed:
            self.begin()


class Land:
    """The database, the things, and the processes."""

    def __init__(self, folder: Path, engine: Engine, seed: int, replicas: int) -> None:
        self.engine, self.chance, self.world = engine, Chance(seed), World()
        self.fix, self.rehearsal = Hazardous(self.world, self.chance), Hazardous(self.world, self.chance)
        self.rehearsal.rehearsing = True
        actions: dict[str, Action] = {
            "on-call/log/0": Recorder(),
            "fix/fix/0": self.fix,
            "fix/fix/1": self.rehearsal,
        }
        rules = RULES.strip().removeprefix("- ")
        more = f"remediation: {{max_per_hour: {MOST_IN_ALL}}}"
        self.running = Running(configuration(folder, rules, more), actions)
        self.firing: dict[str, Alert] = {}
        self.replicas = [Replica(f"r{at}", self) for at in range(replicas)]
        with engine.begin() as connection:
            row = {"received_at": NOW, "body": b"{}", "kind": "alert", "state": "planned", "attempts": 0}
            connection.execute(insert(events).values(row))

    def event(self) -> None:
        """Something begins to fire, is told again, or ends."""
        name = self.chance.dice.choice(NAMES)
        was = self.firing.pop(name, None)
        now = NOW + timedelta(seconds=self.world.now)
        if was is not None and self.chance.is_so(0.5):
            return self._hear(was, "resolved", now)
        alert = was or _alert(name, now)
        self.firing[name] = alert
        self._hear(alert, "firing", now)
        return None

    def fire(self, name: str) -> None:
        """Something begins to fire."""
        now = NOW + timedelta(seconds=self.world.now)
        self._hear(_alert(name, now), "firing", now)

    def _hear(self, alert: Alert, status: str, now: datetime) -> None:
        row = {
            "fingerprint": alert.fingerprint,
            "group_id": group_id("g"),
            "status": status,
            "severity": 1,
            "alert": json_text(ALERT, alert),
            "findings": "[]",
            "destinations": "",
            "event_id": 1,
            "updated_at": now,
            "lapsed": 0,
        }
        with self.engine.begin() as connection:
            upsert(connection, alerts, [row])
            for destination, dry_run in (("fix/fix/0", False), ("fix/fix/1", True)) if status == "firing" else ():
                taken = TakenUp(destination, "hook", dry_run, "g", alert)
                take_up(connection, [taken], destination, 1, now, now)

    def pass_seconds(self, seconds: float) -> None:
        """Has time go by."""
        for _ in range(max(1, int(seconds // 5))):
            self.world.now += min(seconds, 5.0)
            self.fix.arrive()

    def all(self) -> list[Remediation]:
        """What was taken up."""
        return list(Store(self.engine, "looks").remediations.list(10_000))


def _alert(name: str, now: datetime) -> Alert:
    alert = model_alert("Broken", deployment=name, namespace="other" if name == "other" else "shop")
    return Alert(alert.labels, {}, "firing", now, None, "", alert.fingerprint)


def play(land: Land, turns: int) -> None:
    """Lets things happen."""
    chance = land.chance
    for _ in range(turns):
        if chance.is_so(0.5):
            land.event()
        replica = chance.dice.choice(land.replicas)
        if chance.is_so(0.05):
            # Ahead for hours, and back again.
            replica.wrong_seconds = chance.dice.choice([-7_200.0, -90.0, 0.0, 0.0, 90.0, 7_200.0, 90_000.0])
        if chance.is_so(0.05):
            replica.begin()
        replica.turn()
        land.pass_seconds(chance.dice.choice([1.0, 5.0, 20.0, 60.0, 200.0]))


@pytest.mark.parametrize("replicas", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_touched_more_often_than_it_may_be(tmp_path: Path, engine: Engine, seed: int, replicas: int) -> None:
    """Nor what is not allowed, nor in a dry run, nor twice for one firing."""
    land = Land(tmp_path, engine, seed, replicas)
    play(land, 250)
    check(land)


def check(land: Land) -> None:
    """Holds what was touched against what may be."""
    touched = {key: thing for key, thing in land.world.things.items() if thing.touched}
    assert {f"deployment/shop/{name}" for name in ALLOWED} >= set(touched)
    moments = sorted(at for thing in touched.values() for at in thing.touched)
    for thing in touched.values():
        between = [later - sooner for sooner, later in zip(thing.touched, thing.touched[1:], strict=False)]
        assert all(seconds >= COOLDOWN_SECONDS for seconds in between), between
    most = min(MOST, MOST_IN_ALL)
    assert all(later - sooner >= HOUR_SECONDS for sooner, later in zip(moments, moments[most:], strict=False))
    tokens = Counter(token for thing in touched.values() for token in thing.by)
    assert all(count == 1 for count in tokens.values()), tokens
    known = {each.token: each for each in land.all()}
    assert all(known[token].acted_at is not None for token in tokens)
    assert not [each for each in known.values() if each.dry_run and each.acted_at is not None]


def test_something_is_touched_all_the_same(tmp_path: Path, engine: Engine) -> None:
    """Else the test above would hold of a service that does nothing."""
    counts = []
    for seed in range(4):
        land = Land(tmp_path, engine, seed, 2)
        play(land, 120)
        counts.append(len(land.world.touched))
    assert sum(counts) > 2, counts
