"""The contract of every store: what is accepted is kept, handed out once at a time, in order, and given back."""

import math
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from alerts.model import Alert
from alerts.notification import Finding, Gap, Notification, Reading, Thread
from outbox.database import StoreError, open_database
from outbox.retry import Outcome
from outbox.rows import Backlog, Delivery, EventStatus, Plan, Planned
from outbox.store import Store
from tests.samples import NOW, model_alert, notification

LEASE = 30.0
LATER = NOW + timedelta(seconds=LEASE + 1)
DELIVERED = Outcome("delivered", "ok")


def keep(store: Store, *notifications: Notification, now: datetime = NOW, suppressed: str | None = None) -> int:
    """Accepts an event and plans these notifications for it; returns the event's id."""
    event_id = store.accept(b"{}", now)
    (claimed,) = store.claim_events(now, LEASE)
    assert event_id == claimed.id
    plan = Plan(claimed, tuple(Planned(each, suppressed) for each in notifications))
    assert [plan] == store.plan([plan])
    return event_id


def take(store: Store, now: datetime = NOW, limit: int = 100) -> list[Delivery]:
    """Claims deliveries."""
    return store.claim_deliveries(now, LEASE, limit)


def status(store: Store, event_id: int) -> EventStatus:
    """What became of an event."""
    found = store.event(event_id)
    assert found is not None
    return found


@contextmanager
def broken(engine: Engine) -> Iterator[None]:
    """Has the database refuse all writing, with its own error, as a disk that became read-only or a standby does."""
    statements = {"sqlite": "PRAGMA query_only=ON", "postgresql": "SET default_transaction_read_only = on"}

    def refuse(connection: Any, record: object, proxy: object) -> None:
        connection.execute(statements[engine.dialect.name])
        connection.commit()

    event.listen(engine, "checkout", refuse)
    try:
        yield
    finally:
        event.remove(engine, "checkout", refuse)
        engine.dispose()


def test_an_event_goes_all_the_way(store: Store) -> None:
    """What is accepted is claimed, planned, claimed as deliveries, settled, and seen at each step."""
    event_id = store.accept(b'{"x": 1}', NOW)
    assert "accepted" == status(store, event_id).state
    assert not status(store, event_id).settled

    (claimed,) = store.claim_events(NOW, LEASE)
    assert (event_id, NOW, b'{"x": 1}', 1) == (claimed.id, claimed.received_at, claimed.body, claimed.attempts)

    said = notification()
    plan = Plan(claimed, (Planned(said),))
    assert [plan] == store.plan([plan])
    assert ["pending"] == [each.word for each in status(store, event_id).deliveries]

    (delivery,) = take(store)
    assert said == delivery.notification
    assert (event_id, 1, NOW, Thread()) == (
        delivery.event_id,
        delivery.attempts,
        delivery.received_at,
        delivery.thread,
    )
    assert store.settle(delivery, DELIVERED, Thread("key"), NOW)

    ended = status(store, event_id)
    assert ("planned", True) == (ended.state, ended.settled)
    assert [("delivered", 1, "ok", NOW)] == [(d.word, d.attempts, d.detail, d.settled_at) for d in ended.deliveries]
    assert [] == take(store, LATER)


def test_there_is_no_event_of_another_id(store: Store) -> None:
    """An id that was never given has no status."""
    assert None is store.event(4711)


def test_hands_events_out_oldest_first_and_once(store: Store) -> None:
    """Events come in the order in which they were accepted, a hundred at a time, each once."""
    ids = [store.accept(b"{}", NOW) for _ in range(150)]
    first, second = store.claim_events(NOW, LEASE), store.claim_events(NOW, LEASE)
    assert ids == [event.id for event in first + second]
    assert 100 == len(first)
    assert [] == store.claim_events(NOW, LEASE)


def test_one_plans_at_a_time(engine: Engine) -> None:
    """While one process holds an event, another gets none, not even one that nobody holds."""
    a, b = Store(engine, "a"), Store(engine, "b")
    first = a.accept(b"1", NOW)
    (held,) = a.claim_events(NOW, LEASE)
    second = b.accept(b"2", NOW)
    assert [] == b.claim_events(NOW, LEASE)
    a.plan([Plan(held)])
    assert [second] == [event.id for event in b.claim_events(NOW, LEASE)]
    assert ("unrouted", True) == (status(a, first).state, status(a, first).settled)


