"""What came of an attempt is kept once, by who holds the delivery, with its thread and how the destination fares."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from alerts.notification import Receipt, SendError, Thread
from outbox import destinations
from outbox.pacing import Destination
from outbox.records import Delivery, Plan, Planned
from outbox.retry import Outcome
from outbox.settling import Settlement
from outbox.store import Store
from tests.outbox.steps import (
    DEAD,
    DELIVERED,
    LATER,
    LEASE,
    TEAM,
    after,
    claim,
    fail,
    keep,
    row,
    settle,
    states,
    status,
    take,
    tell,
    told,
)
from tests.samples import NOW, model_alert, notification

REFUSED = SendError("refused")
A = model_alert("A")


def destination(engine: Engine, name: str = TEAM) -> Destination:
    """What is known of a destination."""
    with engine.connect() as connection:
        return destinations.load(connection, [name], lock=False)[name]


def test_delivered_is_kept_with_its_thread(store: Store, engine: Engine) -> None:
    """The receipt's words, when it was, and what the destination holds from then on."""
    event_id = keep(store, notification())
    (delivery,) = take(store)
    assert settle(store, delivery, Outcome("delivered", "message 17"), after(1), Thread("key", ("f",), NOW))
    (kept,) = status(store, event_id).deliveries
    assert ("delivered", 1, "message 17", after(1)) == (kept.state, kept.attempts, kept.detail, kept.settled_at)
    kept_row = row(engine, delivery.id)
    assert (None, None, 0) == (kept_row.lease_owner, kept_row.lease_until, kept_row.untold)
    assert {"team/log/0": frozenset({"f"})} == store.holders(["group"])["group"]


def test_settling_is_fenced(engine: Engine) -> None:
    """Who lost a delivery cannot settle it, nor change the thread, nor settle twice; who holds it can."""
    a, b = Store(engine, "a"), Store(engine, "b")
    event_id = keep(a, notification())
    (lost,) = take(a)
    (held,) = take(b, LATER)
    assert not settle(a, lost, Outcome("dead", "late"), LATER, Thread("wrong"))
    assert settle(b, held, DELIVERED, LATER, Thread("right"))
    assert not settle(b, held, Outcome("dead", "twice"), LATER, Thread("wrong"))
    assert ["delivered"] == [each.word for each in status(a, event_id).deliveries]
    keep(a, notification(), now=LATER)
    assert ["right"] == [each.thread.key for each in take(a, LATER)]


def test_settling_is_fenced_against_oneself(store: Store) -> None:
    """A send that outlived its lease is not kept, although the same process took the delivery again."""
    keep(store, notification())
    (lost,) = take(store)
    (held,) = take(store, LATER)
    assert not settle(store, lost, now=LATER)
    assert settle(store, held, now=LATER)


@pytest.mark.parametrize("order", [1, -1])
def test_two_claims_of_one_delivery_are_told_apart(store: Store, engine: Engine, order: int) -> None:
    """Where both outcomes come at once only that of the later claim is kept, and the other is known to be late."""
    keep(store, told("one", A))
    (stale,) = take(store)
    (new,) = take(store, after(LEASE + 1))
    late = Settlement(stale, Outcome("dead", "refused"), None, None, after(LEASE + 2))
    good = Settlement(new, DELIVERED, None, None, after(LEASE + 2))
    assert [False, True][::order] == store.queue.settle([late, good][::order])
    assert ["delivered"] == states(engine)


@pytest.mark.parametrize("result", [REFUSED, SendError("slow down", throttled=True), SendError("no", permanent=True)])
def test_what_came_too_late_says_nothing_of_the_destination(engine: Engine, result: SendError) -> None:
    """What a process that lost its lease heard changes no row at all."""
    a, b = Store(engine, "a"), Store(engine, "b")
    keep(a, notification())
    (lost,) = take(a)
    (held,) = take(b, LATER)
    before = row(engine, held.id), destination(engine)
    assert not settle(a, lost, Outcome("pending", "late", LATER), LATER, Thread("wrong"), result)
    a.queue.give_back(lost)
    assert before == (row(engine, held.id), destination(engine))
    assert settle(b, held, now=LATER)


def test_a_late_receipt_ends_no_pause(engine: Engine) -> None:
    """A process that was frozen comes back with news that are none any more."""
    a, b = Store(engine, "a"), Store(engine, "b")
    keep(a, notification())
    (lost,) = take(a)
    (held,) = take(b, LATER)
    assert settle(b, held, Outcome("pending", "refused", LATER), LATER, result=REFUSED)
    assert not settle(a, lost, now=LATER, result=Receipt("ok", Thread()))
    assert 1 == destination(engine).failures


def test_who_settles_late_but_first_is_heard(engine: Engine) -> None:
    """A lease that is over while nobody else took the delivery: what came of it is kept."""
    a, b = Store(engine, "a"), Store(engine, "b")
    keep(a, notification())
    (held,) = take(a)
    assert settle(a, held, now=LATER)
    assert [] == take(b, LATER)


