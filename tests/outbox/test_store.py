"""The contract of every store: what is accepted is kept, planned once and in order, and remembered."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from alerts.history import History
from alerts.notification import Thread
from outbox.database import open_database
from outbox.records import Plan, Planned
from outbox.store import Store
from outbox.tables import events
from tests.outbox.steps import DEAD, LATER, LEASE, TEAM, after, keep, settle, status, take, tell, told
from tests.samples import NOW, model_alert, notification


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
    assert settle(store, delivery, thread=Thread("key"))

    ended = status(store, event_id)
    assert ("planned", True) == (ended.state, ended.settled)
    assert [("delivered", 1, "ok", NOW)] == [(d.word, d.attempts, d.detail, d.settled_at) for d in ended.deliveries]
    assert [] == take(store, LATER)


def test_there_is_no_event_of_another_id(store: Store) -> None:
    """An id that was never given has no status."""
    assert None is store.event(4711)


def test_hands_events_out_oldest_first_and_once(store: Store) -> None:
    """Events come in the order in which they were accepted, two hundred at a time, each once."""
    ids = [store.accept(b"{}", NOW) for _ in range(250)]
    first, second = store.claim_events(NOW, LEASE), store.claim_events(NOW, LEASE)
    assert ids == [event.id for event in first + second]
    assert 200 == len(first)
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


def test_takes_up_no_more_than_it_can_hold(store: Store) -> None:
    """Of large bodies and notifications only so many are taken at once, and one that is larger still alone."""
    ids = [store.accept(b"x" * size * 1024 * 1024, NOW) for size in (3, 3, 3, 20, 1)]
    taken = []
    while claimed := store.claim_events(NOW, 30):
        taken.append([event.id for event in claimed])
        store.plan([Plan(event) for event in claimed])
    assert [ids[:2], ids[2:3], ids[3:4], ids[4:]] == taken


def test_what_was_lost_in_front_is_not_overtaken(store: Store, engine: Engine) -> None:
    """A process that came too late for one event keeps nothing of those behind it: their order is another's to keep."""
    for _ in range(2):
        store.accept(b"{}", NOW)
    late = store.claim_events(NOW, 30)
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET lease_owner = 'b' WHERE id = 1"))
    assert [] == store.plan([Plan(event) for event in late])


@pytest.mark.parametrize("successor", ["a", "b"])
@pytest.mark.parametrize("jump", [-3600, -60, 60, 3600])
def test_planning_goes_on_when_the_clock_jumps(engine: Engine, jump: float, successor: str) -> None:
    """What a process held that died is planned after two leases at most; so is what the same process has lost."""
    Store(engine, "a").accept(b"{}", NOW)
    assert 1 == len(Store(engine, "a").claim_events(NOW, LEASE))
    store = Store(engine, successor)
    assert any(store.claim_events(after(jump + waited), LEASE) for waited in (0, 2 * LEASE + 1))


def test_clocks_that_differ_hand_nothing_out_twice(engine: Engine) -> None:
    """A replica whose clock is behind does not take a lease just given for one of before a jump."""
    a, b = Store(engine, "a"), Store(engine, "b")
    keep(a, notification())
    a.accept(b"{}", NOW)
    assert (1, 1) == (len(a.claim_events(after(5), LEASE)), len(take(a, after(5))))
    assert ([], []) == (b.claim_events(NOW, LEASE), take(b, NOW))


def test_what_becomes_visible_late_holds_up_nothing(engine: Engine, open_engine: Callable[[], Engine]) -> None:
    """On PostgreSQL an id is given before the commit: an event with an earlier one may be seen later."""
    if engine.dialect.name == "sqlite":
        pytest.skip("on SQLite one writes at a time")
    store = Store(engine, "a")
    values = {"received_at": NOW, "body": b"late", "kind": "alert", "state": "accepted", "attempts": 0}
    with open_engine().begin() as connection:
        connection.execute(events.insert().values(values))
        second = store.accept(b"early", NOW)
        claimed = store.claim_events(NOW, LEASE)
        assert [second] == [each.id for each in claimed]
    plans = [Plan(each) for each in claimed]
    assert plans == store.plan(plans)
    assert [b"late"] == [each.body for each in store.claim_events(NOW, LEASE)]


