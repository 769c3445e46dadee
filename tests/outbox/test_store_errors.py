"""A database that refuses is a StoreError, which says what it said and no values; nothing is kept."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, event, text

from alerts.notification import Thread
from outbox.database import StoreError
from outbox.records import Delivery, Plan, Planned
from outbox.retry import Outcome
from outbox.store import Store
from tests.outbox.steps import LATER, LEASE, broken, keep, settle, status, take
from tests.samples import NOW, notification

WRITES: dict[str, Callable[[Store, Delivery, Plan], object]] = {
    "accept": lambda store, delivery, plan: store.accept(b"s3cret", NOW),
    "claim_events": lambda store, delivery, plan: store.claim_events(LATER, LEASE),
    "plan": lambda store, delivery, plan: store.plan([plan]),
    "claim": lambda store, delivery, plan: take(store, LATER),
    "settle": lambda store, delivery, plan: settle(store, delivery, Outcome("dead", "s3cret"), thread=Thread("s3cret")),
    "give_back": lambda store, delivery, plan: store.queue.give_back(delivery),
    "retry": lambda store, delivery, plan: store.queue.retry(delivery.id, NOW) or True,
    "drop": lambda store, delivery, plan: store.queue.drop(delivery.id, NOW),
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
    assert None is not WRITES[method](store, delivery, plan) or method in ("probe", "give_back")


READS: dict[str, Callable[[Store], object]] = {
    "event": lambda store: store.event(1),
    "recent_alerts": lambda store: store.recent_alerts(10),
    "waiting": lambda store: store.queue.waiting(NOW, LEASE),
    "firing": lambda store: store.firing("group", 10),
    "silent": lambda store: store.silent("group", NOW),
    "holders": lambda store: store.holders(["group"]),
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


@pytest.mark.parametrize("method", ["settle", "give_back", "accept", "waiting", "backlog"])
def test_a_connection_that_cannot_be_made_is_a_store_error(store: Store, engine: Engine, method: str) -> None:
    """Not only what the database says, but what the machine says on the way there: too many open files."""
    keep(store, notification("s3cret"))
    (delivery,) = take(store)
    store.accept(b"{}", NOW)
    (event_,) = store.claim_events(NOW, LEASE)
    plan = Plan(event_)

    def refuse(connection: object, record: object, proxy: object) -> None:
        raise OSError(24, "Too many open files")

    event.listen(engine, "checkout", refuse)
    try:
        with pytest.raises(StoreError, match="Too many open files"):
            READS[method](store) if method in READS else WRITES[method](store, delivery, plan)
    finally:
        event.remove(engine, "checkout", refuse)
    assert settle(store, delivery)
