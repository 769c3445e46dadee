"""What one destination does not take is told elsewhere, once, and so is the end of it."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from outbox.database import StoreError
from outbox.rows import notification_of
from outbox.store import Store
from outbox.tables import deliveries, destinations
from pipeline import Pipeline
from pipeline.fallback import Fallback, told_instead
from tests.pipeline.parts import Clock, Failing, body, configuration, make_pipeline, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

ON_CALL = """
external_url: https://alerts.example/
route:
  receiver: root
  routes: [{receiver: on-call, match: {team: a}}, {receiver: other, match: {team: b}}]
receivers:
- {name: on-call, log_configs: [{}], fallback: chat}
- {name: other, log_configs: [{}]}
- {name: chat, log_configs: [{}]}
- {name: root, log_configs: [{}]}
"""
BUSY = SendError("busy")
GONE = SendError("no such channel", permanent=True)


class FarSide:
    """A far side that fails for as long as the test has it fail."""

    def __init__(self, failure: SendError | None = None) -> None:
        self.failure = failure
        self.sent: list[Notification] = []

    def preview(self, notification: Notification) -> Preview:
        """Says which alerts it is about."""
        return Preview([alert.name for alert in notification.group.alerts])

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends to the list, or fails."""
        if self.failure is not None:
            raise self.failure
        self.sent.append(notification)
        return Receipt("sent", Thread(key="key"))

    def summaries(self) -> list[str]:
        """What was said, in order."""
        return [f"{each.group.status}: {alert.summary}" for each in self.sent for alert in each.group.alerts]


class FarSides:
    """Those of the four receivers."""

    def __init__(self) -> None:
        self.on_call, self.other, self.chat, self.root = FarSide(), FarSide(), FarSide(), FarSide()

    @property
    def actions(self) -> dict[str, Any]:
        """By destination."""
        names = {"on-call": self.on_call, "other": self.other, "chat": self.chat, "root": self.root}
        return {f"{name}/log/0": far_side for name, far_side in names.items()}


@pytest.fixture
def far() -> FarSides:
    """The far sides."""
    return FarSides()


@pytest.fixture
def pipeline(tmp_path: Path, store: Store, far: FarSides, clock: Clock) -> Pipeline:
    """A pipeline that is not started; each test looks by hand."""
    return make_pipeline(tmp_path, store, far.actions, ON_CALL, clock=clock)


@pytest.fixture
def look(tmp_path: Path, store: Store, clock: Clock) -> Callable[[], None]:
    """Looks for trouble, as the thread does."""
    return Fallback(partial(configuration, tmp_path, ON_CALL), store, clock).look


def alert(name: str = "Crash", status: str = "firing", team: str = "a", **labels: str) -> bytes:
    """A webhook about one alert, in a group of its own."""
    return body(webhook(wire_alert(name, status, team=team, **labels), group_key=f"{{}}:{name}"))


def rows(store: Store, kind: str = "fallback") -> Sequence[Any]:
    """All deliveries of a kind, in order."""
    with store._engine.connect() as connection:
        statement = select(deliveries).where(deliveries.c.kind == kind).order_by(deliveries.c.id)
        return connection.execute(statement).all()


def told(store: Store) -> list[str]:
    """Whether what was told elsewhere fires, in order."""
    read = [notification_of(row.notification) for row in rows(store)]
    return [each.group.status for each in read if each is not None]


def run_until(pipeline: Pipeline, done: Callable[[], Any], what: str) -> None:
    """Delivers (and nothing else) until something is so."""
    pipeline._deliverer.start()
    pipeline._planner.start()
    try:
        eventually(done, what)
    finally:
        pipeline._planner.stop(5)
        pipeline._deliverer.stop(5)


def words(pipeline: Pipeline, event_id: int) -> list[str]:
    """What became of an event's deliveries so far."""
    status = pipeline.store.event(event_id)
    return [each.word for each in status.deliveries] if status else []


def attempted(pipeline: Pipeline, event_id: int) -> bool:
    """Whether its deliveries have been tried."""
    found = words(pipeline, event_id)
    return bool(found) and "pending" not in found


