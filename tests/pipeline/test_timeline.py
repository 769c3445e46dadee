"""A group's message and what is told below it, with the real Slack action: none twice, none lost, whoever dies."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import Engine

from alerts.findings import Reading
from alerts.timeline import Acknowledgement
from building import build_actions
from outbound import Http
from outbox.database import StoreError
from outbox.lanes import Lane
from outbox.queue import Claim, Queue
from outbox.settling import Settlement
from outbox.store import Store
from pipeline import Pipeline
from tests.far_sides.slack_api import SlackApi
from tests.pipeline.house import fires, over
from tests.pipeline.parts import (
    TEAM,
    Clock,
    Enricher,
    Prometheus,
    Recorder,
    body,
    configuration,
    make_pipeline,
    started,
)
from tests.samples import NOW, webhook
from tests.service import eventually

YAML = """
route: {{receiver: team}}
receivers:
- name: team
  slack_configs: [{{app_token: {token}, app_url: '{url}', channel: '#ops', pace: {{rate: 1000/s, burst: 1000}}}}]
"""
LEASE_SECONDS = 31.0
KEY = "g"
_DEAD = "this process is dead"
Death = Literal["claimed", "sent", "settled"]


class Mortal(Queue):
    """A queue whose process dies: once it has taken a delivery, once that is sent, or once that is kept.

    From then on nothing of that process reaches the database.
    """

    def __init__(self, of: Store, death: Death, at: int) -> None:
        super().__init__(of._engine, of._writer, of.owner)
        self.dead = False
        self._death, self._at, self._count = death, at, 0
        # Nobody takes the next between what is kept and the death that follows.
        self._one_by_one = threading.Lock()

    def waiting(self, now: Any, lease_seconds: float) -> list[str]:
        """Says what waits."""
        self._live()
        return super().waiting(now, lease_seconds)

    def claim(self, lanes: Sequence[Lane], now: Any, lease_seconds: float) -> Claim:
        """Takes deliveries."""
        with self._one_by_one:
            self._live()
            claim = super().claim(lanes, now, lease_seconds)
            if claim.deliveries:
                self._count += 1
                if self._death == "claimed" and self._count == self._at:
                    self.dead = True
                    raise StoreError(_DEAD)
        return claim

    def settle(self, settlements: Sequence[Settlement]) -> list[bool | Exception]:
        """Keeps what came of them."""
        with self._one_by_one:
            self._live()
            if self._count < self._at or self._death == "claimed":
                return super().settle(settlements)
            # Before it is kept: who waits for that is to find it dead.
            self.dead = True
            if self._death == "settled":
                super().settle(settlements)
            raise StoreError(_DEAD)

    def _live(self) -> None:
        if self.dead:
            raise StoreError(_DEAD)


class Town:
    """Runs of the service on one database, each after the death of the one before, and a Slack."""

    def __init__(self, folder: Path, engine: Engine, slack: SlackApi, clock: Clock) -> None:
        self.engine, self.slack, self.clock = engine, slack, clock
        self.pipeline: Pipeline
        self._folder = folder
        self._yaml = YAML.format(token=slack.token, url=slack.url)
        self._ends = ExitStack()
        self.runs = 0

    def run(self, death: Death | None = None, at: int = 0) -> Store:
        """Begins a run, beside those that there are."""
        self.runs += 1
        store = Store(self.engine, f"run-{self.runs}")
        if death:
            store.queue = Mortal(store, death, at)
        self.pipeline = make_pipeline(
            self._folder,
            store,
            build_actions(configuration(self._folder, self._yaml), Http()),
            self._yaml,
            clock=self.clock,
        )
        self._ends.enter_context(started(self.pipeline))
        return store

    def end(self) -> None:
        """Ends all runs."""
        # What a dead one holds it tries to keep until its lease is over.
        self.clock.pass_seconds(LEASE_SECONDS)
        self._ends.close()

    def post(self, *alerts: dict[str, Any], key: str = KEY) -> None:
        """Has Alertmanager tell of a group."""
        self.pipeline.accept(body(webhook(*alerts, group_key=key)))

    def quiet(self) -> None:
        """Waits until all is told; where the run dies over it, by the next."""

        def look() -> bool:
            if getattr(self.pipeline.store.queue, "dead", False):
                self.end()
                self.run()
            waits = self.pipeline.store.backlog()
            return not waits.events and not waits.deliveries

        eventually(look, "all to be told", 10)

    def planned(self) -> None:
        """Waits until nothing is to be planned."""
        eventually(lambda: not self.pipeline.store.backlog().events, "all to be planned")

    def told(self) -> list[tuple[str, str]]:
        """What Slack was told: methods and texts, without the time that stands before what is told late."""
        return [(each.method, re.sub(r"<!date[^>]*>: ", "", each.arguments["text"])) for each in self.slack.calls]


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """One of one kind, unless a test wants each: that each keeps what it is given is tested elsewhere."""
    return str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))


@pytest.fixture
def slack(clock: Clock) -> Iterator[SlackApi]:
    """A workspace."""
    with SlackApi(now=clock) as far_side:
        yield far_side


@pytest.fixture
def town(tmp_path: Path, engine: Engine, slack: SlackApi, clock: Clock) -> Iterator[Town]:
    """A town in which nothing runs yet."""
    made = Town(tmp_path, engine, slack, clock)
    yield made
    made.end()


A, B, C = (fires(name, pod=f"{name.lower()}-1", namespace="shop") for name in "ABC")
A_OVER, B_OVER, C_OVER = (over(name, pod=f"{name.lower()}-1", namespace="shop") for name in "ABC")


def live(town: Town) -> None:
    """A group's life: it fires, grows, is taken over, shrinks, and is over."""
    lives: Sequence[Callable[[], object]] = (
        lambda: town.post(A),
        lambda: town.post(A, B, C),
        lambda: town.pipeline.acknowledge(KEY, Acknowledgement("Jane", NOW, "pagerduty")),
        lambda: town.post(A, B_OVER, C),
        lambda: town.post(A_OVER, C_OVER),
    )
    for happens in lives:
        happens()
        town.quiet()


