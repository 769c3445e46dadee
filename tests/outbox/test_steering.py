"""What a person may do with a delivery: have it tried again, or never sent; and why not, where they may not."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from outbox.composing import OVER_BEFORE_TOLD
from outbox.lanes import Lane
from outbox.steering import DROPPED
from outbox.store import Store
from tests.outbox.steps import (
    DEAD,
    DELIVERED,
    LATER,
    TEAM,
    after,
    fail,
    keep,
    row,
    said,
    settle,
    states,
    take,
    tell,
    told,
)
from tests.samples import NOW, model_alert, notification

A, A_OVER, B = model_alert("A"), model_alert("A", "resolved"), model_alert("B")
WAKES = Lane(TEAM, 10, wakes=True)
BOTH: dict[str, Callable[[Store, int], str | None]] = {
    "retry": lambda store, delivery_id: store.queue.retry(delivery_id, NOW),
    "drop": lambda store, delivery_id: store.queue.drop(delivery_id, NOW),
}


def die(store: Store, group: str = "group") -> int:
    """Has a delivery die; returns its id."""
    keep(store, told(group, A))
    (delivery,) = take(store)
    assert settle(store, delivery, DEAD)
    return delivery.id


def test_what_is_dead_is_tried_again(store: Store, engine: Engine) -> None:
    """At once, as if it had been received now, and it is no longer one that nobody heard of."""
    delivery_id = die(store)
    assert None is store.queue.retry(delivery_id, after(9))
    assert ("pending", None, 0) == (row(engine, 1).state, row(engine, 1).settled_at, row(engine, 1).untold)
    (again,) = take(store, after(-3600))
    assert (delivery_id, 2, after(9), NOW) == (again.id, again.attempts, again.wanted_at, again.received_at)


def test_what_waits_is_tried_at_once(store: Store) -> None:
    """Neither the time of its next attempt nor that for which it is held counts any more."""
    keep(store, notification("retried"))
    fail(store, take(store)[0], NOW, after(200))
    keep(store, told("held", A_OVER), due_at=after(600))
    assert [] == take(store)
    assert [None, None] == [store.queue.retry(each, NOW) for each in (1, 2)]
    assert [1, 2] == sorted(each.id for each in take(store))


def test_what_is_dropped_is_never_sent(store: Store, engine: Engine) -> None:
    """Neither what waits, nor what is dead."""
    dead = die(store, "dead")
    keep(store, notification("waits"))
    assert [None, None] == [store.queue.drop(each, after(9)) for each in (dead, 2)]
    assert [] == take(store, LATER)
    assert [("suppressed", DROPPED, after(9), 0)] * 2 == [
        (each.state, each.detail, each.settled_at, each.untold) for each in (row(engine, 1), row(engine, 2))
    ]


@pytest.mark.parametrize("command", BOTH)
def test_refuses_what_is_not_there(store: Store, command: str) -> None:
    """An id that was never given."""
    assert "there is no such delivery" == BOTH[command](store, 4711)


@pytest.mark.parametrize("command", BOTH)
def test_refuses_what_is_at_its_end(store: Store, engine: Engine, command: str) -> None:
    """Delivered, superseded or suppressed; its state is not changed."""
    tell(store, told("one", A))
    keep(store, told("two", A))
    keep(store, told("two", A))
    take(store)
    keep(store, told("three", A), suppressed="muted")
    before = ["delivered", "superseded", "pending", "suppressed"]
    assert before == states(engine)
    said_no = [BOTH[command](store, each) for each in (1, 2, 4)]
    assert ["it is delivered", "it is superseded", "it is suppressed"] == said_no
    assert before == states(engine)


def test_refuses_to_drop_what_is_being_sent(store: Store, engine: Engine) -> None:
    """Its group's next state could overtake it; once its lease is over it may be dropped."""
    keep(store, notification())
    (delivery,) = take(store)
    assert "it is being sent" == store.queue.drop(delivery.id, NOW)
    assert None is store.queue.drop(delivery.id, LATER)
    assert not settle(store, delivery, now=LATER)
    assert ["suppressed"] == states(engine)


def test_retrying_what_is_being_sent_does_no_harm(store: Store) -> None:
    """It stays with who holds it."""
    keep(store, notification())
    (delivery,) = take(store)
    assert None is store.queue.retry(delivery.id, NOW)
    assert [] == take(store)
    assert settle(store, delivery)


@pytest.mark.parametrize("later", ["waiting", "in flight", DELIVERED, DEAD])
def test_refuses_to_retry_behind_a_later_state(store: Store, later: object) -> None:
    """What is older must not arrive after what is newer, whatever became of that."""
    delivery_id = die(store)
    keep(store, notification())
    if later != "waiting":
        (newer,) = take(store)
        if later != "in flight":
            assert settle(store, newer, DELIVERED if later == DELIVERED else DEAD)
    assert "a newer state of its group has been told, or is about to be" == store.queue.retry(delivery_id, NOW)


def test_another_group_is_no_later_state(store: Store) -> None:
    """Nor is the same group at another destination, nor a state that was not to be told."""
    delivery_id = die(store)
    tell(store, notification("other"), notification("group", "other"))
    keep(store, told("group", A_OVER), suppressed="send_resolved is false")
    assert None is store.queue.retry(delivery_id, NOW)


def test_refuses_to_wake_for_what_is_over(store: Store, engine: Engine) -> None:
    """Its end was not sent, as nobody had been told: nobody would tell it after the retry, either."""
    delivery_id = die(store)
    keep(store, told("group", A_OVER))
    assert [] == take(store, NOW, WAKES)
    assert OVER_BEFORE_TOLD == row(engine, 2).detail
    assert "a newer state of its group has been told, or is about to be" == store.queue.retry(delivery_id, NOW)


def test_what_was_attempted_and_dropped_is_told_as_over(store: Store) -> None:
    """The attempt may have arrived, so the end wakes nobody in vain."""
    keep(store, told("one", A))
    fail(store, take(store, NOW, WAKES)[0], NOW, after(60))
    assert None is store.queue.drop(1, NOW)
    keep(store, told("one", A_OVER))
    assert [[("A", "resolved")]] == [said(each) for each in take(store, NOW, WAKES)]


def test_a_dropped_end_is_told_with_the_next_state(store: Store) -> None:
    """Dropping a state does not lose the ends that it was to tell, where the group goes on."""
    tell(store, told("one", A, B))
    keep(store, told("one", A_OVER, B))
    assert None is store.queue.drop(2, NOW)
    keep(store, told("one", B))
    assert [[("B", "firing"), ("A", "resolved")]] == [said(each) for each in take(store)]
