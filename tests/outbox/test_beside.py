"""What is told beside a group's state: after it, in its order, together, and in nobody's place."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from alerts.model import Alert
from alerts.notification import Thread
from alerts.timeline import Entry
from outbox import beside
from outbox.lanes import Lane
from outbox.pacing import Pace
from outbox.records import Delivery, Plan
from outbox.settling import Settlement
from outbox.store import Store
from tests.outbox.steps import (
    DEAD,
    DELIVERED,
    LATER,
    TEAM,
    after,
    claim,
    critical,
    fail,
    groups_of,
    keep,
    row,
    settle,
    states,
    take,
    tell,
    told,
)
from tests.samples import NOW, model_alert

A, B, A_OVER = model_alert("A"), model_alert("B"), model_alert("A", "resolved")


def entry(words: str, *about: str, **changes: Any) -> Entry:
    """Returns an entry, to be heard if it is about alerts."""
    return Entry("changes", words, NOW, bool(about), about, **changes)


def asking(store: Store, delivery: Delivery, *entries: Entry, thread: Thread | None = None) -> None:
    """Settles a delivery whose receipt asks for entries."""
    thread = thread or delivery.thread.told(delivery.notification, NOW)
    settlement = Settlement(delivery, DELIVERED, thread, None, NOW, entries=entries)
    assert [True] == store.queue.settle([settlement])


def asked(store: Store, *entries: Entry, group: str = "g") -> None:
    """Tells a state of A and B whose receipt asks for entries."""
    keep(store, told(group, A, B))
    (delivery,) = take(store)
    asking(store, delivery, *entries)


def words(taken: list[Delivery]) -> list[list[str]]:
    """What deliveries tell beside a state."""
    return [[each.text for each in delivery.notification.entries] for delivery in taken]


def test_what_a_receipt_asks_for_is_a_delivery(store: Store, engine: Engine) -> None:
    """Of the same event and destination, of the alerts that are to be heard of by it, with what is held by then."""
    asked(store, entry("2 new", B.fingerprint), entry("and more"))
    (delivery,) = take(store, NOW)
    assert ("entry", TEAM, 1, 1) == (delivery.kind, delivery.destination, delivery.event_id, delivery.attempts)
    assert [["2 new", "and more"]] == words([delivery])
    assert (B,) == delivery.notification.group.alerts
    assert (A.fingerprint, B.fingerprint) == delivery.thread.open_fingerprints
    assert settle(store, delivery)
    assert ["delivered", "delivered"] == states(engine)


def test_what_was_lost_asks_for_nothing(store: Store, engine: Engine) -> None:
    """Who holds the delivery no more has nothing kept, neither its outcome nor what is beside it."""
    keep(store, told("g", A))
    (delivery,) = take(store)
    (again,) = take(store, LATER)
    settlement = Settlement(delivery, DELIVERED, None, None, LATER, entries=(entry("lost"),))
    assert [False] == store.queue.settle([settlement])
    assert 1 == len(states(engine))
    asking(store, again, entry("kept"))
    assert [["kept"]] == words(take(store, LATER))


def test_several_that_wait_are_told_together(store: Store, engine: Engine) -> None:
    """By the last of them; the others name it."""
    asked(store, entry("one", A.fingerprint))
    store_second = told("g", A, B, model_alert("C"))
    keep(store, store_second, now=after(1))
    (state,) = take(store, after(1))
    asking(store, state, entry("two"))
    (delivery,) = take(store, after(2))
    assert [["one", "two"]] == words([delivery])
    assert (A,) == delivery.notification.group.alerts
    first = row(engine, 2)
    assert ("superseded", beside.TOGETHER, delivery.id) == (first.state, first.detail, first.successor_id)


def test_a_state_goes_first(store: Store) -> None:
    """What is beside waits for it, and takes nobody's place; while one is in flight nothing of the group is."""
    asked(store, entry("one"))
    keep(store, told("g", A_OVER, B), now=after(1))
    (state,) = take(store, after(1))
    assert "state" == state.kind
    assert [] == take(store, after(1))
    assert settle(store, state, now=after(1))
    (delivery,) = take(store, after(1))
    assert ("entry", [["one"]]) == (delivery.kind, words([delivery]))
    keep(store, told("g", B), now=after(2))
    assert [] == take(store, after(2))
    assert settle(store, delivery, now=after(2))
    assert ["state"] == [each.kind for each in take(store, after(2))]