def test_events_come_back_when_their_lease_ends(engine: Engine) -> None:
    """What a process that is gone held is planned by another, and its own late plan is not kept."""
    a, b = Store(engine, "a"), Store(engine, "b")
    a.accept(b"{}", NOW)
    (held,) = a.claim_events(NOW, LEASE)
    assert [] == b.claim_events(NOW + timedelta(seconds=LEASE), LEASE)
    (taken,) = b.claim_events(LATER, LEASE)
    assert 2 == taken.attempts

    assert [] == a.plan([Plan(held, (Planned(notification()),))])
    said = Plan(taken, (Planned(notification()),))
    assert [said] == b.plan([said])
    assert [] == b.plan([said])
    assert 1 == len(status(b, taken.id).deliveries)


def test_a_plan_is_kept_whole_or_not_at_all(store: Store) -> None:
    """Of two plans, one of an event that is lost, the other is kept, with its deliveries only."""
    ids = [store.accept(b"{}", NOW) for _ in range(2)]
    lost, held = store.claim_events(NOW, LEASE)
    store.plan([Plan(lost)])
    plans = [Plan(each, (Planned(notification()), Planned(notification(receiver="b")))) for each in (lost, held)]
    assert plans[1:] == store.plan(plans)
    assert [0, 2] == [len(status(store, event_id).deliveries) for event_id in ids]


def test_an_event_that_cannot_be_planned_is_dead(store: Store) -> None:
    """Why an event is dead is kept with it."""
    event_id = store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, LEASE)
    store.plan([Plan(claimed, error="cannot be read any more: half a \ud800 pair, NUL \0")])
    dead = status(store, event_id)
    assert ("dead", True) == (dead.state, dead.settled)
    assert "cannot be read any more: half a ? pair, NUL ?" == dead.error


def test_a_delivery_is_handed_out_once(engine: Engine) -> None:
    """While one process holds a delivery no other gets it, and when its lease has ended another does."""
    a, b = Store(engine, "a"), Store(engine, "b")
    keep(a, notification())
    (held,) = take(a)
    assert [] == take(a)
    assert [] == take(b, NOW + timedelta(seconds=LEASE))
    (taken,) = take(b, LATER)
    assert (held.id, 2) == (taken.id, taken.attempts)


def test_settling_is_fenced(engine: Engine) -> None:
    """Who lost a delivery cannot settle it, nor change the thread, nor settle twice; who holds it can."""
    a, b = Store(engine, "a"), Store(engine, "b")
    event_id = keep(a, notification())
    (lost,) = take(a)
    (held,) = take(b, LATER)
    assert not a.settle(lost, Outcome("dead", "late"), Thread("wrong"), LATER)
    assert b.settle(held, DELIVERED, Thread("right"), LATER)
    assert not b.settle(held, Outcome("dead", "twice"), None, LATER)
    assert ["delivered"] == [each.word for each in status(a, event_id).deliveries]
    keep(a, notification(), now=LATER)
    assert ["right"] == [each.thread.key for each in take(a, LATER)]


def test_settling_is_fenced_against_oneself(store: Store) -> None:
    """A send that outlived its lease is not kept, although the same process took the delivery again."""
    keep(store, notification())
    (lost,) = take(store)
    (held,) = take(store, LATER)
    assert not store.settle(lost, DELIVERED, None, LATER)
    assert store.settle(held, DELIVERED, None, LATER)


def test_a_delivery_to_be_retried_comes_when_it_is_due(store: Store) -> None:
    """Between attempts a delivery is free and waits for its time."""
    event_id = keep(store, notification())
    (delivery,) = take(store)
    due_at = NOW + timedelta(seconds=5)
    assert store.settle(delivery, Outcome("pending", "busy", due_at), None, NOW)
    assert ["retrying"] == [each.word for each in status(store, event_id).deliveries]
    assert status(store, event_id).settled
    assert [] == take(store, due_at - timedelta(microseconds=1))
    assert [2] == [each.attempts for each in take(store, due_at)]