def test_tells_the_fallback_of_a_destination_that_fails(
    tmp_path: Path, store: Store, far: FarSides, clock: Clock
) -> None:
    """One message after `fallback_after`, another when it gets worse, and the end once it delivers again."""
    far.on_call.failure = BUSY
    with started(make_pipeline(tmp_path, store, far.actions, ON_CALL, clock=clock)) as pipeline:
        first = pipeline.accept(alert("A", severity="warning", namespace="shop", pod="cart-1"))
        eventually(lambda: attempted(pipeline, first), "the first attempt")
        pipeline._fallback.look()
        assert [] == far.chat.sent
        clock.pass_seconds(120)
        eventually(lambda: 1 == len(far.chat.sent), "the fallback to be told")
        second = pipeline.accept(alert("B", severity="critical"))
        eventually(lambda: "pending" in words(pipeline, second) or attempted(pipeline, second), "the next one to wait")
        pipeline._fallback.look()
        assert 1 == len(far.chat.sent)
        clock.pass_seconds(60)
        eventually(lambda: 2 == len(far.chat.sent), "the fallback to be told that it is worse")
        far.on_call.failure = None

        def delivered() -> bool:
            clock.pass_seconds(20)
            return all("delivered" in words(pipeline, each) for each in (first, second))

        eventually(delivered, "both to be told after all")
        clock.pass_seconds(60)
        eventually(lambda: 3 == len(far.chat.sent), "the fallback to be told that it is over")
    said = far.chat.summaries()
    assert "firing: on-call/log/0 has been failing for 2m (busy): 1 alert was not told there" == said[0]
    assert "firing: on-call/log/0 has been failing for 3m (busy): 2 alerts were not told there" == said[1]
    assert "resolved: on-call/log/0 delivers again" == said[2]
    (told,) = far.chat.sent[1].group.alerts
    assert ("critical", "B: B happened.\nA shop/cart-1: A happened.") == (
        told.labels["severity"],
        told.annotations["description"],
    )
    assert "https://alerts.example/" == far.chat.sent[0].page_url
    assert [] == far.root.sent
    assert [] == store.troubles()


def test_a_destination_that_is_only_paced_is_in_no_trouble(
    pipeline: Pipeline, store: Store, far: FarSides, clock: Clock, look: Callable[[], None]
) -> None:
    """A 429 is no failure, however long it lasts."""
    far.on_call.failure = SendError("slow down", throttled=True)
    event_id = pipeline.accept(alert())
    run_until(pipeline, lambda: attempted(pipeline, event_id), "the first attempt")
    clock.pass_seconds(600)
    look()
    assert ([], []) == (rows(store), store.troubles())


def test_tells_the_fallback_of_what_died(
    pipeline: Pipeline, store: Store, far: FarSides, clock: Clock, look: Callable[[], None]
) -> None:
    """A storm of two hundred that die is one message; it ends when nothing of it matters any more."""
    far.on_call.failure = GONE
    ids = [pipeline.accept(alert(f"A{number}", severity="page")) for number in range(200)]
    run_until(pipeline, lambda: 200 == store.untold().get("on-call/log/0"), "all to die")
    assert {"on-call/log/0": 200} == store.untold()
    look()
    look()
    (row,) = rows(store)
    assert ("chat/log/0", ids[-1], 0, "pending") == (row.destination, row.event_id, row.rank, row.state)
    assert ["200 notifications could not be delivered to on-call/log/0: no such channel"] == store.troubles()
    assert '{"critical": 1}' == row.counts
    clock.pass_seconds(3_600)
    look()
    assert 1 == len(rows(store))
    clock.pass_seconds(86_400)
    look()
    assert ["firing", "resolved"] == told(store)
    assert ({}, []) == (store.untold(), store.troubles())


def test_what_gets_through_later_was_told_after_all(
    pipeline: Pipeline, store: Store, far: FarSides, clock: Clock, look: Callable[[], None], tmp_path: Path
) -> None:
    """The next state of the group arrives, and the trouble is over."""
    far.on_call.failure = GONE
    pipeline.accept(alert())
    run_until(pipeline, lambda: store.untold(), "it to die")
    look()
    clock.pass_seconds(60)
    look()
    assert 1 == len(rows(store))
    far.on_call.failure = None
    again = make_pipeline(tmp_path, store, far.actions, ON_CALL, clock=clock)
    event_id = again.accept(alert(status="resolved"))
    run_until(again, lambda: "delivered" in words(again, event_id), "the end to be told")
    look()
    assert 2 == len(rows(store))
    assert "has nothing left that was not told" in rows(store)[1].notification


