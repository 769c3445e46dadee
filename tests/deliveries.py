"""Deliveries in whatever state a test is about, put into the database as they are."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, insert

from alerts.notification import Notification
from outbox.records import Planned
from outbox.rows import delivery_row
from outbox.tables import deliveries, destinations, events
from tests.samples import NOW, notification

ENDED = ("delivered", "dead", "superseded", "digested", "suppressed")


def add(engine: Engine, state: str = "pending", said: Notification | None = None, **columns: Any) -> int:
    """Adds a delivery and its event, and returns its id; "retrying" is one that has failed before."""
    received_at: datetime = columns.pop("received_at", NOW)
    values: dict[str, Any] = {"state": state}
    if state == "retrying":
        values = {"state": "pending", "detail": "Slack: status 500", "attempts": 1}
    elif state in ENDED:
        values |= {"settled_at": received_at, "detail": f"was {state}"}
    with engine.begin() as connection:
        event = {"received_at": received_at, "body": b"{}", "state": "planned", "attempts": 1}
        event_id = connection.execute(insert(events).values(event).returning(events.c.id)).scalar_one()
        row = delivery_row(Planned(said or notification()), event_id, received_at)
        statement = insert(deliveries).values({**row, **values, **columns}).returning(deliveries.c.id)
        return int(connection.execute(statement).scalar_one())


def add_destination(engine: Engine, name: str, **columns: Any) -> None:
    """Adds what is known of a destination."""
    with engine.begin() as connection:
        connection.execute(insert(destinations).values(name=name, **columns))