@pytest.mark.parametrize("end", [DELIVERED, Outcome("dead", "no such channel")])
def test_only_the_first_of_a_group_is_handed_out(store: Store, end: Outcome) -> None:
    """A group's later state waits until the one before is at its end; other groups and receivers do not."""
    for group in ("one", "one", "two"):
        keep(store, notification(group), notification(group, "other"))
    first = take(store)
    assert [("one", "team"), ("one", "other"), ("two", "team"), ("two", "other")] == [
        (each.notification.group.group_key, each.notification.receiver) for each in first
    ]
    assert [] == take(store)

    retried, due_at = first[0], NOW + timedelta(seconds=5)
    assert store.settle(retried, Outcome("pending", "busy", due_at), None, NOW)
    assert store.settle(first[1], DELIVERED, None, NOW)
    assert [("one", "other")] == [
        (each.notification.group.group_key, each.notification.receiver) for each in take(store)
    ]
    (again,) = take(store, due_at)
    assert (retried.id, 2) == (again.id, again.attempts)
    assert store.settle(again, end, None, due_at)
    (second,) = take(store, due_at)
    assert ("one", "team", 1) == (second.notification.group.group_key, second.notification.receiver, second.attempts)


def test_the_limit_is_kept_and_the_oldest_come_first(store: Store) -> None:
    """Never more deliveries are handed out than were asked for, those that are due longest before others."""
    for number in range(5):
        keep(store, notification(f"group {number}"), now=NOW + timedelta(seconds=5 - number))
    assert ["group 4", "group 3"] == [d.notification.group.group_key for d in take(store, LATER, limit=2)]
    assert ["group 2", "group 1", "group 0"] == [d.notification.group.group_key for d in take(store, LATER)]


def test_a_thread_is_one_destinations_and_one_groups(store: Store) -> None:
    """What a destination holds of a group comes with its next delivery, and with no other."""
    keep(store, notification("one"))
    (delivery,) = take(store)
    thread = Thread("key", ("f1", "f2"), NOW)
    assert store.settle(delivery, DELIVERED, thread, NOW)
    keep(store, notification("one"), notification("one", "other"), notification("two"))
    assert [thread, Thread(), Thread()] == [each.thread for each in take(store)]

    (delivery, *_) = take(store, LATER)
    assert store.settle(delivery, DELIVERED, replace(thread, key="new"), LATER)
    keep(store, notification("one"), now=LATER)
    assert ["new"] == [d.thread.key for d in take(store, LATER) if d.notification.destination == "team/log/0"][-1:]


def test_what_is_suppressed_is_never_handed_out(store: Store) -> None:
    """A suppressed delivery is at its end from the start, with its reason, and nothing waits for it."""
    event_id = keep(store, notification(), suppressed="send_resolved is false")
    assert [] == take(store)
    (delivery,) = status(store, event_id).deliveries
    assert ("suppressed", "send_resolved is false", NOW) == (delivery.word, delivery.detail, delivery.settled_at)
    keep(store, notification())
    assert 1 == len(take(store))


def test_release_gives_back_what_one_process_held(engine: Engine) -> None:
    """What a process held whose name begins so is free at once; what others hold is not, however alike their names."""
    names = ("host:1:", "host:11:", "host_1:", "hostx1:")
    stores = {name: Store(engine, name) for name in names}
    for name, each in stores.items():
        keep(each, notification(name))
        assert 1 == len(take(each))
    free = Store(engine, "free")
    assert 1 == free.release("host:1:")
    assert ["host:1:"] == [each.notification.group.group_key for each in take(free)]
    assert 1 == free.release("host_1")
    assert 3 == free.release()
    assert 0 == free.release()
    assert set(names) == {each.notification.group.group_key for each in take(free)}


def test_release_gives_back_events(engine: Engine) -> None:
    """An event that was held is planned by another at once."""
    a, b = Store(engine, "a"), Store(engine, "b")
    a.accept(b"{}", NOW)
    a.claim_events(NOW, LEASE)
    assert 1 == b.release("a")
    assert 1 == len(b.claim_events(NOW, LEASE))


def test_backlog_counts_what_waits(store: Store) -> None:
    """Events that are to be planned and deliveries under way, and since when the oldest of them waits."""
    assert Backlog(0, 0, None) == store.backlog()
    old, new = NOW - timedelta(hours=1), NOW
    keep(store, notification("one"), notification("two"), now=old)
    keep(store, notification("three"), suppressed="muted", now=old - timedelta(hours=1))
    store.accept(b"{}", new)
    assert Backlog(1, 2, old) == store.backlog()
    for delivery in take(store):
        assert store.settle(delivery, DELIVERED, None, NOW)
    assert Backlog(1, 0, new) == store.backlog()


