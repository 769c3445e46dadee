"""What people and metrics are told of deliveries and destinations, on both databases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest
from sqlalchemy import Engine, event, text

from outbox.database import StoreError, migrate, open_database
from outbox.listing import WORDS, ListedDelivery, Word
from outbox.records import AT_ONCE, DeliveryState
from outbox.standing import DestinationStatus
from outbox.store import Store
from tests.deliveries import add, add_destination
from tests.samples import NOW, model_alert, notification


def later(seconds: float) -> Any:
    """A moment after the one that tests begin at."""
    return NOW + timedelta(seconds=seconds)


def ids(listed: tuple[ListedDelivery, ...]) -> list[int]:
    """Which they are."""
    return [each.id for each in listed]


def test_every_state_has_its_word() -> None:
    """Nothing is kept that cannot be asked for."""
    assert {*get_args(DeliveryState), "retrying"} == set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_lists_those_of_a_state(store: Store, engine: Engine, word: Word) -> None:
    """Each state is listed by itself, the newest first, and says that it is in that state."""
    for _ in range(2):
        of_word = {each: add(engine, each) for each in WORDS}
    found = store.deliveries([word], now=NOW, limit=100)
    assert [of_word[word], of_word[word] - len(WORDS)] == ids(found)
    assert {word} == {each.word for each in found}


def test_lists_several_states_page_by_page(store: Store, engine: Engine) -> None:
    """Pages go on where the one before ended, whatever is mixed in; with no state given all are listed."""
    added = [add(engine, word) for _ in range(4) for word in ("delivered", "dead", "retrying")]
    chosen = [each for at, each in enumerate(added) if at % 3]
    words: list[Word] = ["dead", "retrying", "dead"]
    first = store.deliveries(words, now=NOW, limit=3)
    second = store.deliveries(words, now=NOW, limit=100, before_id=first[-1].id)
    assert chosen[::-1] == ids(first) + ids(second)
    assert 3 == len(first)
    assert added[::-1] == ids(store.deliveries(now=NOW, limit=100))
    assert added[::-1][:2] == store.delivery_ids([], limit=2)


def test_lists_those_of_a_destination(store: Store, engine: Engine) -> None:
    """One destination's alone; of a name that nobody has, however odd, there are none."""
    add(engine, "dead")
    other = add(engine, "dead", notification("group", "other"))
    assert [other] == ids(store.deliveries(["dead"], now=NOW, limit=9, destination="other/log/0"))
    assert () == store.deliveries(now=NOW, limit=9, destination="no\0body")


def test_says_what_a_delivery_is_about(store: Store, engine: Engine) -> None:
    """Its group, the names of its alerts, each once, what it said, and what tells it instead."""
    alerts = (model_alert("A", pod="1"), model_alert("B"), model_alert("A", pod="2"))
    added = add(engine, "superseded", notification("the group", "team", *alerts), successor_id=7, attempts=2)
    found = store.delivery(added, NOW)
    assert found is not None
    assert ("the group", ("A", "B"), 7, 2, "was superseded") == (
        found.group_key,
        found.alerts,
        found.successor_id,
        found.attempts,
        found.detail,
    )
    assert None is store.delivery(added + 1, NOW)


def test_lists_what_another_version_wrote(store: Store, engine: Engine) -> None:
    """A row whose notification cannot be read is listed all the same."""
    added = add(engine, "dead", notification="{}")
    (found,) = store.deliveries(now=NOW, limit=1)
    assert (added, "", ()) == (found.id, found.group_key, found.alerts)


def test_says_when_it_is_tried_next(store: Store, engine: Engine) -> None:
    """When it is due, but not before its destination takes something; never again once it is at its end."""
    expected = {
        add(engine, due_at=AT_ONCE): NOW,
        add(engine, "retrying", due_at=later(60)): later(60),
        add(engine, "retrying", due_at=AT_ONCE, wanted_at=later(5)): later(5),
        add(engine, "retrying", notification("g", "paused"), due_at=later(10)): later(20),
        add(engine, "retrying", notification("g", "paused"), due_at=later(30)): later(30),
        add(engine, "retrying", notification("g", "jumped"), due_at=later(10)): later(10),
        add(engine, "dead", due_at=later(60)): None,
    }
    add_destination(engine, "paused/log/0", paused_until=later(20))
    add_destination(engine, "jumped/log/0", paused_until=later(90 * 60))
    assert expected == {each.id: each.next_at for each in store.deliveries(now=NOW, limit=100)}


