"""What is claimed: one in flight of each group, critical ones first, and nothing waits for ever."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, text

from alerts.notification import Thread
from outbox.lanes import Lane
from outbox.records import Delivery
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
    said,
    settle,
    states,
    status,
    take,
    tell,
    told,
)
from tests.samples import NOW, model_alert, notification

A, B, C = model_alert("A"), model_alert("B"), model_alert("C")
A_OVER, B_OVER = model_alert("A", "resolved"), model_alert("B", "resolved")
WAKES = Lane(TEAM, 100, wakes=True)


def test_a_delivery_is_handed_out_once(engine: Engine) -> None:
    """While one process holds a delivery no other gets it, and when its lease has ended another does."""
    a, b = Store(engine, "a"), Store(engine, "b")
    keep(a, notification())
    (held,) = take(a)
    assert [] == take(a)
    assert [] == take(b, after(30))
    (taken,) = take(b, LATER)
    assert (held.id, 1, 2) == (taken.id, held.attempts, taken.attempts)
    assert LATER + timedelta(seconds=30) == taken.lease_until


def test_what_is_suppressed_is_never_handed_out(store: Store) -> None:
    """A suppressed delivery is at its end from the start, with its reason, and nothing waits for it."""
    event_id = keep(store, notification(), suppressed="send_resolved is false")
    assert [] == take(store)
    (delivery,) = status(store, event_id).deliveries
    assert ("suppressed", "send_resolved is false", NOW) == (delivery.word, delivery.detail, delivery.settled_at)
    keep(store, notification())
    assert 1 == len(take(store))


def test_only_one_of_a_group_is_in_flight(store: Store) -> None:
    """A newer state waits until the one in flight is settled, or its lease is over, and never overtakes it."""
    keep(store, told("one", A))
    (held,) = take(store)
    keep(store, told("one", B), told("two", A))
    assert ["two"] == groups_of(take(store))
    fail(store, held, NOW, after(600))
    (newest,) = take(store)
    assert [("B", "firing")] == said(newest)


def test_a_newer_state_need_not_wait_for_a_retry(store: Store, engine: Engine) -> None:
    """While an older state waits for its next attempt, the newer one is sent in its place."""
    keep(store, notification())
    fail(store, take(store)[0], NOW, after(60))
    assert [] == take(store, after(59))
    keep(store, notification(), now=after(1))
    assert [2] == [each.id for each in take(store, after(1))]
    assert ["superseded", "pending"] == states(engine)


def test_critical_ones_go_first(store: Store) -> None:
    """What is critical and fires before the rest, and what is old before what is new."""
    worse = (critical(A), A, critical(A_OVER), critical(A), A)
    for number, alert in enumerate(worse):
        keep(store, told(str(number), alert))
    assert ["0", "3"] == groups_of(take(store, limit=2))
    assert ["1", "2", "4"] == groups_of(take(store))


def test_nothing_starves(store: Store) -> None:
    """Every fourth claim takes what is oldest, whatever it is, so that no flood of critical ones hides the rest."""
    keep(store, told("old", A))
    for number in range(8):
        keep(store, told(str(number), critical(A)))
    taken = [group for _ in range(8) for group in groups_of(take(store, limit=1))]
    assert ["0", "1", "2", "old", "3", "4", "5", "6"] == taken


@pytest.mark.parametrize("old", [critical(A), A])
def test_the_oldest_is_taken_within_four_claims(store: Store, old: object) -> None:
    """However much comes before it, and whichever kind it is."""
    first = old == A
    keep(store, told("old", A if first else critical(A)))
    taken = []
    for number in range(4):
        keep(store, told(str(number), critical(A) if first else A))
        taken += groups_of(take(store, limit=1))
    assert "old" in taken


def test_limits_are_each_lanes_own(store: Store) -> None:
    """Of each lane at most so many are taken, and whether there may be more is said."""
    for number in range(5):
        keep(store, notification(str(number)), notification(str(number), "other"))
    got = claim(store, NOW, Lane(TEAM, 2), Lane("other/log/0", 4))
    assert [2, 4] == [sum(each.notification.receiver == name for each in got.deliveries) for name in ("team", "other")]
    assert got.more
    assert not claim(store, NOW, Lane(TEAM, 4), Lane("other/log/0", 4)).more
    assert [] == take(store, NOW, Lane(TEAM, 4), Lane("other/log/0", 4))


def test_a_lane_of_which_nothing_is_asked_gives_nothing(store: Store) -> None:
    """Neither one without room nor one that is not named."""
    keep(store, notification(), notification(receiver="other"))
    assert [] == take(store, NOW, Lane(TEAM, 0))
    assert [TEAM, "other/log/0"] == sorted(store.queue.waiting(NOW, 30), reverse=True)


def test_takes_no_more_than_it_can_hold(store: Store) -> None:
    """Of large notifications only 8 MiB are taken at once; one that is larger still is taken alone."""
    for number, size in enumerate((3, 3, 3, 20, 1)):
        alert = replace(A, annotations={"description": "x" * size * 1024 * 1024})
        keep(store, told(str(number), alert), known=False)
    assert [["0", "1"], ["2"], ["3"], ["4"], []] == [groups_of(take(store)) for _ in range(5)]


def test_a_row_that_cannot_be_read_holds_up_nothing(store: Store, engine: Engine) -> None:
    """A delivery that another version wrote is handed out as what it is, and so are those around it."""
    event_id = keep(store, notification("one"), notification("two", "other"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET notification = '{\"of\": \"old\"}' WHERE receiver = 'team'"))
    other, old = sorted(take(store), key=lambda each: each.destination)
    assert "cannot be read any more" == old.unreadable
    assert (TEAM, ()) == (old.notification.destination, old.notification.group.alerts)
    assert (None, notification("two", "other")) == (other.unreadable, other.notification)
    assert settle(store, old, DEAD)
    assert ["dead", "pending"] == [each.word for each in status(store, event_id).deliveries]


@pytest.mark.parametrize("jump", [-3600, -60, 60, 3600])
def test_a_clocks_jump_stalls_nothing(store: Store, jump: float) -> None:
    """Whatever waits, is held, or is to be tried again: after a jump and a lease, or a pause, it can be claimed."""
    keep(store, told("crashed", A), told("retried", A))
    _, retried = take(store)
    fail(store, retried, NOW, after(200))
    keep(store, told("new", A))
    keep(store, told("held", A_OVER), due_at=after(3600))
    moment = after(jump)
    taken = set(groups_of(take(store, moment)))
    assert "new" in taken
    taken |= set(groups_of(take(store, moment + timedelta(seconds=331))))
    assert {"new", "crashed", "retried"} <= taken
    taken |= set(groups_of(take(store, moment + timedelta(seconds=3661))))
    assert {"new", "crashed", "retried", "held"} == taken


def test_the_longest_hold_is_one_for_a_clock_that_is_behind(store: Store) -> None:
    """Replicas' clocks differ: what one holds for an hour is not due for another at once."""
    keep(store, told("held", A_OVER), due_at=after(3600))
    assert [] == take(store, after(-50))