def test_what_is_over_before_it_was_announced_is_announced(
    pipeline: Pipeline, store: Store, far: FarSides, clock: Clock, look: Callable[[], None]
) -> None:
    """That nobody was told is told, even when there is nothing left to tell; then it ends."""
    far.on_call.failure = GONE
    pipeline.accept(alert())
    pipeline.accept(alert(status="resolved"))
    run_until(pipeline, lambda: store.untold() and not store.firing_alerts(), "it to be over")
    look()
    clock.pass_seconds(60)
    look()
    assert ["firing", "resolved"] == told(store)
    assert {} == store.untold()


def test_a_fallback_that_fails_is_told_nowhere(tmp_path: Path, store: Store, far: FarSides, clock: Clock) -> None:
    """What dies of a fallback's message goes no further, and neither does that it waits."""
    far.on_call.failure, far.chat.failure = GONE, GONE
    with started(make_pipeline(tmp_path, store, far.actions, ON_CALL, clock=clock)) as pipeline:
        pipeline.accept(alert())
        eventually(lambda: any(row.state == "dead" for row in rows(store)), "the message to die")
        far.chat.failure = BUSY
        for number in range(3):
            pipeline.accept(alert(f"A{number}"))
            clock.pass_seconds(300)
            eventually(lambda: len(rows(store)) > 1, "another message")
        clock.pass_seconds(300)
        pipeline._fallback.look()
        assert {"chat/log/0"} == {row.destination for row in rows(store)}
    assert {"on-call/log/0"} == set(store.untold())
    assert ([], []) == (far.chat.sent, far.root.sent)


def test_without_a_fallback_the_root_receiver_is_told(
    pipeline: Pipeline, store: Store, far: FarSides, look: Callable[[], None]
) -> None:
    """If that is another one."""
    far.other.failure = GONE
    pipeline.accept(alert(team="b"))
    run_until(pipeline, lambda: store.untold(), "it to die")
    look()
    assert ["root/log/0"] == [row.destination for row in rows(store)]


def test_of_the_root_receiver_only_log_page_and_metric_tell(
    pipeline: Pipeline, store: Store, far: FarSides, clock: Clock, look: Callable[[], None]
) -> None:
    """There is nobody else to be told."""
    far.root.failure = GONE
    pipeline.accept(alert(team="c"))
    run_until(pipeline, lambda: store.untold(), "it to die")
    look()
    clock.pass_seconds(60)
    look()
    assert ([], {"root/log/0": 1}) == (rows(store), store.untold())
    assert ["1 notification could not be delivered to root/log/0: no such channel"] == store.troubles()


@pytest.mark.parametrize(
    ("name", "expected"), [("on-call", "chat"), ("other", "root"), ("root", None), ("gone", "root")]
)
def test_who_is_told_instead(tmp_path: Path, name: str, expected: str | None) -> None:
    """The fallback, else the root route's receiver, else nobody; of a receiver that is gone, too."""
    found = told_instead(configuration(tmp_path, ON_CALL), name)
    assert expected == (found.name if found else None)


def test_two_replicas_announce_once(
    tmp_path: Path, open_engine: Callable[[], Engine], far: FarSides, clock: Clock
) -> None:
    """However many look at the same moment, what there is to say is said once."""
    stores = [Store(open_engine(), name) for name in "abcd"]
    pipeline = make_pipeline(tmp_path, stores[0], far.actions, ON_CALL, clock=clock)
    far.on_call.failure = GONE
    pipeline.accept(alert())
    run_until(pipeline, lambda: stores[0].untold(), "it to die")
    settings = configuration(tmp_path, ON_CALL)
    ready = threading.Barrier(4)

    def look(store: Store) -> None:
        watching = Fallback(lambda: settings, store, clock)
        ready.wait(5)
        watching.look()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, stores))
    assert 1 == len(rows(stores[0]))


