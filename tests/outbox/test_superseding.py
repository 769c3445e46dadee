"""A group's newest state takes the place of older ones, with every end that is owed, and wakes nobody in vain."""

import json
from dataclasses import replace

from sqlalchemy import Engine, text

from alerts.notification import Thread
from outbox.composing import END_WAS_HELD, OVER_BEFORE_TOLD, SUPERSEDED
from outbox.lanes import Lane
from outbox.store import Store
from tests.outbox.steps import (
    DEAD,
    LATER,
    TEAM,
    after,
    claim,
    critical,
    fail,
    groups_of,
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

A, B, C = model_alert("A"), model_alert("B"), model_alert("C")
A_OVER, B_OVER = model_alert("A", "resolved"), model_alert("B", "resolved")
WAKES = Lane(TEAM, 100, wakes=True)


def test_the_newest_state_takes_the_place_of_older_ones(store: Store, engine: Engine) -> None:
    """Those that wait before it end as superseded, by it, and are counted; other groups and receivers are not hurt."""
    for _ in range(3):
        keep(store, notification("one"), notification("one", "other"), notification("two"))
    got = claim(store)
    assert [(7, "team"), (8, "other"), (9, "team")] == sorted(
        (each.id, each.notification.receiver) for each in got.deliveries
    )
    assert sorted([(TEAM, "superseded")] * 4 + [("other/log/0", "superseded")] * 2) == sorted(got.settled)
    old = row(engine, 1)
    assert ("superseded", SUPERSEDED, 7, NOW, 0) == (
        old.state,
        old.detail,
        old.successor_id,
        old.settled_at,
        old.attempts,
    )


def test_what_crashed_is_superseded_with_its_doubt(engine: Engine) -> None:
    """A state that a process held when it died may have arrived: the thread says so from then on."""
    a, b = Store(engine, "a"), Store(engine, "b")
    keep(a, told("one", A))
    take(a)
    keep(a, told("one", B))
    assert [] == take(b, after(30))
    (newest,) = take(b, LATER)
    assert ([("B", "firing")], Thread(attempted=True)) == (said(newest), newest.thread)
    assert {TEAM: None} == b.holders(["one"])["one"]


def test_carries_ends_forward(store: Store) -> None:
    """{A ended, B fires} waits and {B, C fire} comes: A's end is told, too."""
    tell(store, told("one", A, B))
    keep(store, told("one", A_OVER, B))
    keep(store, told("one", B, C))
    (newest,) = take(store)
    assert [("B", "firing"), ("C", "firing"), ("A", "resolved")] == said(newest)
    assert settle(store, newest)
    assert {TEAM: frozenset({B.fingerprint, C.fingerprint})} == store.holders(["one"])["one"]


def test_carries_ends_forward_when_what_told_them_died(store: Store) -> None:
    """The row that was to tell A's end is dead: what comes next tells it, once."""
    tell(store, told("one", A, B))
    keep(store, told("one", A_OVER, B))
    assert settle(store, take(store)[0], DEAD)
    keep(store, told("one", B, C))
    (newest,) = take(store)
    assert [("B", "firing"), ("C", "firing"), ("A", "resolved")] == said(newest)
    assert settle(store, newest)
    assert [[("C", "firing")]] == [said(each) for each in tell(store, told("one", C))]


def test_carries_no_end_of_what_fires_again(store: Store) -> None:
    """An alert that ended in a state nobody heard, and fires in the newest, is firing."""
    tell(store, told("one", A, B))
    keep(store, told("one", A_OVER, B))
    keep(store, told("one", A, B))
    assert [[("A", "firing"), ("B", "firing")]] == [said(each) for each in take(store)]


def test_ends_are_not_carried_to_who_hears_of_none(store: Store) -> None:
    """With send_resolved off, an end that is owed is not added."""
    tell(store, told("one", A, B))
    keep(store, told("one", A_OVER, B))
    assert settle(store, take(store)[0], DEAD)
    keep(store, replace(told("one", B), send_resolved=False))
    assert [[("B", "firing")]] == [said(each) for each in take(store)]


def test_a_carried_end_is_in_the_row(store: Store, engine: Engine) -> None:
    """What was put together is what the row holds and counts from then on, whoever sends it."""
    keep(store, told("one", A, B))
    keep(store, told("one", critical(A_OVER), B))
    keep(store, told("one", B))
    (first,) = take(store)
    assert {"error": 1, "resolved": 1} == json.loads(row(engine, first.id).counts)
    (again,) = take(store, LATER)
    assert (first.notification, 2) == (again.notification, again.attempts)


def test_a_held_end_is_not_told_when_it_fires_again(store: Store, engine: Engine) -> None:
    """The far side still sees it firing: neither the end nor the new beginning is told, and why is kept."""
    tell(store, told("one", A))
    keep(store, told("one", A_OVER), due_at=after(600))
    assert [] == take(store, after(599))
    keep(store, told("one", A), now=after(300))
    got = claim(store, after(300))
    assert ((), [(TEAM, "superseded"), (TEAM, "suppressed")]) == (got.deliveries, sorted(got.settled))
    assert ["delivered", "superseded", "suppressed"] == states(engine)
    assert END_WAS_HELD == row(engine, 3).detail
    assert {TEAM: frozenset({A.fingerprint})} == store.holders(["one"])["one"]


def test_a_held_end_is_told_when_more_fires(store: Store) -> None:
    """What else fires with it is news, and so is the end of another alert."""
    tell(store, told("one", A))
    keep(store, told("one", A_OVER), due_at=after(600))
    keep(store, told("one", A, B))
    (more,) = take(store)
    assert [("A", "firing"), ("B", "firing")] == said(more)
    assert settle(store, more)
    keep(store, told("one", A_OVER, B_OVER), due_at=after(600))
    keep(store, told("one", A))
    assert [[("A", "firing"), ("B", "resolved")]] == [said(each) for each in take(store)]


def test_a_held_end_is_told_when_its_time_has_come(store: Store) -> None:
    """A group that stayed quiet is over."""
    tell(store, told("one", A))
    keep(store, told("one", A_OVER), due_at=after(600))
    (over,) = take(store, after(600))
    assert [("A", "resolved")] == said(over)


def test_a_beginning_does_not_wait_for_a_held_end(store: Store) -> None:
    """What fired before the end that is held is told first, and by itself."""
    keep(store, told("one", A))
    keep(store, told("one", A_OVER), due_at=after(600))
    assert [[("A", "firing")]] == [said(each) for each in take(store)]


def test_nobody_is_woken_for_what_is_over(store: Store, engine: Engine) -> None:
    """What was never attempted and is over is not sent where it would wake somebody."""
    keep(store, told("one", A))
    keep(store, told("one", A_OVER))
    assert [(TEAM, "superseded"), (TEAM, "suppressed")] == sorted(claim(store, NOW, WAKES).settled)
    assert ["superseded", "suppressed"] == states(engine)
    assert OVER_BEFORE_TOLD == row(engine, 2).detail
    assert [] == take(store, NOW, WAKES)


def test_what_was_told_is_told_as_over(store: Store) -> None:
    """Where it was delivered, the end is, too."""
    keep(store, told("one", A))
    assert settle(store, take(store, NOW, WAKES)[0])
    keep(store, told("one", A_OVER))
    (over,) = take(store, NOW, WAKES)
    assert [("A", "resolved")] == said(over)
    assert settle(store, over)
    keep(store, told("one", A_OVER))
    assert [] == take(store, NOW, WAKES)


def test_after_a_crash_the_end_is_sent(store: Store) -> None:
    """A process died while it sent: what it sent may have woken somebody."""
    keep(store, told("one", A))
    take(store, NOW, WAKES)
    keep(store, told("one", A_OVER))
    assert [[("A", "resolved")]] == [said(each) for each in take(store, LATER, WAKES)]


def test_after_an_attempt_the_end_is_sent(store: Store) -> None:
    """A request that timed out may have arrived, whether it is to be made again or has died."""
    keep(store, told("one", A), told("two", A))
    one, two = take(store, NOW, WAKES)
    fail(store, one, NOW, after(60))
    assert settle(store, two, DEAD, thread=two.thread.doubted())
    keep(store, told("one", A_OVER), told("two", A_OVER))
    assert ["one", "two"] == groups_of(take(store, NOW, WAKES))


def test_an_end_that_was_attempted_is_attempted_again(store: Store) -> None:
    """An end itself that failed is not forgotten for want of a thread."""
    keep(store, told("one", A))
    take(store, NOW, WAKES)
    keep(store, told("one", A_OVER))
    (over,) = take(store, LATER, WAKES)
    fail(store, over, LATER, LATER)
    assert [over.id] == [each.id for each in take(store, LATER, WAKES)]


def test_who_is_not_woken_hears_once_as_over(store: Store) -> None:
    """Elsewhere what began and ended meanwhile is told once, as over."""
    keep(store, told("one", A))
    keep(store, told("one", A_OVER))
    assert [[("A", "resolved")]] == [said(each) for each in take(store)]


def test_unreadable_rows_around_a_state_hold_up_nothing(store: Store, engine: Engine) -> None:
    """A thread of another version is in doubt; alerts and superseded states of one are passed over."""
    tell(store, told("one", A, B))
    keep(store, told("one", A_OVER, B))
    with engine.begin() as connection:
        for table, column in (("threads", "thread"), ("deliveries", "notification")):
            connection.execute(text(f"UPDATE {table} SET {column} = '{{}}x'"))
    keep(store, told("one", B))
    (newest,) = take(store, NOW, WAKES)
    assert (Thread(attempted=True), [("B", "firing")]) == (newest.thread, said(newest))


def test_an_unreadable_alert_holds_up_nothing(store: Store, engine: Engine) -> None:
    """An end that is owed and that another version wrote is not added, and the rest is told."""
    tell(store, told("one", A, B))
    keep(store, told("one", A_OVER, B))
    assert settle(store, take(store)[0], DEAD)
    with engine.begin() as connection:
        connection.execute(text('UPDATE alerts SET alert = \'{"of": "old"}\''))
    keep(store, told("one", B), known=False)
    assert [[("B", "firing")]] == [said(each) for each in take(store)]


def test_a_held_end_in_doubt_is_not_taken_for_untold(store: Store) -> None:
    """Another end was attempted before and may have arrived: that it fires again is told."""
    tell(store, told("one", A))
    keep(store, told("one", A_OVER))
    (lost,) = take(store)
    assert settle(store, lost, DEAD, thread=lost.thread.doubted())
    keep(store, told("one", A_OVER), due_at=after(600))
    keep(store, told("one", A))
    assert [[("A", "firing")]] == [said(each) for each in take(store)]