def test_recent_alerts_have_their_latest_state(store: Store) -> None:
    """Firing ones come first, then the newest; each with what was found and the deliveries of its own group."""
    reading = Reading("cpu", "CPU", 0.42, "cores", NOW, "up", limit=0.5)
    findings: tuple[Finding, ...] = (reading, Gap("memory", "memory", "no data"))

    def heard(now: datetime, *told: tuple[str, Alert]) -> int:
        event_id = store.accept(b"{}", now)
        (claimed,) = store.claim_events(now, LEASE)
        planned = tuple(Planned(notification(group, "team", alert)) for group, alert in told)
        store.plan([Plan(claimed, planned, tuple((group, alert, findings) for group, alert in told))])
        return event_id

    heard(NOW, ("one", model_alert("A")), ("two", model_alert("B")))
    last = heard(LATER, ("one", model_alert("A", "resolved")), ("three", model_alert("C")))
    shown = store.recent_alerts(10)
    assert [("C", "firing"), ("B", "firing"), ("A", "resolved")] == [(s.alert.name, s.alert.status) for s in shown]
    assert model_alert("A", "resolved") == shown[2].alert
    assert (findings, last, LATER) == (shown[2].findings, shown[2].event_id, shown[2].updated_at)
    assert [1, 1, 1] == [len(each.deliveries) for each in shown]
    assert ["C", "B"] == [each.alert.name for each in store.recent_alerts(2)]


def test_an_alert_in_two_groups_is_two(store: Store) -> None:
    """The same alert in two groups has a state in each; twice in one plan it has the later one."""
    store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, LEASE)
    firing, over = model_alert(), model_alert(status="resolved")
    store.plan([Plan(claimed, alerts=(("one", firing, ()), ("two", firing, ()), ("two", over, ())))])
    assert ["firing", "resolved"] == [each.alert.status for each in store.recent_alerts(10)]


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ("NUL \0 inside", "NUL \0 inside"),
        ("🔥 \u202e ünïcödé \x1b[31m \u2028", "🔥 \u202e ünïcödé \x1b[31m \u2028"),
        ("x" * 100_000, "x" * 100_000),
        ("'; DROP TABLE events; -- \" \\ % _ :name ?", "'; DROP TABLE events; -- \" \\ % _ :name ?"),
        ("", ""),
        ("half a pair \ud83d", "half a pair ?"),
    ],
    ids=["NUL", "beyond ASCII", "100 KB", "SQL", "empty", "surrogate"],
)
def test_keeps_odd_text(store: Store, odd: str, kept: str) -> None:
    """Whatever stands in labels, findings, errors and threads comes back, but for what no text may hold."""
    alert = replace(model_alert(), labels={"alertname": "A", "odd": odd}, fingerprint=f"f {odd}"[:256])
    gap = Gap("cpu", "CPU", odd)
    said = notification("group", "team", alert)
    said = replace(said, findings={alert.fingerprint: (gap,)})
    event_id = store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, LEASE)
    store.plan([Plan(claimed, (Planned(said),), (("group", alert, (gap,)),))])
    (delivery,) = take(store)
    assert kept == delivery.notification.group.alerts[0].labels["odd"]
    assert [(Gap("cpu", "CPU", kept),)] == list(delivery.notification.findings.values())
    (shown,) = store.recent_alerts(10)
    assert (kept, (Gap("cpu", "CPU", kept),)) == (shown.alert.labels["odd"], shown.findings)

    assert store.settle(delivery, Outcome("delivered", odd), Thread(odd), NOW)
    assert [kept.replace("\0", "?")] == [each.detail for each in status(store, event_id).deliveries]
    keep(store, said)
    assert [kept] == [each.thread.key for each in take(store)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 0.1 + 0.2])
def test_keeps_odd_numbers(store: Store, value: float) -> None:
    """A reading's numbers come back as they went in, those that are none included."""
    reading = Reading("cpu", "CPU", value, "cores", NOW, "up", request=value, limit=value)
    keep(store, replace(notification(), findings={"f": (reading,)}))
    (delivery,) = take(store)
    (found,) = delivery.notification.findings["f"]
    assert isinstance(found, Reading)
    # As text, for NaN does not equal itself.
    assert [repr(value)] * 3 == [repr(each) for each in (found.value, found.request, found.limit)]
    assert NOW == found.at


