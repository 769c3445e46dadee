"""Whatever happens in whatever order, the queue keeps its promises: against a model that knows what was sent."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, delete, event, select

from alerts.model import Alert
from alerts.notification import Notification
from outbox.lanes import Lane
from outbox.pacing import Pace
from outbox.records import AT_ONCE, Delivery, Plan, Planned
from outbox.retry import Outcome
from outbox.rows import notification_of
from outbox.settling import Settlement
from outbox.store import Store
from outbox.tables import deliveries, metadata
from tests.outbox.steps import LEASE
from tests.samples import NOW, model_alert, notification

NAMES = ("A", "B", "C")
GROUPS = ("one", "two", "three")
# Of each kind: one that is told at once, one that wakes, and one that is told in digests when two groups wait.
LANES = (
    Lane("chat/log/0", 5),
    Lane("page/log/0", 5, wakes=True),
    Lane("slow/log/0", 5, Pace(1 / 40), digest_after_seconds=20.0),
)
ENDED = {"delivered", "superseded", "digested", "suppressed", "dead"}
HAPPENED = ("arrived", "lost", "unsent")
Place = tuple[str, str]


@dataclass
class Sent:
    """A delivery in the hands of a process, and what happened to its request."""

    owner: str
    delivery: Delivery
    happened: str
    said: dict[str, list[Notification]]
    late: bool = field(default=False)


class Outbox(RuleBasedStateMachine):
    """Three destinations, three groups, two processes on one database, and a clock that jumps."""

    engine: Engine

    def __init__(self) -> None:
        """Begins with empty tables."""
        super().__init__()
        with self.engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
        self.stores = {owner: Store(self.engine, owner) for owner in ("a", "b")}
        self.now = NOW
        self.firing: dict[str, frozenset[str]] = dict.fromkeys(GROUPS, frozenset())
        self.planned = 0
        self.hands: list[Sent] = []
        self.in_flight: dict[Place, Sent] = {}
        self.newest: dict[Place, int] = {}
        self.known: dict[Place, set[str]] = {}
        self.far: dict[Place, set[str]] = {}
        self.states: dict[int, str] = {}

    def tick(self, seconds: float = 0.0) -> None:
        """Moves the clock; no two moments are quite the same."""
        self.now += timedelta(seconds=seconds, microseconds=1 + self.planned + len(self.newest))

    @rule(group=st.sampled_from(GROUPS), firing=st.frozensets(st.sampled_from(NAMES)), held=st.booleans())
    def news(self, group: str, firing: frozenset[str], held: bool) -> None:
        """A group's state comes as Alertmanager sends it: what fires, and what has ended since."""
        before = self.firing[group]
        alerts = [model_alert(name) for name in sorted(firing)]
        alerts += [model_alert(name, "resolved") for name in sorted(before - firing)]
        if alerts:
            self.firing[group] = firing
            self.plan(group, alerts, held and not firing)

    def plan(self, group: str, alerts: list[Alert], held: bool = False) -> None:
        """Accepts and plans it for each destination."""
        self.tick()
        store = self.stores["a"]
        store.accept(b"{}", self.now)
        (claimed,) = store.claim_events(self.now, LEASE)
        due_at = self.now + timedelta(seconds=600) if held else AT_ONCE
        said = [notification(group, lane.destination.split("/")[0], *alerts) for lane in LANES]
        plan = Plan(
            claimed, tuple(Planned(each, None, due_at) for each in said), tuple((group, alert, ()) for alert in alerts)
        )
        assert [plan] == store.plan([plan])
        self.planned += len(LANES)

    @rule(owner=st.sampled_from("ab"), limit=st.integers(1, 5), happened=st.sampled_from(HAPPENED))
    def claim(self, owner: str, limit: int, happened: str) -> None:
        """A process takes what it may, and sends it, or does not come to that."""
        self.tick()
        lanes = [Lane(**{**{name: getattr(lane, name) for name in Lane.__slots__}, "limit": limit}) for lane in LANES]
        for delivery in self.stores[owner].queue.claim(lanes, self.now, LEASE).deliveries:
            self.take(owner, delivery, happened)

    def take(self, owner: str, delivery: Delivery, happened: str) -> None:
        """Checks that it may be sent, and notes it down."""
        sent = Sent(owner, delivery, happened, self.content(delivery))
        for group, _ in sent.said.items():
            place = (delivery.destination, group)
            other = self.in_flight.get(place)
            assert other is None or not self.held(other), "two of a group are in flight"
            self.in_flight[place] = sent
        if happened == "unsent":
            self.hands.append(sent)
            return
        for place, last in self.last_ids(sent).items():
            assert self.newest.get(place, 0) <= last, "an older state is sent after a newer one"
            self.newest[place] = last
        if happened == "arrived":
            hear(self.far, sent)
        self.hands.append(sent)

    def held(self, sent: Sent) -> bool:
        """Whether nobody else may take it, as far as its process knows."""
        return self.now <= sent.delivery.lease_until <= self.now + timedelta(seconds=LEASE)

    def content(self, delivery: Delivery) -> dict[str, list[Notification]]:
        """What is told of which group; of a digest, of all that it is about."""
        if delivery.kind != "digest":
            return {delivery.notification.group.group_key: [delivery.notification]}
        said: dict[str, list[Notification]] = {}
        for each in self.rows(deliveries.c.successor_id == delivery.id):
            whole = notification_of(each.notification)
            assert whole is not None
            said.setdefault(whole.group.group_key, []).append(whole)
        return said

    def last_ids(self, sent: Sent) -> dict[Place, int]:
        """Of each group that it tells of, the last state."""
        delivery = sent.delivery
        if delivery.kind != "digest":
            return {(delivery.destination, group): delivery.id for group in sent.said}
        rows = self.rows(deliveries.c.successor_id == delivery.id)
        keys = [notification_of(each.notification) for each in rows]
        return {
            (delivery.destination, key.group.group_key): each.id for key, each in zip(keys, rows, strict=True) if key
        }

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), refused=st.booleans(), dies=st.booleans(), pause=st.sampled_from([0, 3, 200]))
    def settle(self, data: Any, refused: bool, dies: bool, pause: float) -> None:
        """What a process did ends: delivered, to be made again, or dead; perhaps long after its lease."""
        sent = self.hands.pop(data.draw(st.integers(0, len(self.hands) - 1)))
        if sent.happened == "unsent":
            return self.give_back(sent)
        self.tick()
        answered = sent.happened == "arrived" and not dies
        self.finish(sent, answered, refused and sent.happened == "lost", dies, pause)
        return None

    def finish(self, sent: Sent, answered: bool, refused: bool, dies: bool, pause: float = 0.0) -> None:
        """Settles it as the service does."""
        delivery, thread = sent.delivery, None
        if answered:
            outcome = Outcome("delivered", "ok")
            thread = delivery.thread.told(delivery.notification, self.now)
        elif refused or dies:
            outcome = Outcome("dead", "no")
            thread = None if refused and delivery.attempts == 1 else delivery.thread.doubted()
        else:
            outcome = Outcome("pending", "no", self.now + timedelta(seconds=pause))
        before = self.everything()
        settlement = Settlement(delivery, outcome, None if delivery.kind == "digest" else thread, None, self.now)
        (kept,) = self.stores[sent.owner].queue.settle([settlement])
        if not kept:
            assert before == self.everything(), "who lost a delivery changed something"
        if kept and answered:
            hear(self.known, sent)
        self.forget(sent)

    def give_back(self, sent: Sent) -> None:
        """It was no attempt."""
        self.tick()
        self.stores[sent.owner].queue.give_back(sent.delivery)
        self.forget(sent)

    def forget(self, sent: Sent) -> None:
        """It is in nobody's hands any more."""
        self.in_flight = {place: each for place, each in self.in_flight.items() if each is not sent}

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        """A process dies with all that it had in its hands; nobody gives it back."""
        owner = data.draw(st.sampled_from(sorted({each.owner for each in self.hands})))
        self.hands = [each for each in self.hands if each.owner != owner]

    @rule(seconds=st.sampled_from([1, 31, 61, 400, 3600, -3600]))
    def time(self, seconds: float) -> None:
        """The clock goes on, or jumps."""
        self.tick(seconds)

    @precondition(lambda self: self.planned)
    @rule(data=st.data(), dropped=st.booleans())
    def steer(self, data: Any, dropped: bool) -> None:
        """A person has one tried again, or drops it."""
        self.tick()
        queue = self.stores["b"].queue
        delivery_id = data.draw(st.sampled_from(sorted(each.id for each in self.rows())))
        refused = (queue.drop if dropped else queue.retry)(delivery_id, self.now)
        (after,) = self.rows(deliveries.c.id == delivery_id)
        if refused is None:
            assert ("suppressed" if dropped else "pending") == after.state
            self.states[delivery_id] = after.state
        else:
            assert self.states.get(delivery_id, after.state) == after.state

    @invariant()
    def each_ends_once(self) -> None:
        """All that was planned is there, in one state, and what came to an end stays there."""
        rows = self.rows()
        assert self.planned == sum(each.kind == "state" for each in rows)
        for each in rows:
            before = self.states.get(each.id, "pending")
            assert before in ("pending", each.state)
            assert each.state in ENDED | {"pending"}
            self.states[each.id] = each.state

    def teardown(self) -> None:
        """In the end, when all goes well, everything waiting is told, and nothing is open that is over."""
        self.hands = []
        self.drain()
        # What tells the end of all that fires in one group is refused.
        ended = [model_alert(name, "resolved") for name in sorted(self.firing["one"])]
        self.firing["one"] = frozenset()
        self.plan("one", [model_alert("Y"), *ended])
        self.drain(refused=True)
        self.plan("one", [model_alert("Z"), model_alert("Y", "resolved")])
        for group in GROUPS[1:]:
            self.plan(group, [model_alert("Z")])
        self.drain()
        for (destination, group), held in self.known.items():
            if destination != "slow/log/0":
                still = {model_alert(name).fingerprint for name in (*self.firing[group], "Z")}
                assert held <= still, f"{group} holds what is over at {destination}"
        for group in GROUPS:
            self.plan(group, [model_alert(name, "resolved") for name in (*sorted(self.firing[group]), "Z")])
        self.drain()
        assert not any(self.far.values()), f"something is open: {self.far}"

    def drain(self, refused: bool = False) -> None:
        """Delivers all that waits, with time to spare, or has it refused; nothing is left."""
        for _ in range(80):
            self.tick(61)
            claimed = self.stores["b"].queue.claim(LANES, self.now, LEASE)
            for delivery in claimed.deliveries:
                self.take("b", delivery, "lost" if refused else "arrived")
                self.finish(self.hands.pop(), not refused, refused, False)
            if not self.rows(deliveries.c.state == "pending"):
                break
        assert [] == self.rows(deliveries.c.state == "pending"), "something stalls"

    def rows(self, *conditions: Any) -> list[Any]:
        """Deliveries, in the order in which they were planned."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(deliveries).where(*conditions).order_by(deliveries.c.id)))

    def everything(self) -> list[Any]:
        """All rows of all tables."""
        with self.engine.connect() as connection:
            return [
                list(connection.execute(select(table).order_by(*table.primary_key))) for table in metadata.sorted_tables
            ]


def hear(places: dict[Place, set[str]], sent: Sent) -> None:
    """What a far side sees as firing once it has heard this."""
    for group, said in sent.said.items():
        held = places.setdefault((sent.delivery.destination, group), set())
        for each in said:
            held -= {alert.fingerprint for alert in each.group.resolved}
            held |= {alert.fingerprint for alert in each.group.firing}
            if not each.group.firing:
                held.clear()


@pytest.mark.timeout(240)
def test_the_queue_keeps_its_promises(engine: Engine) -> None:
    """None in flight twice, none out of order, each ends once, what is over is told, nothing stalls."""
    if engine.dialect.name == "sqlite":
        # What is tested is not the disk.
        event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA synchronous=OFF"))
    machine = type("Machine", (Outbox,), {"engine": engine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