def test_an_hour_back_ends_a_hold_that_was_an_hour(store: Store) -> None:
    """What would wait for longer than anything may wait has seen the clock put back."""
    keep(store, told("held", A_OVER), due_at=after(600))
    assert [] == take(store)
    assert ["held"] == groups_of(take(store, after(-3600)))


def test_a_thread_is_one_destinations_and_one_groups(store: Store) -> None:
    """What a destination holds of a group comes with its next delivery, and with no other."""
    keep(store, notification("one"))
    thread = Thread("key", ("f1", "f2"), NOW)
    assert settle(store, take(store)[0], thread=thread)
    keep(store, notification("one"), notification("one", "other"), notification("two"))
    held = {(each.destination, each.notification.group.group_key): each.thread for each in take(store)}
    assert {(TEAM, "one"): thread, ("other/log/0", "one"): Thread(), (TEAM, "two"): Thread()} == held


def test_what_is_settled_is_not_claimed_again(store: Store) -> None:
    """Neither what was delivered nor what is dead, however much later."""
    keep(store, notification("one"), notification("two"))
    one, two = take(store)
    assert settle(store, one, DELIVERED)
    assert settle(store, two, DEAD)
    assert [] == take(store, LATER)
    assert [] == store.queue.waiting(LATER, 30)


@pytest.mark.parametrize("wakes", [True, False])
def test_what_wakes_somebody_is_claimed_for_good(
    store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch, wakes: bool
) -> None:
    """Were its claim undone by a loss of power, what was sent meanwhile would count as never attempted."""
    keep(store, told("one", A))
    durable: list[bool] = []
    if engine.dialect.name == "sqlite":
        # Its log is synced after the commit.
        monkeypatch.setattr(os, "fdatasync", lambda log: durable.append(True))
    else:
        event.listen(engine, "commit", lambda each: durable.append(each.get_execution_options().get("durable", True)))
    take(store, NOW, Lane(TEAM, 10, wakes=wakes))
    assert wakes == (durable[-1:] == [True])


def test_of_very_many_states_only_so_much_is_read_at_once(store: Store, engine: Engine) -> None:
    """Of a group of which more waits than can be held the oldest are merged, bit by bit, and the newest is told."""
    ended, long = model_alert("Ended", "resolved"), {"summary": "x" * 1_000_000}
    tell(store, told("long", model_alert("Ended"), model_alert("A")))
    keep(store, told("long", ended, replace(model_alert("A"), annotations=long)), now=after(1))
    for number in range(2, 30):
        keep(store, told("long", replace(model_alert("A"), annotations={**long, "n": str(number)})), now=after(number))
    keep(store, told("short", model_alert("B")), now=after(40))
    claims = 0
    taken: list[Delivery] = []
    while len(taken) < 2:
        claimed = claim(store, after(41))
        taken += claimed.deliveries
        claims += 1
        assert claimed.more or len(taken) == 2
        assert claims < 10
    assert claims > 2
    of_long = next(each for each in taken if each.notification.group.group_key == "long")
    assert {("A", "firing"), ("Ended", "resolved")} == set(said(of_long))
    assert ["superseded"] * 28 + ["pending"] == states(engine)[1:30]