UNDISTURBED = [
    ("chat.postMessage", "🟡 *[FIRING] A* shop/a-1 — A happened."),
    ("chat.update", "🟡 *[FIRING:3] A and 2 more* shop/a-1 and 2 more — A happened."),
    ("chat.postMessage", "🟡 2 new: B shop/b-1, C shop/c-1"),
    ("chat.update", "🟡 *[FIRING:3] A and 2 more* shop/a-1 and 2 more — A happened. 👀 Jane"),
    ("chat.postMessage", "👀 acknowledged by Jane in PagerDuty"),
    ("chat.update", "🟡 *[FIRING:2] A and 1 more* shop/a-1 and 1 more — A happened. 👀 Jane"),
    ("chat.postMessage", "✅ resolved after 28m 3s: B shop/b-1"),
    ("chat.update", "✅ *[RESOLVED] A and 1 more* shop/a-1 and 1 more — resolved after 28m 3s"),
    ("chat.postMessage", "✅ all resolved after 28m 3s: A shop/a-1, C shop/c-1"),
]
CALLS = range(1, len(UNDISTURBED) + 1)


def test_lives(town: Town) -> None:
    """Nobody dies: one message that is edited, and below it, after each edit, what that changed."""
    town.run()
    live(town)
    assert UNDISTURBED == town.told()
    (message,) = town.slack.channel().messages
    assert 4 == len(town.slack.channel().replies(message.ts))
    assert [] == town.slack.refused


@pytest.mark.parametrize("at", CALLS)
@pytest.mark.parametrize("death", ["claimed", "settled"])
def test_repeats_nothing_that_was_kept(town: Town, death: Death, at: int) -> None:
    """Whoever dies before a call, or once what came of it is kept, Slack hears what it hears anyway."""
    town.run(death, at)
    live(town)
    assert 2 == town.runs
    assert UNDISTURBED == town.told()
    assert 1 == len(town.slack.channel().messages)


@pytest.mark.parametrize("at", CALLS)
def test_repeats_one_call_at_most(town: Town, at: int) -> None:
    """Of a call whose answer nobody kept it is not known whether it was heard: it is made again, and no other."""
    town.run("sent", at)
    live(town)
    assert 2 == town.runs
    assert [*UNDISTURBED[:at], *UNDISTURBED[at - 1 :]] == town.told()


