"""Whatever comes in whatever order, each destination knows in the end what fires that concerns it, and nothing else."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.house import RECEIVERS, House, fires, over
from tests.pipeline.parts import Clock, settled, started
from tests.service import eventually

ROUTES = """
  - {receiver: boss, matchers: ['to="boss"']}
  - {receiver: boss, matchers: ['to="both"'], continue: true}
  - {receiver: team, matchers: ['to="both"']}
"""
CONFIGURED = f"""
route:
  receiver: team
  routes: {ROUTES}
inhibit_rules:
- {{name: down, source_matchers: [alertname="Down"], target_matchers: [severity="warning"], equal: [node]}}
{RECEIVERS}"""
# The same destinations, by other routes.
OTHERWISE = CONFIGURED.replace(ROUTES, f"{ROUTES}  - {{receiver: team, matchers: ['to=\"nobody\"']}}\n")
# Of each alert of the group its labels, and who is to hear of it.
ALERTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "V": ({"node": "m", "to": "both"}, {"boss", "team"}),
    "W": ({}, {"team"}),
    "X": ({"to": "boss"}, {"boss"}),
    "Y": ({"to": "both"}, {"boss", "team"}),
    "Z": ({"node": "m"}, {"team"}),
}
SEEDS = range(6)


class World:
    """What is really so, and changes by chance; it is told to the service as a pair of Alertmanagers would."""

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._chance = random.Random(seed)
        self._minute = 0
        # Of what fires: since when, and the words for it.
        self._fire: dict[str, tuple[int, str]] = {}
        self._down: set[str] = set()
        self._posted: list[int] = []
        self.log: list[str] = []

    @contextmanager
    def served(self) -> Iterator[Pipeline]:
        """The service, by one of two configurations; what was posted is settled in the end."""
        with started(self._house.built(self._chance.choice((CONFIGURED, OTHERWISE)))) as pipeline:
            yield pipeline
            self.settle(pipeline)

    def settle(self, pipeline: Pipeline) -> None:
        """Wait until all that was posted is settled."""
        for each in self._posted:
            settled(pipeline, each)
        self._posted.clear()

    def pass_on(self, pipeline: Pipeline) -> None:
        """Something happens; the clock goes on, perhaps, and so may the service."""
        self._minute += 1
        if self._chance.random() < 0.2:
            self._toggle(self._chance.choice("mn"))
        else:
            self._change()
        if self._chance.random() < 0.5:
            self.settle(pipeline)
        if self._chance.random() < 0.5:
            self._house.clock.pass_seconds(self._chance.choice((5, 70, 700)))

    def calm(self) -> None:
        """Nothing inhibits any more."""
        for node in sorted(self._down):
            self._toggle(node)

    def untrue(self) -> list[str]:
        """What somebody does not know, or believes wrongly."""
        found = []
        for who in ("boss", "team"):
            known = self._known(who)
            true = {name: words for name, (_, words) in self._fire.items() if who in ALERTS[name][1]}
            found += [f"{who} knows of {known[name]}" for name in known.keys() - true.keys() if known[name]]
            found += [f"{who} knows {name} as {known.get(name)!r}" for name in true if known.get(name) != true[name]]
        return found

    def _known(self, who: str) -> dict[str, str]:
        """Of each alert that somebody heard of the last words for it; "" of what is over."""
        known = {}
        for notification in self._house.recorders[who].sent:
            for alert in notification.group.alerts:
                known[alert.name] = alert.annotations["summary"] if alert.firing else ""
        return {name: words for name, words in known.items() if name in ALERTS}

    def _toggle(self, node: str) -> None:
        alert = over("Down", node=node) if node in self._down else fires("Down", node=node)
        self._down ^= {node}
        self._post(f"source {node}", [alert])

    def _change(self) -> None:
        ended = {}
        for name in ALERTS:
            chance = self._chance.random()
            if name not in self._fire and chance < 0.3:
                self._fire[name] = (self._minute, f"{name}.")
            elif name in self._fire and chance < 0.25:
                ended[name] = self._fire.pop(name)
            elif name in self._fire and chance < 0.35:
                since, words = self._fire[name]
                self._fire[name] = (since, f"{words} Worse.")
        alerts = [self._alert(fires, name, *said) for name, said in self._fire.items()]
        alerts += [self._alert(over, name, *said) for name, said in ended.items()]
        if alerts:
            self._post("group", alerts)

    def _alert(self, made: Any, name: str, since: int, words: str) -> dict[str, Any]:
        labels = ALERTS[name][0]
        return {**made(name, **labels), "startsAt": f"2026-03-02T06:{since:02}:00Z", "annotations": {"summary": words}}

    def _post(self, key: str, alerts: list[dict[str, Any]]) -> None:
        self.log.append(f"{key}: {[(each['status'], each['labels']['alertname']) for each in alerts]}")
        for _ in range(self._chance.choice((1, 1, 2))):
            self._posted.append(self._house.post(key, *alerts))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_knows_what_concerns_it(tmp_path: Path, store: Store, clock: Clock, seed: int) -> None:
    """After inhibitions, changes, duplicates, restarts and other routes."""
    house = House(tmp_path, store, clock)
    world = World(house, seed)
    for _ in range(3):
        with world.served() as pipeline:
            for _ in range(5):
                world.pass_on(pipeline)
    with world.served():
        world.calm()

        def true() -> bool:
            clock.pass_seconds(1)
            return not world.untrue()

        try:
            eventually(true, "each to know what concerns it", 20)
        except AssertionError:
            pytest.fail("\n".join([*world.untrue(), *world.log]))