def test_a_row_that_cannot_be_read_holds_up_nothing(store: Store, engine: Engine) -> None:
    """A delivery that another version wrote is handed out as what it is, and so are those around it."""
    event_id = keep(store, notification("one"), notification("two", "other"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET notification = '{\"of\": \"old\"}' WHERE receiver = 'team'"))
    old, good = take(store)
    assert "cannot be read any more (4 errors)" == old.unreadable
    assert ("team/log/0", ()) == (old.notification.destination, old.notification.group.alerts)
    assert (None, notification("two", "other")) == (good.unreadable, good.notification)
    assert store.settle(old, Outcome("dead", str(old.unreadable)), None, NOW)
    assert ["dead", "pending"] == [each.word for each in status(store, event_id).deliveries]


def test_moments_are_exact(store: Store) -> None:
    """A time comes back to the microsecond: leases are fenced by it."""
    for microsecond in (0, 1, 499_999, 999_999):
        moment = NOW.replace(microsecond=microsecond)
        assert moment == status(store, store.accept(b"{}", moment)).received_at


def test_the_probe_writes(store: Store) -> None:
    """The probe can be made again and again."""
    store.probe(NOW)
    store.probe(LATER)


def accept_many(url: str, owner: str, count: int, threads: int) -> list[int]:
    """Accepts from several threads of one process."""
    engine = open_database(url)
    store = Store(engine, owner)
    with ThreadPoolExecutor(threads) as pool:
        ids = list(pool.map(lambda number: store.accept(f"{owner} {number}".encode(), NOW), range(count)))
    engine.dispose()
    return ids


def test_accepting_at_once_loses_nothing(engine: Engine, database_url: str) -> None:
    """What two processes with eight threads each accept at the same time is all there, each with its own id."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
        running = [processes.submit(accept_many, database_url, owner, 150, 8) for owner in ("a", "b")]
        ids = [event_id for each in running for event_id in each.result(timeout=60)]
    store = Store(engine, "c")
    claimed = [each for _ in range(3) for each in store.claim_events(NOW, LEASE)]
    assert sorted(ids) == [each.id for each in claimed]
    assert {f"{owner} {number}".encode() for owner in "ab" for number in range(150)} == {e.body for e in claimed}


def test_delivering_at_once_repeats_nothing(engine: Engine) -> None:
    """Of many threads of several owners that claim and settle, each delivery is one's, and each group in order."""
    groups, states = 10, 4
    main = Store(engine, "main")
    for _ in range(states):
        keep(main, *(notification(f"group {number}") for number in range(groups)))
    taken: list[list[Delivery]] = []

    def work(number: int) -> None:
        store, mine = Store(engine, f"owner {number}"), list[Delivery]()
        taken.append(mine)
        while main.backlog().deliveries:
            for delivery in take(store, limit=3):
                mine.append(delivery)
                assert store.settle(delivery, DELIVERED, None, NOW)

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, number) for number in range(6)]:
            done.result(timeout=60)
    ids = [delivery.id for mine in taken for delivery in mine]
    assert list(range(1, groups * states + 1)) == sorted(ids)
    assert {1} == {delivery.attempts for mine in taken for delivery in mine}


def test_planning_at_once_repeats_nothing(engine: Engine) -> None:
    """Threads of several owners that claim and plan all the time plan each event once, and in order."""
    main = Store(engine, "main")
    ids = [main.accept(b"{}", NOW) for _ in range(250)]
    planned: list[int] = []

    def work(number: int) -> None:
        store = Store(engine, f"owner {number}")
        while main.backlog().events:
            claimed = store.claim_events(NOW, LEASE)
            planned.extend(plan.event.id for plan in store.plan([Plan(event) for event in claimed]))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, number) for number in range(6)]:
            done.result(timeout=60)
    assert ids == sorted(planned)


WRITES: dict[str, Callable[[Store, Delivery, Plan], object]] = {
    "accept": lambda store, delivery, plan: store.accept(b"s3cret", NOW),
    "claim_events": lambda store, delivery, plan: store.claim_events(LATER, LEASE),
    "plan": lambda store, delivery, plan: store.plan([plan]),
    "claim_deliveries": lambda store, delivery, plan: take(store, LATER),
    "settle": lambda store, delivery, plan: store.settle(delivery, Outcome("dead", "s3cret"), Thread("s3cret"), NOW),
    "release": lambda store, delivery, plan: store.release(),
    "probe": lambda store, delivery, plan: store.probe(NOW),
}