def test_a_state_goes_before_what_waits(town: Town) -> None:
    """A reply that could not be said waits for the edit that came meanwhile, and is said with the next, before it."""
    town.run()
    town.post(A)
    town.quiet()
    town.slack.fail("chat.postMessage", 500)
    town.post(A, B)
    town.slack.wait_for_calls("chat.postMessage", 2)
    town.post(A, B, C)
    town.quiet()
    post, update = "chat.postMessage", "chat.update"
    assert [post, update, post, update, post] == [method for method, _ in town.told()]
    assert (update, "🟡 *[FIRING:3] A and 2 more* shop/a-1 and 2 more — A happened.") == town.told()[3]
    (message,) = town.slack.channel().messages
    (reply,) = town.slack.channel().replies(message.ts)
    assert "🟡 1 new: B shop/b-1 — B happened.\n🟡 1 new: C shop/c-1 — C happened." == reply.content["text"]
    assert reply.broadcast


def test_what_was_of_an_earlier_message_is_not_said_below_a_later_one(town: Town) -> None:
    """Nobody is to read that all is over below what fires again; the message that is over says so itself."""
    town.run()
    town.post(A)
    town.quiet()
    town.slack.fail("chat.postMessage", 500)
    town.post(A_OVER)
    town.slack.wait_for_calls("chat.postMessage", 2)
    town.post({**A, "startsAt": "2026-03-02T08:10:00Z"})
    # The new message, and what waits for its next attempt.
    town.slack.wait_for_calls("chat.postMessage", 3)
    town.clock.pass_seconds(60)
    town.quiet()
    over, again = town.slack.channel().messages
    assert "[RESOLVED]" in over.content["text"]
    assert "[FIRING]" in again.content["text"]
    assert [] == [*town.slack.channel().replies(over.ts), *town.slack.channel().replies(again.ts)]


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_two_replicas_keep_one_message(town: Town, slack: SlackApi) -> None:
    """Whichever of them hears of a group, plans it, edits and replies."""
    town.run()
    first = town.pipeline
    town.run()
    both = (first, town.pipeline)
    keys = [f"group {number}" for number in range(10)]
    for alerts in ((A,), (A, B), (A_OVER, B)):
        for number, key in enumerate(keys):
            both[number % 2].accept(body(webhook(*alerts, group_key=key)))
        town.quiet()
    messages = slack.channel().messages
    assert 10 == len(messages)
    assert {("🟡 1 new: B shop/b-1 — B happened.", "✅ resolved after 28m 3s: A shop/a-1")} == {
        tuple(reply.content["text"] for reply in slack.channel().replies(each.ts)) for each in messages
    }
    assert [] == slack.refused


def test_what_is_told_again_is_in_its_order(town: Town, slack: SlackApi) -> None:
    """Who takes a group over changes nothing of how its alerts stand in the message."""
    town.run()
    town.post(C, A, B)
    town.quiet()
    before = slack.channel().messages[0].content
    town.pipeline.acknowledge(KEY, Acknowledgement("Jane", NOW, "pagerduty"))
    town.quiet()
    (message,) = slack.channel().messages
    listed = [line for line in slack.transcript().split("\n") if line.strip().startswith("| 🟡")]
    assert ["C", "A", "B"] == [line.split()[2] for line in listed]
    assert before["text"] + " 👀 Jane" == message.content["text"]


def test_nobody_goes_without_readings_for_it(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """Who takes a group over holds up no other that is being looked up just now, and takes nothing from it."""
    asked, may_answer = threading.Event(), threading.Event()

    def answer() -> None:
        asked.set()
        assert may_answer.wait(10)

    reading = Reading("load", "load", 3.0, "", NOW, "node_load1")
    pipeline = make_pipeline(
        tmp_path,
        store,
        {"team/log/0": recorder},
        f"enrichment: {{timeout: 10s}}\n{TEAM}",
        enrichers=[Enricher(read=lambda alert: (reading,))],
        prometheus=Prometheus(answer),
        clock=clock,
    )
    with started(pipeline):
        pipeline.accept(body(webhook(A, group_key="looked up")))
        assert asked.wait(5)
        taken = pipeline.acknowledge("another", Acknowledgement("Jane", NOW, "pagerduty"))
        eventually(lambda: taken in pipeline._planner._unplanned, "it to be in hand")
        may_answer.set()
        eventually(lambda: recorder.sent, "the first to be told")
    assert [(reading,)] == list(recorder.sent[0].findings.values())
