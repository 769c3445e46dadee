"""What tests of the store and its queue do over and over: keep a plan, take deliveries, settle them, look at rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, select

from alerts.model import Alert
from alerts.notification import Notification, Receipt, SendError, Thread
from outbox.lanes import Lane
from outbox.queue import Claim
from outbox.records import AT_ONCE, Delivery, EventStatus, Plan, Planned
from outbox.retry import Outcome
from outbox.settling import Settlement
from outbox.store import Store
from outbox.tables import deliveries
from tests.samples import NOW, notification

LEASE = 30.0
LATER = NOW + timedelta(seconds=LEASE + 1)
DELIVERED = Outcome("delivered", "ok")
DEAD = Outcome("dead", "no such channel")
TEAM = "team/log/0"


def after(seconds: float) -> datetime:
    """So long after the beginning."""
    return NOW + timedelta(seconds=seconds)


def told(group: str, *alerts: Alert, receiver: str = "team") -> Notification:
    """A notification of these alerts, and no others."""
    return notification(group, receiver, *alerts)


def keep(
    store: Store,
    *notifications: Notification,
    now: datetime = NOW,
    suppressed: str | None = None,
    due_at: datetime = AT_ONCE,
    known: bool = True,
) -> int:
    """Accepts an event and plans these notifications for it; returns the event's id.

    Args:
        known: Their alerts are kept as the latest of their groups, too.
    """
    event_id = store.accept(b"{}", now)
    (claimed,) = store.claim_events(now, LEASE)
    assert event_id == claimed.id
    alerts = {
        (each.group.group_key, alert.fingerprint): (each.group.group_key, alert, ())
        for each in notifications
        for alert in each.group.alerts
    }
    planned = tuple(Planned(each, suppressed, due_at) for each in notifications)
    plan = Plan(claimed, planned, tuple(alerts.values()) if known else ())
    assert [plan] == store.plan([plan])
    return event_id


def claim(store: Store, now: datetime = NOW, *lanes: Lane, limit: int = 100) -> Claim:
    """Claims from lanes; from those of all destinations that have something due unless some are given."""
    waiting = store.queue.waiting(now, LEASE)
    return store.queue.claim(lanes or [Lane(name, limit) for name in waiting], now, LEASE)


def take(store: Store, now: datetime = NOW, *lanes: Lane, limit: int = 100) -> list[Delivery]:
    """Claims deliveries."""
    return list(claim(store, now, *lanes, limit=limit).deliveries)


def groups_of(taken: list[Delivery]) -> list[str]:
    """The keys of the groups of deliveries."""
    return [each.notification.group.group_key for each in taken]


def said(delivery: Delivery) -> list[tuple[str, str]]:
    """What a delivery tells: names and states of its alerts."""
    return [(alert.name, alert.status) for alert in delivery.notification.group.alerts]


def settle(
    store: Store,
    delivery: Delivery,
    outcome: Outcome = DELIVERED,
    now: datetime = NOW,
    thread: Thread | None = None,
    result: Receipt | SendError | None = None,
) -> bool:
    """Settles; what is delivered is in the thread unless one is given."""
    if thread is None and outcome.state == "delivered" and delivery.kind == "state":
        thread = delivery.thread.told(delivery.notification, now)
    return store.queue.settle([Settlement(delivery, outcome, thread, result, now)]) == [True]


def tell(store: Store, *notifications: Notification, now: datetime = NOW) -> list[Delivery]:
    """Keeps notifications and delivers all that waits."""
    keep(store, *notifications, now=now)
    taken = take(store, now)
    for each in taken:
        assert settle(store, each, now=now)
    return taken


def fail(store: Store, delivery: Delivery, now: datetime, due_at: datetime) -> None:
    """Settles an attempt that is to be made again."""
    assert settle(store, delivery, Outcome("pending", "busy", due_at), now)


def row(engine: Engine, delivery_id: int) -> Any:
    """A delivery's row."""
    with engine.connect() as connection:
        return connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one()


def states(engine: Engine) -> list[str]:
    """The states of all deliveries, in the order in which they were planned."""
    with engine.connect() as connection:
        return list(connection.execute(select(deliveries.c.state).order_by(deliveries.c.id)).scalars())


def status(store: Store, event_id: int) -> EventStatus:
    """What became of an event."""
    found = store.event(event_id)
    assert found is not None
    return found


def critical(alert: Alert) -> Alert:
    """The alert, of that severity."""
    return replace(alert, labels={**alert.labels, "severity": "critical"})


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