def test_a_picture_is_told_by_itself(store: Store) -> None:
    """In its turn, with the group's alerts: it is made for them when it is sent."""
    asked(store, entry("one"), Entry("picture", "CPU", NOW), entry("two"))
    kinds = []
    for _ in range(3):
        (delivery,) = take(store)
        kinds.append((delivery.kind, words([delivery]), len(delivery.notification.group.alerts)))
        assert settle(store, delivery)
    assert [("entry", [["one"]], 0), ("picture", [["CPU"]], 2), ("entry", [["two"]], 0)] == kinds


def test_what_need_not_be_heard_goes_last(store: Store) -> None:
    """What is to be heard goes by how bad it is."""
    keep(store, told("quiet", critical(A)), told("loud", critical(A)))
    for delivery in take(store):
        loud = delivery.notification.group.group_key == "loud"
        asking(store, delivery, entry("x", *[A.fingerprint] * loud))
    keep(store, told("warning", B), now=after(1))
    order = []
    for _ in range(3):
        (delivery,) = take(store, after(1), Lane(TEAM, 1))
        order.append(delivery.notification.group.group_key)
        assert settle(store, delivery)
    assert ["loud", "warning", "quiet"] == order


@pytest.mark.parametrize(("about", "untold"), [((A.fingerprint,), 1), ((), 0)])
def test_only_what_was_to_be_heard_is_missed(store: Store, engine: Engine, about: tuple[str, ...], untold: int) -> None:
    """The rest stands in the message. What is told later of the group's state does not tell it."""
    asked(store, entry("x", *about))
    (delivery,) = take(store)
    assert settle(store, delivery, DEAD)
    assert untold == row(engine, delivery.id).untold
    assert {TEAM: 1} if untold else {} == store.untold()


def test_it_tells_nobody_that_a_state_got_through(store: Store, engine: Engine) -> None:
    """A state that died is untold though an entry is told after it."""
    asked(store, entry("x"))
    keep(store, told("g", A, B, model_alert("C")), now=after(1))
    (state,) = take(store, after(1))
    assert settle(store, state, DEAD, now=after(1))
    (delivery,) = take(store, after(1))
    assert settle(store, delivery, now=after(1))
    assert 1 == row(engine, state.id).untold
    assert None is store.queue.retry(state.id, after(2))


def test_it_is_tried_again_like_any_other(store: Store) -> None:
    """At its time; and what it was to tell is told together with what came meanwhile."""
    asked(store, entry("one"))
    (delivery,) = take(store)
    fail(store, delivery, NOW, after(10))
    assert [] == take(store, after(5))
    assert [["one"]] == words(take(store, after(11)))


def test_what_is_to_be_tried_again_is_not_overtaken(store: Store, engine: Engine) -> None:
    """What comes after it tells it as well, before its own; a picture that is to be tried again holds up nobody."""
    asked(store, entry("one"), Entry("picture", "CPU", NOW))
    for seconds in (10, 20):
        (delivery,) = take(store)
        fail(store, delivery, NOW, after(seconds))
    keep(store, told("g", A, B), now=after(1))
    (state,) = take(store, after(1))
    asking(store, state, entry("two"), entry("three"))
    (delivery,) = take(store, after(2))
    assert [["one", "two", "three"]] == words([delivery])
    assert settle(store, delivery)
    assert [] == take(store, after(19))
    assert [["CPU"]] == words(take(store, after(21)))


def test_holders_are_whoever_was_told_a_state(store: Store) -> None:
    """What waits beside tells nothing of that."""
    asked(store, entry("one", A.fingerprint))
    held = {"g": {TEAM: frozenset({A.fingerprint, B.fingerprint})}}
    assert held == store.holders(["g"])
    (delivery,) = take(store)
    assert settle(store, delivery)
    assert held == store.holders(["g"])


def test_dropping_it_leaves_the_thread_as_it_is(store: Store) -> None:
    """Whether it arrived or not, nothing is open by it."""
    asked(store, entry("one"))
    (delivery,) = take(store)
    fail(store, delivery, NOW, after(10))
    assert None is store.queue.drop(delivery.id, after(1))
    (state,) = (each for each in _states_of(store))
    assert not state.thread.attempted