def test_remembers_groups(store: Store, engine: Engine) -> None:
    """A group's history is what the last plan said; one never heard of, or of another version, has none."""
    history = History("hash", 1, NOW, True, NOW, (NOW,))
    keys = [f"group {number}" for number in range(1_001)]
    store.accept(b"{}", NOW)
    (event,) = store.claim_events(NOW, LEASE)
    store.plan([Plan(event, histories={key: replace(history, content=key) for key in keys})])
    found = store.histories([*keys, "unknown"])
    assert {key: replace(history, content=key) for key in keys} == found
    with engine.begin() as connection:
        connection.execute(text("UPDATE groups SET history = '{}' WHERE group_key = 'group 7'"))
    assert set(keys) - {"group 7"} == set(store.histories(keys))


def test_knows_what_fires(store: Store) -> None:
    """In one group, those heard of last first, no more than were asked for; what ended does not fire."""
    a, b, c = (model_alert(name) for name in "ABC")
    for seconds, alert in enumerate((a, b, c, model_alert("B", "resolved"))):
        keep(store, told("one", alert), told("two", a), now=after(seconds))
    assert [c, a] == store.firing("one", 10)
    assert [c] == store.firing("one", 1)
    assert [] == store.firing("three", 10)


def test_knows_who_has_been_silent(store: Store) -> None:
    """Alerts that fire and were last heard of before a time; a group that came as it was has been heard of."""
    a, b = model_alert("A"), model_alert("B")
    keep(store, told("one", a))
    keep(store, told("one", b), told("two", a), now=after(10))
    assert {a.fingerprint} == store.silent("one", after(10))
    assert {a.fingerprint, b.fingerprint} == store.silent("one", after(11))
    store.accept(b"{}", after(20))
    (event,) = store.claim_events(after(20), LEASE)
    history = History("hash", 1, NOW, True, NOW)
    store.plan([Plan(event, histories={"one": history, "two": history})])
    assert [("one", a), ("one", b), ("two", a)] == sorted(store.silent_alerts(after(11), 9), key=lambda each: each[0])
    assert [("one", a)] == store.silent_alerts(after(11), 1)
    store.accept(b"{}", after(20))
    (event,) = store.claim_events(after(20), LEASE)
    store.plan([Plan(event, heard_again={"one": (b.fingerprint,)}, duplicate_of=1)])
    # Of what the duplicate did not name nothing was heard.
    assert {a.fingerprint} == store.silent("one", after(20))
    assert [("one", a), ("two", a)] == sorted(store.silent_alerts(after(20), 9), key=lambda each: each[0])


def test_knows_who_holds_something(store: Store) -> None:
    """Who was told and not told the end, and who is about to be told; not who is through with it, or never was told."""
    a, b = model_alert("A"), model_alert("B")
    tell(store, told("one", a), told("one", b, receiver="both"), told("two", a))
    tell(store, told("two", model_alert("A", "resolved")))
    keep(store, told("one", a, receiver="waits"), told("one", a, receiver="dead"), told("one", b, receiver="both"))
    for each in take(store):
        if each.notification.receiver == "dead":
            assert settle(store, each, DEAD)
    of_a, of_b = frozenset({a.fingerprint}), frozenset({b.fingerprint})
    held = {TEAM: of_a, "both/log/0": of_b, "waits/log/0": of_a}
    assert {"one": held} == store.holders(["one", "two", "three"])
    keep(store, told("one", model_alert("A", "resolved"), b, receiver="waits"))
    assert of_b == store.holders(["one"])["one"]["waits/log/0"]


def test_what_an_older_version_planned_is_not_known(store: Store, engine: Engine) -> None:
    """Of a delivery that waits and does not say what it tells."""
    keep(store, told("one", model_alert("A")))
    with engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET tells = NULL"))
    assert {"one": {TEAM: None}} == store.holders(["one"])


def test_a_thread_of_another_version_is_held(store: Store, engine: Engine) -> None:
    """Who holds what nobody can read any more still hears of ends."""
    tell(store, told("one", model_alert("A")))
    with engine.begin() as connection:
        connection.execute(text("UPDATE threads SET thread = '{\"open_fingerprints\": 1}'"))
    assert {"one": {TEAM: None}} == store.holders(["one"])


def test_release_leaves_what_is_settled(engine: Engine) -> None:
    """Giving back what a dead process held changes nothing of what came to its end."""
    a = Store(engine, "a")
    tell(a, notification())
    assert 0 == Store(engine, "b").release("a")