def test_tells_what_a_digest_told(store: Store, engine: Engine) -> None:
    """The notifications that went into it and into no other, the oldest first."""
    digest, other = add(engine, "delivered", kind="digest"), add(engine, kind="digest")
    told = [notification(f"group {number}") for number in range(3)]
    for each in told:
        add(engine, "digested", each, successor_id=digest)
    add(engine, "digested", notification="{}", successor_id=digest)
    add(engine, "digested", successor_id=other)
    add(engine, "superseded", successor_id=digest)
    assert tuple(told) == store.digested(digest)
    assert 1 == len(store.digested(other) or ())


def test_what_is_no_digest_tells_nothing(store: Store, engine: Engine) -> None:
    """Neither does a delivery of another kind, nor one that is not there."""
    added = add(engine, "delivered")
    add(engine, "superseded", successor_id=added)
    assert [None, None] == [store.digested(added), store.digested(added + 100)]


def test_says_how_destinations_stand(store: Store, engine: Engine) -> None:
    """What fails or is paused, what waits and since when, and what died untold; also of those that are only named."""
    add_destination(engine, "a", failures=3, failing_since=NOW, paused_until=later(40), error="Slack: status 500")
    add_destination(engine, "b", failures=1, paused_until=later(-1), throttled_until=later(100))
    add_destination(engine, "c", paused_until=later(90 * 60), throttled_until=later(400), pace_at=later(5))
    for number, state in enumerate(("pending", "retrying", "retrying", "dead", "dead", "delivered")):
        add(engine, state, destination="d", received_at=later(-number), untold=int(state == "dead"))
    add(engine, "dead", destination="d", untold=0)
    assert [
        DestinationStatus("a", True, 3, NOW, later(40), None, "Slack: status 500"),
        DestinationStatus("b", failures=1, throttled_until=later(100)),
        DestinationStatus("c"),
        DestinationStatus("d", waiting=3, retrying=2, oldest_at=later(-2), untold=2),
        DestinationStatus("e"),
    ] == store.destinations(NOW, ["e", "a"])


def test_counts_the_events_that_wait(store: Store) -> None:
    """How many, and since when the oldest does."""
    assert (0, None) == store.waiting_events()
    for seconds in (0, -5, 5):
        store.accept(b"{}", later(seconds))
    assert (3, later(-5)) == store.waiting_events()


REPORTS: dict[str, Callable[[Store], object]] = {
    "a state": lambda store: store.deliveries(["dead"], now=NOW, limit=100),
    "each state": lambda store: store.deliveries(WORDS, now=NOW, limit=100),
    "all": lambda store: store.deliveries(now=NOW, limit=100),
    "a digest": lambda store: store.digested(1),
    "one": lambda store: store.delivery(1, NOW),
    "destinations": lambda store: store.destinations(NOW),
    "events": lambda store: store.waiting_events(),
}


@pytest.mark.parametrize("name", REPORTS)
def test_costs_nothing_of_what_is_finished(sqlite_url: str, name: str) -> None:
    """No report reads a table from end to end or sorts it, so that a million finished rows are as good as none.

    Of SQLite only: PostgreSQL plans by what the tables hold, which is nothing here.
    """
    engine = open_database(sqlite_url)
    migrate(engine)
    plans: list[str] = []
    add(engine, "delivered", kind="digest")

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        plans.extend(f"{row[3]}: {statement}" for row in rows)

    event.listen(engine, "before_cursor_execute", explain)
    REPORTS[name](Store(engine, "a"))
    engine.dispose()
    whole = [each for each in plans if each.startswith(("SCAN deliveries", "SCAN events"))]
    # The first rows in the order of their ids, and indexes that hold a few rows alone.
    indexes = ("USING INDEX deliveries_untold", "USING INDEX events_accepted", "LIMIT")
    few = [each for each in whole if any(index in each for index in indexes)]
    assert few == whole
    assert [] == [each for each in plans if "B-TREE FOR ORDER BY" in each]
    assert plans


@pytest.mark.parametrize("name", REPORTS)
def test_says_that_the_database_does_not_answer(store: Store, engine: Engine, name: str) -> None:
    """In the store's own words."""
    with engine.begin() as connection:
        for table in ("deliveries", "events"):
            connection.execute(text(f"ALTER TABLE {table} RENAME TO other_{table}"))
    with pytest.raises(StoreError):
        REPORTS[name](store)