def _states_of(store: Store) -> list[Delivery]:
    keep(store, told("g", A_OVER, B), now=after(60))
    return take(store, after(60))


LANE = Lane(TEAM, 10, Pace(0.2, 1), 20.0, timeline=True)


def test_a_message_that_is_kept_is_in_no_digest(store: Store) -> None:
    """It is edited in its turn, which calls nobody, or it would go on saying what it said."""
    keep(store, told("kept", A))
    (delivery,) = take(store)
    assert settle(store, delivery, thread=replace(Thread("C:1").told(delivery.notification, NOW), key="C:1"))
    for number in range(6):
        keep(store, told(str(number), A))
    keep(store, told("kept", A_OVER))
    (digest,) = claim(store, after(7), LANE).deliveries
    assert ("digest", 6) == (digest.kind, digest.notification.digest and digest.notification.digest.groups)
    assert settle(store, digest, now=after(8))
    assert ["kept"] == groups_of(list(claim(store, after(30), LANE).deliveries))


def test_a_threads_handle_is_kept_beside_it(store: Store, engine: Engine) -> None:
    """So that what a far side calls a group is found; one of an earlier version has none before its next outcome."""
    tell(store, told("g", A))
    keep(store, told("h", A))
    (other,) = take(store)
    assert settle(store, other, thread=Thread("key\0" + "x" * 400, (A.fingerprint,)))
    with engine.connect() as connection:
        handles = connection.execute(text("SELECT handle FROM threads ORDER BY handle IS NULL")).scalars().all()
    assert ["key?" + "x" * 296, None] == list(handles)


def refreshes(store: Store, *alerts: Alert, now: datetime = NOW) -> None:
    """Has the message show what became known, with these alerts."""
    event_id = store.accept(b"{}", now)
    (claimed,) = store.claim_events(now, 30)
    shown = beside.planned(told("g", *alerts), [Entry("refresh", "", now)])
    assert event_id == claimed.id
    store.plan([Plan(claimed, tuple(shown))])


def test_a_refresh_goes_before_what_is_said_and_the_last_one_shows_all(store: Store, engine: Engine) -> None:
    """It holds the group as it is, whatever it was when it was planned."""
    asked(store, entry("one"))
    refreshes(store, A)
    refreshes(store, A, B, now=after(1))
    kinds = []
    for _ in range(2):
        (delivery,) = take(store, after(2))
        kinds.append((delivery.kind, [alert.name for alert in delivery.notification.group.alerts]))
        assert settle(store, delivery, now=after(2))
    assert [("refresh", ["A", "B"]), ("entry", [])] == kinds
    assert ["delivered", "delivered", "superseded", "delivered"] == states(engine)


def test_a_newer_state_takes_a_refreshs_place(store: Store, engine: Engine) -> None:
    """And not the other way round; what it was attempted leaves no doubt."""
    asked(store)
    refreshes(store, A, B)
    (refresh,) = take(store)
    fail(store, refresh, NOW, after(1))
    keep(store, told("g", A_OVER, B), now=after(2))
    refreshes(store, B, now=after(3))
    (state,) = take(store, after(4))
    assert ("state", False) == (state.kind, state.thread.attempted)
    assert settle(store, state, now=after(4))
    assert ["refresh"] == [each.kind for each in take(store, after(5))]
    assert ["delivered", "superseded", "delivered", "pending"] == states(engine)


def test_what_is_to_be_heard_goes_before_what_is_edited(store: Store) -> None:
    """Of a critical alert; of an edit nobody hears."""
    for name in ("a", "b"):
        keep(store, told(name, critical(A)))
    first, second = take(store)
    for delivery in (first, second):
        asking(store, delivery)
    for name in ("a", "b"):
        keep(store, told(name, critical(A), critical(B)), now=after(1))
    order = []
    for _ in range(4):
        (delivery,) = take(store, after(2), Lane(TEAM, 1))
        order.append(f"{delivery.notification.group.group_key} {delivery.kind}")
        asking(store, delivery, *[entry("x", B.fingerprint)] * (delivery.kind == "state"), thread=delivery.thread)
    assert ["a state", "a entry", "b state", "b entry"] == order