def test_a_delivery_to_be_retried_comes_when_it_is_due(store: Store, engine: Engine) -> None:
    """Between attempts a delivery is free and waits for its time."""
    event_id = keep(store, notification())
    fail(store, take(store)[0], NOW, after(5))
    assert ["retrying"] == [each.word for each in status(store, event_id).deliveries]
    assert ("busy", None) == (row(engine, 1).detail, row(engine, 1).settled_at)
    assert [] == take(store, after(4.999999))
    assert [2] == [each.attempts for each in take(store, after(5))]


def test_giving_back_is_no_attempt(store: Store, engine: Engine) -> None:
    """What was not sent is free at once, as if nobody had taken it; who lost it gives nothing back."""
    keep(store, notification())
    (delivery,) = take(store)
    store.queue.give_back(delivery)
    assert (0, None, None) == (row(engine, 1).attempts, row(engine, 1).lease_owner, row(engine, 1).detail)
    (again,) = take(store, after(1))
    assert 1 == again.attempts
    store.queue.give_back(delivery)
    assert 1 == row(engine, 1).attempts
    assert settle(store, again)
    store.queue.give_back(again)
    assert ["delivered"] == states(engine)


def test_what_died_is_untold_until_something_later_is_told(store: Store, engine: Engine) -> None:
    """A dead delivery is one nobody heard of, until its destination hears of a later state of the group."""
    keep(store, told("one", A), told("two", A), told("one", A, receiver="other"))
    for each in take(store):
        assert settle(store, each, DEAD)
    assert [1, 1, 1] == [row(engine, each).untold for each in (1, 2, 3)]
    tell(store, told("one", A))
    assert [0, 1, 1] == [row(engine, each).untold for each in (1, 2, 3)]
    assert ["dead", "dead", "dead", "delivered"] == states(engine)


def test_the_news_that_a_destination_fails_is_not_untold(store: Store, engine: Engine) -> None:
    """Were it told elsewhere in its turn, there would be no end to it."""
    store.accept(b"{}", NOW)
    (event,) = store.claim_events(NOW, LEASE)
    store.plan([Plan(event, (Planned(notification(), kind="fallback"),))])
    (delivery,) = take(store)
    assert "fallback" == delivery.kind
    assert settle(store, delivery, DEAD)
    assert (0, "dead") == (row(engine, 1).untold, row(engine, 1).state)


def test_failures_are_counted_and_end(store: Store, engine: Engine) -> None:
    """Three failures in a row pause a destination, with their first time and last error; one receipt ends it all."""
    for number in range(3):
        keep(store, notification(str(number)))
    for number, each in enumerate(take(store)):
        assert settle(store, each, Outcome("pending", "refused", NOW), after(number), result=REFUSED)
    known = destination(engine)
    assert (3, NOW, "refused") == (known.failures, known.failing_since, known.error)
    assert known.paused_until is not None
    assert [] == take(store, after(2))
    (probe,) = take(store, known.paused_until)
    assert settle(store, probe, now=known.paused_until, result=Receipt("ok", Thread()))
    well = destination(engine)
    assert (0, None, None, None) == (well.failures, well.failing_since, well.paused_until, well.error)


def test_what_says_nothing_counts_nothing(store: Store, engine: Engine) -> None:
    """An attempt that no far side heard of leaves the destination as it was."""
    keep(store, notification())
    before = destination(engine)
    assert settle(store, take(store)[0], Outcome("pending", "unknown here", after(1)))
    assert before == destination(engine)


def test_an_odd_error_is_kept(store: Store, engine: Engine) -> None:
    """Whatever characters stand in it."""
    keep(store, notification())
    odd = "half a \ud800 pair, NUL \0"
    assert settle(store, take(store)[0], Outcome("dead", odd), result=SendError(odd))
    assert "half a ? pair, NUL ?" == row(engine, 1).detail == destination(engine).error


def test_several_are_settled_together(store: Store, engine: Engine) -> None:
    """In one commit with what others hold or have lost, each by itself; of a destination's failures all count."""
    for number in range(4):
        keep(store, notification(str(number)), notification(str(number), "other"))
    taken = take(store)
    lost = replace(taken[0], lease_until=after(1))
    settlements = [Settlement(each, DELIVERED, Thread(str(each.id)), None, NOW) for each in (lost, *taken[1:6])]
    settlements += [
        Settlement(each, Outcome("pending", "no", after(9)), None, REFUSED, NOW) for each in (taken[6], taken[7])
    ]
    with engine.begin() as connection:
        assert [False] + [True] * 7 == store.queue._settle(connection, settlements)
    assert 2 == sum(destination(engine, name).failures for name in (TEAM, "other/log/0"))
    ended = {each.id: row(engine, each.id).state for each in taken}
    assert ["pending"] + ["delivered"] * 5 + ["pending"] * 2 == [ended[each.id] for each in taken]


def test_threads_settle_at_once(store: Store, engine: Engine) -> None:
    """What many threads settle at the same moment is all kept."""
    for number in range(40):
        keep(store, notification(str(number)), known=False)

    def work(delivery: Delivery) -> bool:
        return settle(store, delivery)

    with ThreadPoolExecutor(8) as pool:
        assert {True} == set(pool.map(work, claim(store).deliveries))
    assert {"delivered"} == set(states(engine))
