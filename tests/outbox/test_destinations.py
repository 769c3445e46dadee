"""How a destination fares and how fast it is told is one row, which all replicas share."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from alerts.notification import Receipt, SendError, Thread
from outbox import destinations
from outbox.lanes import Lane
from outbox.pacing import PROBE_SECONDS, Destination, Pace
from outbox.records import Delivery
from outbox.retry import Outcome
from outbox.store import Store
from tests.outbox.steps import TEAM, after, claim, keep, settle, take
from tests.samples import NOW, notification

PACED = Lane(TEAM, 10, Pace(1, 3))


@pytest.fixture
def stores(engine: Engine, open_engine: Callable[[], Engine]) -> tuple[Store, Store]:
    """Two replicas, and ten groups that wait at one destination."""
    both = Store(engine, "a"), Store(open_engine(), "b")
    for number in range(10):
        keep(both[0], notification(str(number)))
    return both


def known(engine: Engine) -> Destination:
    """What is known of the destination."""
    with engine.connect() as connection:
        return destinations.load(connection, [TEAM], lock=False)[TEAM]


def refuse(store: Store, delivery: Delivery, seconds: float, error: SendError) -> None:
    """Settles an attempt that failed, to be made again at once."""
    outcome = Outcome("pending", str(error), after(seconds))
    assert settle(store, delivery, outcome, after(seconds), result=error)


def failing(store: Store) -> None:
    """Has the destination fail three times: from now on it is paused for a second at most."""
    for delivery in take(store, NOW, replace(PACED, pace=None, limit=3)):
        refuse(store, delivery, 0, SendError("refused"))


def test_what_is_kept_comes_back(engine: Engine) -> None:
    """All that is known of several destinations, one never heard of included; odd characters do not hurt."""
    whole = Destination("b", 3, NOW, after(1), after(2), "half a \ud800 pair \0", after(3), after(4))
    with engine.begin() as connection:
        loaded = destinations.load(connection, ["b", "a"], lock=True)
        assert {"a": Destination("a"), "b": Destination("b")} == loaded
        destinations.save(connection, loaded["b"], whole)
        destinations.save(connection, loaded["a"], loaded["a"])
    with engine.connect() as connection:
        found = destinations.load(connection, ["a", "b", "c"], lock=False)
    kept = replace(whole, error="half a ? pair ?")
    assert {"a": Destination("a"), "b": kept, "c": Destination("c")} == found


def test_a_pace_is_shared(stores: tuple[Store, Store], engine: Engine) -> None:
    """What one replica takes the other cannot: a burst, then one a second, and when the next may go is said."""
    a, b = stores
    assert 2 == len(take(a, NOW, replace(PACED, limit=2)))
    got = claim(b, NOW, PACED)
    assert (1, after(1)) == (len(got.deliveries), got.look_at)
    assert ([], []) == (take(a, after(0.99), PACED), take(b, after(0.99), PACED))
    assert [1, 0] == [len(take(each, after(1), PACED)) for each in (b, a)]
    assert after(4) == known(engine).pace_at


def test_two_that_claim_at_once_keep_the_pace(stores: tuple[Store, Store]) -> None:
    """However many threads of both ask at the same moment, no more than the burst is taken."""
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda number: len(take(stores[number % 2], NOW, PACED)), range(16)))
    assert 3 == sum(taken)


def test_a_pace_holds_through_a_jump(stores: tuple[Store, Store]) -> None:
    """When the clock is put back nothing stalls, and one burst more goes through at most."""
    a, b = stores
    assert 3 == len(take(a, NOW, PACED))
    assert 3 == len(take(b, after(-3600), PACED))
    assert 0 == len(take(a, after(-3600), PACED))


def test_one_probes_for_all(stores: tuple[Store, Store], engine: Engine) -> None:
    """A destination that failed three times is told one thing by one replica, and nothing until that is settled."""
    a, b = stores
    failing(a)
    paused_until = known(engine).paused_until
    assert paused_until is not None
    assert ([], []) == (take(a, NOW, PACED), take(b, NOW, PACED))
    with ThreadPoolExecutor(8) as pool:
        lane = replace(PACED, pace=None)
        taken = list(pool.map(lambda number: take(stores[number % 2], paused_until, lane), range(16)))
    (probe,) = [each for some in taken for each in some]
    assert paused_until + timedelta(seconds=PROBE_SECONDS) == known(engine).paused_until
    assert probe.attempts == 2


def test_a_probe_that_arrives_ends_the_pause(stores: tuple[Store, Store], engine: Engine) -> None:
    """For all replicas at once; one that fails makes it longer."""
    a, b = stores
    failing(a)
    (probe,) = take(a, after(2), PACED)
    refuse(a, probe, 3, SendError("refused"))
    assert (4, NOW) == (known(engine).failures, known(engine).failing_since)
    assert [] == take(b, after(3.9), PACED)
    (probe,) = take(b, after(6), PACED)
    assert settle(b, probe, now=after(6), result=Receipt("ok", Thread()))
    assert 2 == len(take(a, after(6), PACED))


def test_a_probe_that_crashed_stalls_nothing(stores: tuple[Store, Store]) -> None:
    """After its time another is made."""
    a, b = stores
    failing(a)
    assert 1 == len(take(a, after(2), PACED))
    assert [] == take(b, after(2 + PROBE_SECONDS - 0.1), PACED)
    assert 1 == len(take(b, after(2 + PROBE_SECONDS), PACED))


def test_others_are_not_held_up(stores: tuple[Store, Store]) -> None:
    """A destination's pause is its own."""
    a, b = stores
    failing(a)
    keep(a, notification("one", "other"))
    assert ["other/log/0"] == [each.destination for each in take(b, NOW, PACED, Lane("other/log/0", 5))]


def test_a_429_slows_it_down(stores: tuple[Store, Store], engine: Engine) -> None:
    """It is paused for as long as it asked, and then told two a second until five minutes have passed without one."""
    a, b = stores
    unpaced = replace(PACED, pace=None)
    (delivery,) = take(a, NOW, replace(unpaced, limit=1))
    refuse(a, delivery, 0, SendError("slow down", retry_after_seconds=7, throttled=True))
    assert (0, after(7), after(300)) == (
        known(engine).failures,
        known(engine).paused_until,
        known(engine).throttled_until,
    )
    assert ([], after(7)) == (take(b, after(6), unpaced), claim(b, after(6), unpaced).look_at)
    assert [1, 0, 1] == [len(take(b, after(seconds), unpaced)) for seconds in (7, 7.4, 7.5)]
    assert 10 == len(take(b, after(301), unpaced))