def test_says_it_when_an_earlier_one_could_not(
    pipeline: Pipeline, store: Store, far: FarSides, engine: Engine, look: Callable[[], None]
) -> None:
    """What is said and that it was said is one transaction: a crash in the middle leaves neither."""
    far.on_call.failure = GONE
    pipeline.accept(alert())
    run_until(pipeline, lambda: store.untold(), "it to die")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE destinations RENAME COLUMN announced_at TO away"))
    with pytest.raises(StoreError):
        look()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE destinations RENAME COLUMN away TO announced_at"))
    assert [] == rows(store)
    look()
    look()
    assert 1 == len(rows(store))


def test_goes_on_when_the_storage_failed(tmp_path: Path, store: Store, far: FarSides) -> None:
    """A look that failed is followed by another."""
    failing = Failing(store)
    far.on_call.failure = GONE
    with started(make_pipeline(tmp_path, failing, far.actions, ON_CALL)) as pipeline:
        failing.failures["announcements"] = 1
        pipeline.accept(alert())
        eventually(lambda: far.chat.sent, "the fallback to be told")
        assert pipeline.alive


def test_tells_the_root_receiver_what_was_rejected(
    pipeline: Pipeline, store: Store, clock: Clock, look: Callable[[], None]
) -> None:
    """At most once in ten minutes, counting; and after an hour without another it is over."""
    pipeline.reject("body: is not JSON", b"{")
    look()
    for number in range(3):
        pipeline.reject(f"alerts[{number}]: is missing", b"x" * 100_000)
    clock.pass_seconds(599)
    look()
    assert ["root/log/0"] == [row.destination for row in rows(store)]
    clock.pass_seconds(1)
    look()
    clock.pass_seconds(3_600)
    look()
    look()
    said = [row.notification for row in rows(store)]
    assert 3 == len(said)
    assert "alert-manager rejected 1 webhook body: body: is not JSON" in said[0]
    assert "alert-manager rejected 4 webhook bodies: alerts[2]: is missing" in said[1]
    assert "nothing was rejected for an hour" in said[2]
    pipeline.reject("again", b"")
    clock.pass_seconds(600)
    look()
    assert "alert-manager rejected 1 webhook body: again" in rows(store)[3].notification


def test_locks_the_row_of_the_destination_it_speaks_of(
    store: Store, pipeline: Pipeline, far: FarSides, look: Callable[[], None]
) -> None:
    """And of no other: two replicas that look at once wait for each other there, and say it once."""
    far.on_call.failure = GONE
    event_id = pipeline.accept(alert())
    pipeline.reject("is not JSON")
    run_until(pipeline, lambda: words(pipeline, event_id) == ["dead"], "a dead delivery")
    look()
    with store._engine.connect() as connection:
        names = set(connection.execute(select(destinations.c.name)).scalars())
    assert {"on-call/log/0", "rejected"} == names - {"chat/log/0", "root/log/0"}


def test_keeps_the_last_hundred_rejected_bodies(store: Store, pipeline: Pipeline) -> None:
    """And of each no more than its beginning."""
    for number in range(105):
        pipeline.reject(f"error {number}", b"x" * 100_000)
    with store._engine.connect() as connection:
        found = connection.execute(text("SELECT error, length(body) FROM rejected ORDER BY id")).all()
    assert [(f"error {number}", 65_536) for number in range(5, 105)] == [tuple(row) for row in found]


def test_a_rejection_is_answered_whatever_the_storage_does(tmp_path: Path, store: Store) -> None:
    """The answer is the same when the body cannot be kept."""
    failing = Failing(store)
    failing.failures["losses"] = 1
    make_pipeline(tmp_path, failing, {}).reject("is not JSON", b"{")
    assert 0 == failing.failures["losses"]


def test_tells_the_root_receiver_what_could_not_be_planned(
    store: Store, clock: Clock, look: Callable[[], None], engine: Engine
) -> None:
    """Of an event that is dead nobody was told."""
    ids = [store.accept(b"{}", clock()) for _ in range(2)]
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET state = 'dead', error = 'cannot be planned: KeyError'"))
    look()
    look()
    (row,) = rows(store)
    assert ("root/log/0", ids[-1]) == (row.destination, row.event_id)
    assert "could not plan 2 accepted payloads, and told nobody: cannot be planned: KeyError" in row.notification