@pytest.mark.parametrize("method", WRITES)
def test_a_database_that_cannot_be_written_is_a_store_error(store: Store, engine: Engine, method: str) -> None:
    """Each writing method says what the database said, without the statement's values, and keeps nothing."""
    event_id = keep(store, notification("s3cret"))
    (delivery,) = take(store)
    store.accept(b"s3cret", NOW)
    (claimed,) = store.claim_events(NOW, LEASE)
    plan = Plan(claimed, (Planned(notification("s3cret")),))
    before = status(store, event_id), status(store, claimed.id), store.backlog()

    with broken(engine), pytest.raises(StoreError, match=r"readonly database|read-only transaction") as caught:
        WRITES[method](store, delivery, plan)
    assert "s3cret" not in repr(caught.value)
    assert None is caught.value.__cause__
    assert before == (status(store, event_id), status(store, claimed.id), store.backlog())
    assert None is not WRITES[method](store, delivery, plan) or method == "probe"


READS: dict[str, Callable[[Store], object]] = {
    "event": lambda store: store.event(1),
    "recent_alerts": lambda store: store.recent_alerts(10),
    "backlog": lambda store: store.backlog(),
}


@pytest.mark.parametrize("method", READS)
def test_a_database_that_cannot_be_read_is_a_store_error(store: Store, engine: Engine, method: str) -> None:
    """Each reading method says so."""
    with engine.begin() as connection:
        for table in ("deliveries", "alerts", "events"):
            connection.execute(text(f"DROP TABLE {table}"))
    with pytest.raises(StoreError, match=r"no such table|does not exist"):
        READS[method](store)


def test_a_database_that_is_locked_is_a_store_error(store: Store, engine: Engine) -> None:
    """Who waits too long for another writer is told so, and can go on afterwards."""
    statements = {"sqlite": "PRAGMA busy_timeout=50", "postgresql": "SET LOCAL lock_timeout = 50"}
    impatient = statements[engine.dialect.name]
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE events"))
        event.listen(engine, "checkout", lambda connection, record, proxy: connection.execute(impatient))
        with pytest.raises(StoreError, match=r"database is locked|due to lock timeout"):
            store.accept(b"{}", NOW)
    assert 1 == store.accept(b"{}", NOW)


def test_takes_up_no_more_than_it_can_hold(store: Store) -> None:
    """Of large bodies and notifications only so many are taken at once, and one that is larger still alone."""
    ids = [store.accept(b"x" * size * 1024 * 1024, NOW) for size in (3, 3, 3, 20, 1)]
    taken = []
    while claimed := store.claim_events(NOW, 30):
        taken.append([event.id for event in claimed])
        store.plan([Plan(event) for event in claimed])
    assert [ids[:2], ids[2:3], ids[3:4], ids[4:]] == taken


def test_takes_up_no_more_deliveries_than_it_can_hold(store: Store) -> None:
    """Likewise deliveries, whose notifications hold whole groups."""
    store.accept(b"{}", NOW)
    (event,) = store.claim_events(NOW, 30)
    large = replace(model_alert(), annotations={"description": "x" * 5 * 1024 * 1024})
    notifications = [Planned(notification(f"group {number}", "team", large)) for number in range(3)]
    store.plan([Plan(event, tuple(notifications))])
    assert [1, 1, 1, 0] == [len(store.claim_deliveries(NOW, 30, 8)) for _ in range(4)]


def test_what_was_lost_in_front_is_not_overtaken(store: Store, engine: Engine) -> None:
    """A process that came too late for one event keeps nothing of those behind it: their order is another's to keep."""
    for _ in range(2):
        store.accept(b"{}", NOW)
    late = store.claim_events(NOW, 30)
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET lease_owner = 'b' WHERE id = 1"))
    assert [] == store.plan([Plan(event) for event in late])


def test_waits_for_its_turn_only_so_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writers queue up behind a database that is held, the last ones hear so in time."""
    monkeypatch.setattr("outbox.store.BUSY_TIMEOUT_SECONDS", 0.05)
    with store._writer, pytest.raises(StoreError, match=r"^the database is busy$"):
        store.accept(b"{}", NOW)
    assert 1 == store.accept(b"{}", NOW)
